"""Who may do what through the API: every cell of permission_matrix.csv, and no endpoint without one.

The table is written from the roles and the contract, not from what the API answers. To add an
endpoint, add its rows there and, where it needs a path, a body or a query, its request here.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import issue_login_token
from flows.content.fields import Kind
from flows.models import Flow
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves import named_saves
from imports.database.backup import Backup
from imports.database.vacuum import Vacuumed
from imports.importing.service import make_plan_to_save, run_import
from imports.models import BackgroundJob, BuiltExport, BuiltTransfer, ImportRecord
from imports.planfile.file import write_plan
from imports.uploads.keeping import PlanDetails, keep_plan
from tests.support.digest import RECORDS, Rows, all_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, request_for, secret, uuid_of
from tests.support.stored_exports import store_export
from tests.support.uploading import BOUNDARY, file_part, form, words

with Path(__file__).with_name("permission_matrix.csv").open(newline="") as _file:
    ROWS = list(csv.DictReader(_file))
GROUPS = {
    "anonymous": None,
    "no role": None,
    "OPERATOR": "Operator",
    "PLANNER": "Planner",
    "SERVICE_ACCOUNT": "Service Account",
    "EDITOR": "Editor",
    "ADMIN": "Admin",
    "superuser": None,
    "inactive admin": "Admin",
}
CELLS = [
    pytest.param(
        *(row["method"], row["route"], row["case"], role, row[role]),
        id=f"{row['method']} {row['route']} {row['case']} - {role}",
    )
    for row in ROWS
    for role in GROUPS
]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PASSWORD = "a password of tests"
COLLECTED = "default-20260316T171006-000000Z.sqlite3"
HERE = "{ host: 'a.example.com', token: secrets.KEY }"
ELSEWHERE = "{ host: 'b.example.com', token: secrets.KEY }"


@pytest.fixture(autouse=True)
def quick_and_quiet(settings: Any, monkeypatch: pytest.MonkeyPatch, backup_directory: Path) -> None:
    """Passwords, backups and vacuums that take no time and leave the transaction alone."""
    backup_directory.mkdir()
    path = backup_directory / COLLECTED
    path.write_bytes(b"a copy")

    def back_up(**_: Any) -> Backup:
        return Backup(path=path, size=6, sha256="0" * 64)

    for place in (
        "imports.runs.carrying_out",
        "imports.exporting.downloads",
        "imports.api.system",
    ):
        monkeypatch.setattr(f"{place}.make_backup", back_up)
    vacuumed = Vacuumed(purged=dict.fromkeys(Kind, 0), size_before=2, size_after=1)
    monkeypatch.setattr("imports.api.system.vacuum_database", lambda **_: vacuumed)


# --- who asks, and for what


@dataclass
class Caller:
    """Somebody with a role; who has none to log in with has a name and token that nobody has."""

    user: User | None
    token: str

    @property
    def name(self) -> str:
        return self.user.username if self.user else "nobody"

    @property
    def uuid(self) -> str:
        return str(self.user.uuid) if self.user else uuid_of("f", 404)

    def client(self) -> APIClient:
        header = {"HTTP_AUTHORIZATION": f"Bearer {self.token}"} if self.user else {}
        return APIClient(raise_request_exception=False, **header)


def caller_in(role: str) -> Caller:
    if role == "anonymous":
        return Caller(None, "zgy_unknown")
    create = User.objects.create_superuser if role == "superuser" else User.objects.create_user
    user = create("ada", "ada@example.org", PASSWORD)
    if group := GROUPS[role]:
        user.groups.add(Group.objects.get(name=group))
    token = issue_login_token(user)
    if role == "inactive admin":
        # Past User.save, which drops the tokens: even one that was left over opens nothing.
        User.objects.filter(pk=user.pk).update(is_active=False)
    return Caller(user, token)


@dataclass
class Sent:
    """What stands in for the route's parameters, and the body."""

    parameters: dict[str, str] = field(default_factory=dict)
    body: Any = None
    form: bytes | None = None


FLOW, CONNECTION, SECRET = (uuid_of(letter, 1) for letter in "fc5")
NEW = {
    "flow": flow(2, "New"),
    "connection": connection(2, "New", devValue="{}"),
    "secret": secret(2, "NEW"),
}
CHANGED = {
    "flow": flow(1, "Orders", timeout=2),
    "connection": connection(1, "Twilio", type="Twilio", devValue=HERE, description="changed"),
    "secret": secret(1, "KEY", description="changed"),
}
DECISION = json.dumps({"decisions": {FLOW: "overwrite"}})
RETARGETED = connection(1, "Twilio", devValue=ELSEWHERE)
IMPORTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    **{f"a new {kind}": (NEW[kind], {}) for kind in NEW},
    **{f"overwrite a {kind}": (CHANGED[kind], {}) for kind in CHANGED},
    **{f"duplicate a {kind}": (CHANGED[kind], {"duplicatesMode": "RENAME"}) for kind in CHANGED},
    "decide on a flow": (CHANGED["flow"], {"decisions": DECISION}),
    "leave a flow alone": (CHANGED["flow"], {"duplicatesMode": "LEAVE"}),
    "skip the backup": (NEW["flow"], {"noBackup": "true"}),
    "override a lock": (CHANGED["flow"], {"overrideLocks": "true"}),
    "overwrite a locked flow": (CHANGED["flow"], {}),
    "retarget a connection": (RETARGETED, {"accept": "secret-to-new-destination"}),
    "a plan to save": (CHANGED["flow"], {"withPlan": "true"}),
}


UNDONE: dict[str, dict[str, Any]] = {
    **{f"a restored {kind}": CHANGED[kind] for kind in CHANGED},
    **{f"a deleted {kind}": NEW[kind] for kind in NEW},
    "a connection that is pointed elsewhere": RETARGETED,
}


def undo_of(case: str) -> Sent:
    """The undo of an import that is done before."""
    payload = export_file(UNDONE.get(case, CHANGED["flow"]))
    done = run_import(request_for(payload))
    body = {"dryRun": case == "dry run", "noBackup": case == "skip the backup"}
    return Sent({"pk": str(done.record.pk)}, body=body)


def import_of(case: str) -> Sent:
    case, dry_run = case.removeprefix("dry run: "), case.startswith("dry run: ")
    case, by_plan = case.removeprefix("by plan: "), case.startswith("by plan: ")
    item, fields = IMPORTS[case]
    fields = {"duplicatesMode": "OVERWRITE", "noBackup": "false", **fields}
    fields |= {"dryRun": "true"} if dry_run else {}
    payload = export_file(item)
    if by_plan:
        fields = {"plan": plan_of(payload, fields), "noBackup": fields["noBackup"]}
    return Sent(form=form(file_part(payload), *words(**fields)))


def plan_of(payload: bytes, fields: dict[str, str]) -> str:
    """The plan that somebody who may do everything made."""
    asked = request_for(payload, override_locks=fields.get("overrideLocks") == "true")
    return write_plan(make_plan_to_save(asked)[1]).decode()


def plan_to_keep(case: str) -> Sent:
    item, fields = IMPORTS[case]
    fields = {"duplicatesMode": "OVERWRITE", **fields}
    fields = {name: word for name, word in fields.items() if name != "accept"}
    return Sent(form=form(file_part(export_file(item)), *words(**fields)))


def kept_plan(case: str) -> Sent:
    """A plan that somebody who may do everything had kept."""
    item, fields = IMPORTS.get(case, IMPORTS["a new flow"])
    keeper = User.objects.create_superuser("keeper")
    asked = request_for(
        export_file(item),
        user=keeper,
        override_locks=fields.get("overrideLocks") == "true",
    )
    plan = keep_plan(keeper, asked, PlanDetails())
    return Sent({"pk": str(plan.pk)}, body={"noBackup": case == "skip the backup"})


def queued_run(case: str, caller: Caller) -> Sent:
    """A run that waits for a worker."""
    asker = caller.user if case == "their own" else User.objects.create_user("asker")
    record = ImportRecord.objects.create(
        started_at=timezone.now(),
        queued_at=timezone.now(),
        status="queued",
        user=asker,
        door="api",
        file_size=1,
        mode="skip",
        with_backup=True,
        override_locks=False,
    )
    BackgroundJob.objects.create(record=record, kind="import")
    return Sent({"pk": str(record.pk)})


def built_export(case: str, caller: Caller) -> Sent:
    """An export that a worker has built."""
    other = User.objects.create_user("other")
    owner = other if case == "another user's" else caller.user or other
    return Sent({"pk": str(store_export(owner).pk)})


BODIES: dict[tuple[str, str, str], Any] = {
    ("POST", "flow/export-tagged", "everything"): {"tags": [], "flowUuids": []},
    ("PUT", "flow/<uuid>", ""): {"info": "changed"},
    ("POST", "connection", ""): {"name": "New", "type": "Twilio", "devValue": "{}"},
    ("PUT", "connection/<uuid>", "the same destination"): {"description": "changed"},
    ("PUT", "connection/<uuid>", "retarget"): {"devValue": ELSEWHERE},
    ("POST", "secret", "without a value"): {"name": "NEW"},
    ("POST", "secret", "with a value"): {"name": "NEW", "devValue": "a value"},
    ("PUT", "secret/<uuid>", "a description"): {"description": "changed"},
    ("PUT", "secret/<uuid>", "a value"): {"devValue": "another value"},
    ("PATCH", "secret/update-secret-value", ""): {
        "executionEnvironmentMode": "PROD",
        "uuid": SECRET,
        "secret": "another value",
    },
}


OF_A_CALLER = {
    "imports/<pk>/cancel": queued_run,
    "exports/<pk>": built_export,
    "exports/<pk>/file": built_export,
}
MADE_BEFORE = {"flow/import": import_of, "imports/<pk>/undo": undo_of, "plans": plan_to_keep}


def request_of(method: str, route: str, case: str, caller: Caller) -> Sent:
    """A request that succeeds where it is allowed, for which this stores what it needs."""
    stored = store_rows(locked="lock" in case)
    if route.startswith("plans/<"):
        return kept_plan(case) if method == "POST" else replace(kept_plan(case), body=None)
    if method == "POST" and (make := MADE_BEFORE.get(route)):
        return make(case)
    if make_own := OF_A_CALLER.get(route):
        return make_own(case, caller)
    if route == "auth/login":
        return Sent(body={"username": caller.name, "password": PASSWORD})
    if route == "auth/refresh-token":
        body = {"token": caller.token, "userId": caller.uuid, "provider": "local"}
        return Sent(body=body)
    other = User.objects.create_user("other")
    store_downloads(other)
    if caller.user and case != "another user's":
        store_downloads(caller.user)
    user_id = str(other.uuid) if case == "another user" else caller.uuid
    kind = case.removeprefix("a ")
    uuid = next(
        uuid
        for start, uuid in {
            "imports/items": {"connection": CONNECTION, "secret": SECRET}.get(kind, FLOW),
            "connection": CONNECTION,
            "secret": SECRET,
            "ziggy/history-load": stored["save"],
            "ziggy/named-saves/<uuid>/restore": stored["save"],
            "": FLOW,
        }.items()
        if route.startswith(start)
    )
    name = "KEY" if route.startswith("secret") else "New"
    parameters = {"user_id": user_id, "pk": stored["record"], "uuid": uuid, "name": name}
    parameters |= {"receiver_type": "HTTP", "kind": kind}
    return Sent(parameters, body=BODIES.get((method, route, case)))


def store_rows(*, locked: bool) -> dict[str, str]:
    orders = FlowFactory(uuid=FLOW, name="Orders", timeout=1, is_locked=locked)
    ConnectionFactory(uuid=CONNECTION, name="Twilio", dev_value=HERE)
    SecretFactory(uuid=SECRET, name="KEY", dev_value="a value")
    save = named_saves.take(Flow.objects.get(pk=orders.pk), "before").version_set.get()
    record = ImportRecord.objects.create(
        started_at=timezone.now(),
        door="command",
        file_size=1,
        mode="skip",
        with_backup=True,
        override_locks=False,
    )
    return {"save": str(make_save_uuid(save.pk)), "record": str(record.pk)}


def store_downloads(user: User) -> None:
    now = timezone.now()
    BuiltExport.objects.create(user=user, built_at=now, content=gzip.compress(b"{}"), size=2)
    BuiltTransfer.objects.create(user=user, built_at=now, backup_name=COLLECTED)


def send(client: APIClient, method: str, route: str, sent: Sent) -> Any:
    path = f"/api/{route}"
    for name, value in sent.parameters.items():
        path = path.replace(f"<{name}>", value)
    assert "<" not in path
    if sent.form is not None:
        content_type = f"multipart/form-data; boundary={BOUNDARY}"
        return client.generic(method, path, sent.form, content_type=content_type)
    body = b"" if sent.body is None else json.dumps(sent.body)
    return client.generic(method, path, body, content_type="application/json")


# What a refusal may write: that it happened.
NOTED = {RECORDS, "flows_attempts"}
# What only migrations write, and many rows of it.
FIXED = {
    *("auth_group", "auth_group_permissions", "auth_permission"),
    *("django_content_type", "django_migrations"),
}


def kept_rows() -> Rows:
    """All that a refused request leaves as it was."""
    return all_rows(without=NOTED | FIXED)


# --- the cells


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "route", "case", "role", "expected"), CELLS)
def test_each_role_gets_what_its_cell_says(
    method: str, route: str, case: str, role: str, expected: str
) -> None:
    caller = caller_in(role)
    route = without_converters(route)
    sent = request_of(method, route, case, caller)
    before = kept_rows() if expected != "2xx" else None
    answer = send(caller.client(), method, route, sent)
    got = "2xx" if 200 <= answer.status_code < 300 else str(answer.status_code)
    assert got == expected, answer.content
    if answer.streaming:
        assert b"".join(answer.streaming_content) or method == "HEAD"
    if expected != "2xx":
        assert kept_rows() == before
        if method != "HEAD":
            # Of a connection that is pointed elsewhere, the secret is told with its data.
            is_told = case == "retarget" and answer.json()["code"] == "not-permitted"
            told = ["warningDetails"] if is_told and len(answer.json()["issues"]) > 1 else []
            assert list(answer.json()) == ["message", "code", "issues", *told, "requestId"]


def without_converters(route: str) -> str:
    """`flow/<anycase_uuid:uuid>` as `flow/<uuid>`."""
    return "<".join(part.rpartition(":")[2] for part in route.split("<"))


# --- the ratchet


def endpoints(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each route below /api with its view, as the resolver of the site has them."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = f"{prefix}{pattern.pattern}"
        if hasattr(pattern, "url_patterns"):
            yield from endpoints(pattern.url_patterns, route)
        elif route.startswith("api/"):
            yield route.removeprefix("api/"), pattern.callback


def methods_of(callback: Any) -> set[str]:
    view = callback.view_class
    names = callback.view_initkwargs.get("http_method_names", view.http_method_names)
    # Django answers HEAD by GET, where a view does not say otherwise.
    known = {name for name in names if hasattr(view, "get" if name == "head" else name)}
    return {name.upper() for name in known}


def test_every_method_of_every_route_has_its_rows_and_no_row_is_of_another() -> None:
    served = {(method, route) for route, view in endpoints() for method in methods_of(view)}
    told = {(row["method"], row["route"]) for row in ROWS}
    assert served - told == set()
    assert told - served == set()


def test_no_row_is_there_twice_and_every_cell_has_a_status() -> None:
    keys = [(row["method"], row["route"], row["case"]) for row in ROWS]
    assert len(keys) == len(set(keys))
    assert {row[role] for row in ROWS for role in GROUPS} <= {"2xx", "401", "403", "404", "422"}
    assert all(set(row) == {"method", "route", "case", *GROUPS} for row in ROWS)


def test_what_needs_no_token_is_what_the_contract_opens() -> None:
    assert {row["route"] for row in ROWS if row["anonymous"] != "401"} == {
        "health", "auth/health", "schema", "docs", "auth/login", "auth/refresh-token",
    }  # fmt: skip


@pytest.mark.django_db
def test_a_method_without_a_row_is_405_even_for_a_superuser() -> None:
    caller = caller_in("superuser")
    told = {(row["method"], row["route"]) for row in ROWS}
    tried = [
        (method, route)
        for route in sorted({row["route"] for row in ROWS})
        for method in METHODS
        if (method, route) not in told
    ]
    assert len(tried) > 100
    parameters = {"user_id": caller.uuid, "uuid": FLOW, "pk": "1", "name": "New"}
    sent = Sent({**parameters, "receiver_type": "HTTP", "kind": "flow"})
    answered = {
        (method, route): send(caller.client(), method, without_converters(route), sent).status_code
        for method, route in tried
    }
    assert answered == dict.fromkeys(tried, 405)
