"""Fill an empty, migrated database with a bit of everything: rows in every table of the apps.

All of it is made through the product's own doors and services, and all of it is made up.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import issue_key, issue_login_token
from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.conf import ziggy
from flows.content.fields import Kind
from flows.deletion import mark_deleted
from flows.models import MODELS, Flow, Secret
from flows.saves import named_saves
from imports.errors import UnableToImport
from imports.exporting.downloads import build_export, build_transfer
from imports.exporting.selection import select_everything
from imports.importing.request import ImportRequest
from imports.importing.service import run_import
from imports.models import (
    BackgroundExport,
    BackgroundJob,
    Door,
    ExportStatus,
    ImportItem,
    ImportRecord,
    JobKind,
    PendingImport,
    PlanningJob,
    RunProgress,
    Status,
)
from imports.plans.plan import Mode
from imports.records.checklist import tick_off
from imports.undo.request import UndoRequest
from imports.undo.service import undo_import
from imports.uploads import pending as uploads
from imports.uploads.keeping import PlanDetails, keep_plan
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from imports.uploads.stored_file import pack_file
from tools.sample_items import (
    ALL,
    CONNECTIONS,
    EVERYTHING_LATER,
    LOCKED,
    NAMELESS,
    NULLS,
    Lists,
    make_uuid,
)

SECRET_VALUES = {
    "SAMPLE_KEY": ("the development value of a sample", "the production value of a sample"),
    "SAMPLE_PIN": ("0000", ""),
    "GONE_KEY": ("", "the value of a deleted sample"),
}
"""Name of a stored secret to its values in development and production; empty for none."""

USERS = {"ada": "Admin", "ed": "Editor", "ci": "Service Account", "op": "Operator"}
"""Name of a user to the group of its role. There is a superuser, root, too."""

PASSWORD = "a-long-passphrase-of-samples"  # noqa: S105 - of made-up accounts
"""Of every user."""

SAVE_NAME = "before the rebuild"
"""The named save of the flow `Everything` by hand."""

_SAMPLES = Path(__file__).parents[1] / "samples"


def fill_server() -> None:
    """Fill the default database. Call it where the keys are those of development."""
    users = _make_users()
    ada = users["ada"]
    first = _import(ALL, ada)
    _set_secret_values()
    named_saves.take(Flow.objects.get(name="Everything"), SAVE_NAME, user=ada)
    _import_the_samples(ada)
    _refuse_and_fail(ada)
    _undo_and_redo(ada)
    _delete_rows(ada)
    _wait_with_uploads(users["root"], ada)
    _keep_plans(users["ci"])
    _call_the_api(ada)
    checked = ImportItem.objects.filter(record=first, kind=str(Kind.CONNECTION)).first()
    if checked is not None:
        tick_off(first, checked.pk)
    _leave_to_a_worker(ada)
    build_export(ada, select_everything)
    build_transfer(ada)
    _import({"flows": [EVERYTHING_LATER, {"uuid": make_uuid("f", 9), "name": "Last"}]}, ada)


def _leave_to_a_worker(user: User) -> None:
    """A run that was queued and called off; a number of one that was written."""
    record = ImportRecord.objects.create(
        queued_at=timezone.now(),
        started_at=timezone.now(),
        finished_at=timezone.now(),
        status=Status.CANCELLED,
        door=Door.API,
        user=user,
        user_name=user.get_username(),
        server=ziggy.SERVER_NAME,
        file_name="zexport.json",
        file_size=1,
        mode=Mode.OVERWRITE,
        with_backup=True,
        override_locks=False,
        code="cancelled",
        message="It was cancelled before its write began.",
    )
    BackgroundJob.objects.create(record=record, kind=JobKind.IMPORT, is_cancelled=True)
    RunProgress.objects.create(record=record, done=1, total=2)
    BackgroundExport.objects.create(
        user=user,
        asked_at=timezone.now(),
        finished_at=timezone.now(),
        status=ExportStatus.SUCCEEDED,
        choice={"has_everything": True},
        counts={kind.plural: 0 for kind in Kind},
        content=pack_file(b"An export, in gzip"),
    )
    upload = PendingImport.objects.create(
        user=user,
        created_at=timezone.now(),
        file_name="large.json",
        file_size=1,
        mode=Mode.OVERWRITE,
    )
    PlanningJob.objects.create(pending=upload, code="gave-up", message="Its worker died.")


def _make_users() -> dict[str, User]:
    users = {"root": User.objects.create_superuser("root", "root@example.com", PASSWORD)}
    for name, group in USERS.items():
        user = User.objects.create_user(name, f"{name}@example.com", PASSWORD, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        users[name] = user
    users["op"].user_permissions.add(Permission.objects.get(codename="delete_flow"))
    LogEntry.objects.log_actions(
        users["root"].pk, User.objects.filter(username="ada"), ADDITION, single_object=True
    )
    return users


def _import(lists: Lists, user: User, mode: Mode = Mode.OVERWRITE) -> ImportRecord:
    return _import_bytes(json.dumps(lists).encode(), user, mode)


def _import_bytes(
    payload: bytes, user: User, mode: Mode = Mode.OVERWRITE, **options: Any
) -> ImportRecord:
    request = ImportRequest(
        payload=payload,
        file_name="sample.json",
        server=ziggy.SERVER_NAME,
        door=Door.COMMAND,
        user=user,
        user_name=user.get_username(),
        mode=mode,
        with_backup=False,
        accept=tuple(MAY_ACKNOWLEDGE),
        **options,
    )
    return run_import(request).record


def _set_secret_values() -> None:
    for name, (dev_value, prod_value) in SECRET_VALUES.items():
        secret = Secret.objects.get(name=name)
        secret.dev_value, secret.prod_value = dev_value, prod_value
        secret.save()


def _import_the_samples(user: User) -> None:
    _import_bytes((_SAMPLES / "two-items-older.json").read_bytes(), user)
    newer = (_SAMPLES / "two-items.json").read_bytes()
    _import_bytes(newer, user, Mode.SKIP)
    _import_bytes(newer, user, Mode.DUPLICATE)
    _import_bytes(newer, user, idempotency_key="a-key-of-samples")


def _refuse_and_fail(user: User) -> None:
    """Leave the records of a refused and of a failed import."""
    locked = json.dumps({"flows": [{**LOCKED, "info": "new"}]}).encode()
    for payload in (locked, b'{"flows": [{"uuid": 1}]}'):
        try:
            _import_bytes(payload, user)
        except UnableToImport:
            continue
        raise AssertionError("The import should not have been possible.")


def _undo_and_redo(user: User) -> None:
    record = _import({"flows": [{**NULLS, "info": "undone and redone"}]}, user)
    for _ in ("undo", "redo"):
        request = UndoRequest(
            record=record.pk,
            server=ziggy.SERVER_NAME,
            door=Door.ADMIN,
            user=user,
            user_name=user.get_username(),
            with_backup=False,
        )
        record = undo_import(request).record


def _delete_rows(user: User) -> None:
    for kind, name in (
        (Kind.FLOW, "Deleted"),
        (Kind.CONNECTION, "Deleted connection"),
        (Kind.SECRET, "GONE_KEY"),
    ):
        mark_deleted(MODELS[kind]._default_manager.get(name=name), user_name=user.get_username())


def _wait_with_uploads(importer: User, other: User) -> None:
    """Leave an upload that waits, and one that was confirmed."""
    options = uploads.Options(mode=Mode.OVERWRITE, with_backup=False)
    waiting = {"flows": [{**NAMELESS, "info": "waits"}]}
    done = {"connections": [{**CONNECTIONS[1], "description": "by an upload"}]}
    for user, lists in ((importer, done), (other, waiting), (importer, waiting)):
        pending = uploads.stage(
            user, payload=json.dumps(lists).encode(), file_name="upload.json", options=options
        )
        if lists is done:
            uploads.confirm(pending, shown=get_token(pending, read_page(pending)))


def _keep_plans(user: User) -> None:
    """Leave a plan that may be applied, and one that is refused."""
    for key, item in (("sample#1", {**NAMELESS, "info": "kept"}), ("sample#2", LOCKED)):
        request = ImportRequest(
            payload=json.dumps({"flows": [{**item, "timeout": 7}]}).encode(),
            file_name="kept.json",
            server=ziggy.SERVER_NAME,
            door=Door.API,
            user=user,
            user_name=user.get_username(),
            mode=Mode.OVERWRITE,
        )
        link = "https://git.example.com/sample/pull/1"
        keep_plan(user, request, PlanDetails(key=key, link=link, title="A plan", commit="1f0c2b9"))


def _call_the_api(user: User) -> None:
    """Leave a login, a key, a stored answer, a failed attempt and a session."""
    issue_key(ApiToken(user=user, name="CI", expiry=datetime(2100, 1, 1, tzinfo=UTC)))
    client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {issue_login_token(user)}")
    answer = client.post(
        "/api/connection",
        {"name": "By the API", "type": "HTTP"},
        content_type="application/json",
        HTTP_IDEMPOTENCY_KEY="sample-1",
    )
    _check_status(answer.status_code, expected=201)
    wrong = {"username": "ada", "password": "wrong"}
    answer = client.post("/api/auth/login", wrong, content_type="application/json")
    _check_status(answer.status_code, expected=401)
    client.force_login(user)


def _check_status(status: int, *, expected: int) -> None:
    if status != expected:
        raise AssertionError(f"An answer had the status {status} instead of {expected}.")
