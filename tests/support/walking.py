"""Every address of the site, with real things behind it, for tests of what holds everywhere."""

import gzip
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import User
from accounts.tokens import issue_login_token
from flows.models import MODELS, Connection, Flow, Secret
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.roles import ROLES, Role
from flows.saves import named_saves
from imports.models import BuiltExport, BuiltTransfer, ImportItem, PendingImport
from imports.plans.plan import Mode
from imports.uploads import pending as uploads
from imports.uploads.keeping import PlanDetails, keep_plan
from tests.support.importing import connection, export_file, flow, import_items, request_for, secret
from tests.support.stored_exports import store_export

KINDS = ("flow", "connection", "secret")


def user_in(role: Role | None) -> User:
    """A user of the admin's pages in a role; a superuser where none is given."""
    if role is None:
        return User.objects.create_superuser("root", "root@example.org", "a password")
    user = User.objects.create_user(f"{role}".lower(), is_staff=True)
    group, _ = Group.objects.get_or_create(name=ROLES[role].group)
    wanted = {name.split(".")[1] for name in ROLES[role].permissions}
    group.permissions.set(Permission.objects.filter(codename__in=wanted))
    user.groups.add(group)
    return user


def stored_things(user: User) -> dict[str, Any]:
    """One of everything that an address can name, the user's own where it must be."""
    items = [flow(1, "Orders", nodes=[{"id": "1", "type": "start"}]), secret(1, "KEY")]
    items.append(connection(1, "Twilio", devValue="{ token: secrets.KEY }"))
    import_items(*items)
    changed = [{**item, "tags": ["new"]} for item in items[:2]]
    changed.append({**items[2], "description": "new"})
    record = import_items(*changed).record
    saves, purged = {}, {}
    for kind in MODELS:
        named_saves.take(MODELS[kind].objects.get(), "before", user=user)
        saves[str(kind)] = named_saves.list_saves(MODELS[kind].objects.get())[0].pk
        gone = MODELS[kind].objects.create(name=f"GONE_{kind}")
        purged[str(kind)] = named_saves.take(gone, "gone").version_set.get().pk
        gone.delete()
    issue_login_token(user)
    now = timezone.now()
    directory = Path(settings.ZIGGY["BACKUP_DIR"])
    directory.mkdir(exist_ok=True)
    copy = "default-20260316T171006-000000Z.sqlite3"
    (directory / copy).write_bytes(b"a copy")
    BuiltExport.objects.create(user=user, built_at=now, content=gzip.compress(b"{}"), size=2)
    BuiltTransfer.objects.create(user=user, built_at=now, backup_name=copy)
    export = store_export(user)
    return {
        "record": record,
        "saves": saves,
        "purged": purged,
        "upload": _upload(user) or _keep_plan(),
        "plan": _keep_plan(),
        "export": export,
        "user": user,
    }


def _keep_plan() -> PendingImport:
    """A plan that somebody else had kept."""
    keeper, _ = User.objects.get_or_create(username="keeper", is_superuser=True)
    changed = export_file(flow(1, "Orders", timeout=7), secret(9, "NEW"), connection(1, "Twilio"))
    link = "https://git.example.com/repo/pull/42"
    details = PlanDetails(link=link, title="Shorter timeout", commit="1f0c2b9")
    return keep_plan(keeper, request_for(changed, user=keeper), details)


def _upload(user: User) -> PendingImport | None:
    """An upload of the user that waits, beside one that is too old to be kept."""
    if not user.has_perm("imports.run_import"):
        return None
    options = uploads.Options(mode=Mode.OVERWRITE)
    changed = export_file(flow(1, "Orders", timeout=7), secret(9, "NEW"), connection(1, "Twilio"))
    old = uploads.stage(user, payload=changed, file_name="old.json", options=options)
    new = uploads.stage(user, payload=changed, file_name="new.json", options=options)
    PendingImport.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    return new


def addresses(things: dict[str, Any]) -> list[str]:
    """An address of every route; those that log somebody out come last."""
    found = {"/" + _filled(route, things) for route in routes()}
    return sorted(found, key=lambda address: ("logout" in address, address))


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Every route of the site, as its resolver has them."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = f"{prefix}{pattern.pattern}"
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


def _filled(route: str, things: dict[str, Any]) -> str:
    kind = next((each for each in KINDS if f"/flows/{each}/" in route), "")
    record, upload = things["record"], things["upload"]
    number = record.pk
    if "importrecord/import/" in route:
        number = upload.pk if upload else 1
    elif kind and "saves" in route:
        number = things["saves"][kind]
    elif kind:
        number = ImportItem.objects.filter(record=record, kind=kind).get().pk
    name = "KEY" if "obfuscated" in route else "Orders"
    values = {
        "content_type_id": ContentType.objects.get_for_model(Flow).pk,
        "object_id": _object_id(route, kind, things),
        "id": things["user"].pk,
        "pk": _pk(route, things),
        "record_id": record.pk,
        "number": number,
        "item_id": ImportItem.objects.filter(record=record, kind="connection").get().pk,
        "secret_uuid": Secret.objects.get(name="KEY").uuid,
        "kind": "flow",
        "uuid": _uuid(route, things),
        "user_id": things["user"].uuid,
        "name": name,
        "receiver_type": "HTTP",
        "app_label": "flows",
        "url": "no/such/page",
    }
    if "recover/(" in route:
        route = route.replace(r"(\d+)", str(things["purged"][kind]))
    elif r"(\d+)" in route:
        route = route.replace(r"(\d+)", str(things["saves"][kind]))
        route = route.replace("([^/]+)", str(values["object_id"]))
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: str(values[found[1]]), route)
    route = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route)
    return route.replace("^", "").replace("$", "")


def _object_id(route: str, kind: str, things: dict[str, Any]) -> Any:
    if kind:
        return {"flow": Flow, "connection": Connection, "secret": Secret}[kind].objects.get().pk
    if "/auth/group/" in route:
        return Group.objects.get_or_create(name="Some group")[0].pk
    if "/accounts/apitoken/" in route:
        return things["user"].auth_token_set.first().pk
    if "/accounts/user/" in route:
        return things["user"].pk
    return things["record"].pk if "importrecord" in route else Flow.objects.get().pk


def _pk(route: str, things: dict[str, Any]) -> int:
    name = "plan" if "plans/" in route else "export" if "api/exports/" in route else "record"
    return int(things[name].pk)


def _uuid(route: str, things: dict[str, Any]) -> Any:
    if "history-load" in route or "restore" in route:
        return make_save_uuid(things["saves"]["flow"])
    model: Any = Connection if "api/connection" in route else Flow
    model = Secret if "api/secret" in route else model
    return model.objects.get().uuid


def bearer(user: User) -> dict[str, str]:
    """The header of a new login of the user."""
    return {"Authorization": f"Bearer {issue_login_token(user)}"}
