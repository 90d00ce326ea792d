"""No stored secret reaches a new destination without the right: way x door x right x value.

Each case is a state before and after, and a door that would make the one of the other. With the
right, or for a secret without a value, it does; else it refuses, and the rows are as they were.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from flows.models import Connection, Secret
from flows.saves import named_saves
from flows.secrets.stored_destinations import StoredServer
from flows.security_events import SecurityEvent, note_security_events
from imports.errors import NotPermitted
from imports.importing.service import run_import
from imports.named_saves import preview_restore, restore
from imports.undo.service import undo_import
from tests.support.factories import ConnectionFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.pages import as_opened
from tests.support.undoing import undo_request
from tests.support.users import logged_in

pytestmark = pytest.mark.django_db

GOOD = "{ host: 'good.example.com', key: secrets.KEY }"
EVIL = "{ host: 'evil.example.com', key: secrets.KEY }"
BARE = "{ host: 'evil.example.com' }"
# What a connection is, and what it becomes.
CONTENTS = {
    "another host": (GOOD, EVIL),
    "a harmless key": (BARE, "{ host: 'evil.example.com', comment: secrets.KEY }"),
    "a template": (BARE, "{ host: 'evil.example.com', comment: `${secrets.KEY}` }"),
    "by index": (BARE, "{ host: 'evil.example.com', key: secrets['KEY'] }"),
    "optional": (BARE, "{ host: 'evil.example.com', key: secrets?.KEY }"),
    "with spaces": (BARE, "{ host: 'evil.example.com', key: secrets [ 'KEY' ] }"),
    "escaped": (BARE, "{ host: 'evil.example.com', key: \\u0073ecrets.KEY }"),
    "escaped name": (BARE, "{ host: 'evil.example.com', key: secrets.\\u004bEY }"),
    "destructured": (BARE, "(() => { const {KEY} = secrets; return {key: KEY} })()"),
    "renamed": (BARE, "(() => { const s = secrets; return {key: s.KEY} })()"),
    "computed": (BARE, "{ host: 'evil' + x, key: globalThis['sec' + 'rets'].KEY }"),
}


def user_with(may_retarget: bool) -> User:
    """Somebody who may do everything else."""
    user = User.objects.create_user("anna", is_staff=True)
    rights = Permission.objects.all()
    user.user_permissions.set(
        rights if may_retarget else rights.exclude(codename="retarget_connections")
    )
    return User.objects.get(pk=user.pk)


def api(user: User, method: str, path: str, body: dict[str, Any]) -> int:
    client = APIClient()
    client.force_authenticate(user)
    status: int = client.generic(
        method, f"/api{path}", json.dumps(body), content_type="application/json"
    ).status_code
    assert status in {200, 201, 403}, status
    return status


def imports(user: User, *items: dict[str, Any], mode: str = "overwrite") -> None:
    run_import(request_for(export_file(*items), mode, user=user, user_name="anna"))


def form_of(client: Client, url: str) -> dict[str, Any]:
    """What a browser would send of the form as it stands."""
    page = client.get(url).context
    form = page["adminform"].form
    shown = (
        {"shown_destinations": page["shown_destinations"]} if "shown_destinations" in page else {}
    )
    return shown | {
        name: value
        for name in form.fields
        if (value := form.get_initial_for_field(form.fields[name], name)) is not None
    }


def post_form(user: User, url: str, **typed: Any) -> None:
    client = logged_in(user)
    answer = client.post(url, {**form_of(client, url), **typed})
    assert answer.status_code in {200, 302}


def pairs() -> set[tuple[str, str]]:
    """Each secret by its name, with where connections send it."""
    server = StoredServer()
    live = {state.name for state in server.read_secrets().values()}
    return {
        (use.secret, use.destination.identity)
        for user in server.read_connections()
        for use in user.uses
        if use.secret in live or use.secret == "*"
    }


# --- Doors that change a connection's content


def stored_connection(text: str) -> Connection:
    return ConnectionFactory(uuid=uuid_of("c", 1), name="Warehouse", dev_value=text)


def by_import(user: User, before: str, after: str) -> Callable[[], None]:
    stored_connection(before)
    return lambda: imports(user, connection(1, "Warehouse", devValue=after, type="Twilio"))


def by_duplicate(user: User, before: str, after: str) -> Callable[[], None]:
    stored_connection(before)
    item = connection(1, "Warehouse", devValue=after, type="Twilio")
    return lambda: imports(user, item, mode="duplicate")


def by_undo(user: User, before: str, after: str) -> Callable[[], None]:
    stored_connection(after)
    record = import_items(connection(1, "Warehouse", devValue=before, type="Twilio")).record
    return lambda: undo_import(undo_request(record, user=user, user_name="anna"))


def by_redo(user: User, before: str, after: str) -> Callable[[], None]:
    stored_connection(before)
    record = import_items(connection(1, "Warehouse", devValue=after, type="Twilio")).record
    undone = undo_import(undo_request(record)).record
    return lambda: undo_import(undo_request(undone, user=user, user_name="anna"))


def by_put(user: User, before: str, after: str) -> Callable[[], None]:
    row = stored_connection(before)
    return lambda: api(user, "PUT", f"/connection/{row.uuid}", {"devValue": after})


def by_form(user: User, before: str, after: str) -> Callable[[], None]:
    row = stored_connection(before)
    url = reverse("admin:flows_connection_change", args=[row.pk])
    return lambda: post_form(user, url, dev_value=after)


def _saved(before: str, after: str) -> tuple[Connection, int]:
    row = stored_connection(after)
    number = named_saves.take(row, "save").version_set.get().pk
    Connection.objects.filter(pk=row.pk).update(dev_value=before)
    return row, number


def by_save_in_the_admin(user: User, before: str, after: str) -> Callable[[], None]:
    row, number = _saved(before, after)
    url = reverse("admin:flows_connection_restore_save", args=[row.pk, number])
    return lambda: logged_in(user).post(url, as_opened(row))


def by_reversions_own_page(user: User, before: str, after: str) -> Callable[[], None]:
    row, number = _saved(before, after)
    url = reverse("admin:flows_connection_revision", args=[row.pk, number])

    def revert() -> None:
        client = logged_in(user)
        client.post(url, form_of(client, url))

    return revert


def by_save_in_the_command(user: User, before: str, after: str) -> Callable[[], None]:
    _, number = _saved(before, after)

    def restore_it() -> None:
        restore(preview_restore(str(number), user=user), user=user, user_name="anna")

    return restore_it


BY_CONTENT = [
    *(by_import, by_duplicate, by_undo, by_redo, by_put, by_form),
    *(by_save_in_the_admin, by_reversions_own_page, by_save_in_the_command),
]


@dataclass
class Case:
    """What a case needs: who, and whether the secret has a value."""

    user: User
    key: Secret
    is_allowed: bool

    def check(self, write: Callable[[], None]) -> None:
        before = pairs()
        with note_security_events() as events:
            try:
                write()
            except NotPermitted:
                assert not self.is_allowed
        refused = events.count(SecurityEvent.RETARGET_REFUSED)
        assert refused == (0 if self.is_allowed else 1), events
        if self.is_allowed:
            assert pairs() - before, "the door did not do what was asked"
        else:
            assert pairs() == before


@pytest.fixture(params=[True, False], ids=["right", "no right"])
def may_retarget(request) -> bool:
    return request.param


@pytest.fixture(params=[True, False], ids=["value", "no value"])
def case(request, may_retarget: bool) -> Case:
    value = "CANARY" if request.param else None
    key = SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value=value)
    return Case(user_with(may_retarget), key, is_allowed=may_retarget or not request.param)


@pytest.mark.parametrize("way", CONTENTS)
@pytest.mark.parametrize("door", BY_CONTENT, ids=lambda door: door.__name__)
def test_another_content(case: Case, door, way: str) -> None:
    case.check(door(case.user, *CONTENTS[way]))


# --- A new connection that names a stored secret


@pytest.mark.parametrize("way", CONTENTS)
@pytest.mark.parametrize("door", ["import", "post", "form"])
def test_a_new_connection(case: Case, door: str, way: str) -> None:
    text = CONTENTS[way][1]
    doors: dict[str, Callable[[], None]] = {
        "import": lambda: imports(case.user, connection(1, "New", devValue=text)),
        "post": lambda: api(case.user, "POST", "/connection", {"name": "New", "devValue": text}),
        "form": lambda: post_form(
            case.user, reverse("admin:flows_connection_add"), name="New", dev_value=text
        ),
    }
    case.check(doors[door])


# --- A secret that gets the name that an evil connection uses


def _rename(case: Case, door: str) -> Callable[[], Any]:
    url = reverse("admin:flows_secret_change", args=[case.key.pk])
    if door == "import":
        return lambda: imports(case.user, secret(1, "WANTED"))
    if door == "put":
        return lambda: api(case.user, "PUT", f"/secret/{case.key.uuid}", {"name": "WANTED"})
    if door == "form":
        return lambda: post_form(case.user, url, name="WANTED")
    number = named_saves.take(Secret(pk=case.key.pk, uuid=case.key.uuid, name="WANTED",
        dev_value=case.key.dev_value), "save").version_set.get().pk  # fmt: skip
    return lambda: logged_in(case.user).post(
        reverse("admin:flows_secret_restore_save", args=[case.key.pk, number]),
        as_opened(case.key),
    )


@pytest.mark.parametrize("door", ["import", "put", "form", "save"])
def test_a_renamed_secret(case: Case, door: str) -> None:
    ConnectionFactory(dev_value="{ host: 'evil.example.com', key: secrets.WANTED }")
    case.check(_rename(case, door))


def test_a_rename_that_is_undone(case: Case) -> None:
    record = import_items(secret(1, "OTHER")).record
    ConnectionFactory(dev_value=EVIL)
    case.check(lambda: undo_import(undo_request(record, user=case.user, user_name="anna")))


def test_a_rename_by_a_decision(case: Case) -> None:
    from flows.content.fields import Kind  # noqa: PLC0415
    from imports.plans.decisions import ItemDecision  # noqa: PLC0415

    ConnectionFactory(dev_value="{ host: 'evil.example.com', key: secrets.WANTED }")
    decided = ItemDecision(mode=None, target_uuid=str(case.key.uuid))
    request = request_for(
        export_file(secret(7, "WANTED")),
        user=case.user,
        user_name="anna",
        decisions={(Kind.SECRET, uuid_of("5", 7)): decided},
    )
    case.check(lambda: run_import(request))


# --- What was deleted and comes back


def _delete(row: Connection | Secret) -> None:
    type(row).objects.filter(pk=row.pk).update(is_deleted=True)


@pytest.mark.parametrize("kind", ["connection", "secret"])
@pytest.mark.parametrize("door", ["import", "undelete", "restore selected", "save"])
def test_what_comes_back(case: Case, door: str, kind: str) -> None:
    row: Any = ConnectionFactory(uuid=uuid_of("c", 1), name="Evil", dev_value=EVIL)
    row = row if kind == "connection" else case.key
    number = named_saves.take(row, "live").version_set.get().pk
    _delete(row)
    item = connection(1, "Evil", devValue=EVIL) if kind == "connection" else secret(1, "KEY")
    client = logged_in(case.user)
    doors: dict[str, Callable[[], Any]] = {
        "import": lambda: imports(case.user, item),
        "undelete": lambda: client.post(reverse(f"admin:flows_{kind}_undelete", args=[row.pk])),
        "restore selected": lambda: client.post(
            reverse(f"admin:flows_{kind}_changelist") + "?state=deleted",
            {"action": "restore_selected", "_selected_action": [row.pk]},
        ),
        "save": lambda: client.post(
            reverse(f"admin:flows_{kind}_restore_save", args=[row.pk, number]), as_opened(row)
        ),
    }
    case.check(doors[door])


def test_an_import_that_was_undone_and_comes_back(case: Case) -> None:
    record = import_items(connection(1, "New", devValue=EVIL)).record
    undone = undo_import(undo_request(record)).record
    case.check(lambda: undo_import(undo_request(undone, user=case.user, user_name="anna")))


def test_a_row_that_was_removed_for_good_and_is_recovered(case: Case) -> None:
    row = stored_connection(EVIL)
    number = named_saves.take(row, "save").version_set.get().pk
    row.delete()
    url = reverse("admin:flows_connection_recover", args=[number])

    def recover() -> None:
        client = logged_in(case.user)
        client.post(url, form_of(client, url))

    case.check(recover)
