"""What the API says of itself: whole, valid, and true of thousands of generated requests."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from accounts.models import User
from accounts.tokens import issue_login_token
from flows.content.fields import Kind
from imports.database.backup import Backup
from imports.database.vacuum import Vacuumed
from imports.models import BackgroundJob, ImportRecord
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import export_file, flow
from tests.support.keeping import kept
from tests.support.stored_exports import store_export
from tests.support.uploading import client_of, upload

# For each of the 31 operations that take anything; the others have little to tell apart.
CASES, CASES_OF_NOTHING = 75, 5

DESCRIPTION: dict[str, Any] = json.loads(
    json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str)
)
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
}
LOCKED_IN = {label for label, operation in OPERATIONS.items() if operation["security"] != [{}]}

every_operation = pytest.mark.parametrize("label", OPERATIONS)


class TestTheDescription:
    def test_it_is_openapi_3_1_and_valid_without_a_warning(self):
        out = StringIO()
        call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
        assert out.getvalue().startswith("openapi: 3.1.1\n")

    def test_the_served_one_is_the_same(self, client):
        answer = client.get("/api/schema")
        assert answer.status_code == 200
        assert answer.json()["paths"].keys() == DESCRIPTION["paths"].keys()

    def test_no_two_operations_have_one_id(self):
        ids = Counter(operation["operationId"] for operation in OPERATIONS.values())
        assert len(OPERATIONS) == 51
        assert ids.most_common(1)[0][1] == 1

    @every_operation
    def test_an_operation_says_what_it_is_for(self, label):
        assert OPERATIONS[label]["operationId"]
        assert OPERATIONS[label]["summary"]

    @every_operation
    def test_a_body_that_is_taken_has_a_schema_and_an_example(self, label):
        body = OPERATIONS[label].get("requestBody")
        assert (body is not None) == (label in TAKES_A_BODY)
        for content in body["content"].values() if body else ():
            assert content["schema"]
            assert content["examples"]

    @every_operation
    def test_a_success_is_told_with_an_example_unless_it_is_empty_or_packed(self, label):
        answers = {
            status: answer
            for status, answer in OPERATIONS[label]["responses"].items()
            if status < "300"
        }
        assert answers
        for status, answer in answers.items():
            kinds = IN_OTHER_FORMS.get(label, {"application/json"})
            kinds = {"204": set(), "202": {"application/json"}}.get(status, kinds)
            kinds = kinds | {"text/markdown"} if (label, status) in IN_MARKDOWN else kinds
            assert set(answer.get("content", {})) == kinds
            for kind, content in answer.get("content", {}).items():
                assert content["schema"]
                assert kind in PACKED or content["examples"]

    @every_operation
    def test_its_errors_are_told_with_the_body_of_every_error(self, label):
        errors = {
            status: answer
            for status, answer in OPERATIONS[label]["responses"].items()
            if status >= "400"
        }
        expected = {"406"}
        expected |= {"401", "429"} if label in LOCKED_IN else set()
        expected |= {"400", "413", "415"} if label in TAKES_A_BODY else set()
        expected |= {"404"} if "{" in label else set()
        assert expected <= errors.keys()
        for status, answer in errors.items():
            assert answer["description"]
            assert ("text/markdown" in answer["content"]) == ((label, status) in IN_MARKDOWN)
            name = "FailedBackup" if (label, status) == BACKUP_FAILS else "Error"
            schema = answer["content"]["application/json"]["schema"]
            assert schema == {"$ref": f"#/components/schemas/{name}"}

    def test_the_file_of_an_import_is_a_file(self):
        form = DESCRIPTION["components"]["schemas"]["Upload"]
        assert (form["properties"]["file"]["type"], form["properties"]["file"]["format"]) == (
            "string", "binary",
        )  # fmt: skip

    def test_no_key_of_a_new_secret_value_may_be_left_out(self):
        body = DESCRIPTION["components"]["schemas"]["SecretValue"]
        assert body["required"] == ["executionEnvironmentMode", "secret", "uuid"]

    def test_only_the_doors_to_the_house_need_no_token(self):
        assert OPERATIONS.keys() - LOCKED_IN == {
            "GET /api/health", "GET /api/auth/health",
            "POST /api/auth/login", "POST /api/auth/refresh-token",
        }  # fmt: skip

    def test_the_page_of_the_documentation_loads_nothing_from_outside(self, client: Client):
        page = client.get("/api/docs").content.decode()
        loaded = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
        assert len(loaded) >= 4
        assert [each for each in loaded if not re.match("/[^/]|[?]", each)] == []
        assert re.findall(r"https?:|@import|url\(", page) == []

    def test_nor_does_its_script(self, client: Client):
        script = client.get("/api/docs?script=").content.decode()
        assert "SwaggerUIBundle(" in script
        assert re.findall(r"https?:|[\"']//", script) == []


TAKES_A_BODY = {
    "POST /api/auth/login", "POST /api/auth/refresh-token",
    "PUT /api/flow/{uuid}", "POST /api/flow/import", "POST /api/flow/export-tagged",
    "POST /api/connection", "PUT /api/connection/{uuid}",
    "POST /api/secret", "PUT /api/secret/{uuid}", "PATCH /api/secret/update-secret-value",
    "POST /api/imports/{id}/undo", "POST /api/plans", "POST /api/plans/{id}/apply",
}  # fmt: skip
PACKED = {"application/gzip", "application/zip"}
EITHER = {"application/json", *PACKED}
IN_OTHER_FORMS = {
    "GET /api/plans/{id}": {"application/json", "text/markdown"},
    "GET /api/system/download-transfer": {"application/gzip"},
    "GET /api/flow/export-all": EITHER,
    "GET /api/flow/export-tagged": EITHER,
    "GET /api/exports/{id}/file": EITHER,
}
IN_MARKDOWN = {("POST /api/flow/import", "200"), ("POST /api/flow/import", "422")}
BACKUP_FAILS = ("POST /api/system/backup-db", "503")

PASSWORD = "a long password of a test"


class Prepared:
    """Rows that requests can be about, and a request with what names them put in."""

    uuids: ClassVar = {
        "/api/flow/": "flow",
        "/api/connection/": "connection",
        "/api/secret/": "secret",
        "/api/ziggy/named-saves/{uuid}/restore": "save",
        "/api/ziggy/history-load/": "save",
        "/api/ziggy/": "flow",
        "/api/imports/items/": "flow",
    }

    def __init__(self) -> None:
        self.user = User.objects.create_superuser("ada", password=PASSWORD)
        self.token = issue_login_token(self.user)
        client = client_of(self.user)
        secret = SecretFactory(name="KEY", dev_value="hidden")
        self.rows = {
            "flow": str(FlowFactory(name="Orders", tags='["sms"]').uuid),
            "connection": str(ConnectionFactory().uuid),
            "secret": str(secret.uuid),
        }
        save = client.post(f"/api/ziggy/history-named-save/{self.rows['flow']}/Before")
        self.rows["save"] = save.json()["uuid"]
        self.payload = export_file(flow(7, "Invoices"))
        upload(client, self.payload, "LEAVE")
        self.record = ImportRecord.objects.get().pk
        self.queued = queue_a_run(self.user)
        plan = kept(client, self.payload)
        self.plan, self.token_of_plan = plan["id"], plan["token"]
        client.post("/api/flow/export-tagged", {}, format="json")
        self.export = store_export(self.user).pk
        assert client.post("/api/system/transfer-db").status_code == 201

    def put_into(self, case: Case) -> None:
        path = {} if _is_wrong(case, ParameterLocation.PATH) else case.path_parameters
        if "uuid" in path:
            kinds = (kind for start, kind in self.uuids.items() if case.path.startswith(start))
            path["uuid"] = self.rows[next(kinds)]
        if "kind" in path:
            path["kind"] = "flow"
        if "id" in path:
            path["id"] = self._find_number(case.path)
        if "user_id" in path:
            path["user_id"] = str(self.user.uuid)
        if case.path.startswith("/api/secret/get-obfuscated"):
            path["name"] = "KEY"
        if isinstance(case.body, dict) and not _is_wrong(case, ParameterLocation.BODY):
            case.body |= self._words(case.path)
            if case.path in {"/api/flow/import", "/api/plans"}:  # a mode, or a plan that says it
                case.body.pop("plan", None)
                case.body.setdefault("duplicatesMode", "LEAVE")

    def _find_number(self, path: str) -> int:
        if path.endswith("/cancel"):
            return self.queued
        if path.startswith("/api/exports/"):
            return self.export
        return self.plan if path.startswith("/api/plans/") else self.record

    def _words(self, path: str) -> dict[str, Any]:
        return {
            "/api/flow/import": {"file": self.payload, "decisions": '{"decisions": {}}'},
            "/api/plans": {
                "file": self.payload,
                "decisions": '{"decisions": {}}',
                "key": "repo#42",
                "link": "https://git.example.com/repo/pull/42",
                "title": "A plan",
                "commit": "1f0c2b9",
            },
            "/api/plans/{id}/apply": {"token": self.token_of_plan},
            "/api/flow/export-tagged": {"flowUuids": [self.rows["flow"]]},
            "/api/secret/update-secret-value": {"uuid": self.rows["secret"]},
            "/api/auth/login": {"username": "ada", "password": PASSWORD},
            "/api/auth/refresh-token": {"token": self.token, "userId": str(self.user.uuid)},
        }.get(path, {})


def queue_a_run(user: User) -> int:
    """A run that waits for a worker; return its number."""
    record = ImportRecord.objects.create(
        started_at=timezone.now(),
        queued_at=timezone.now(),
        status="queued",
        user=user,
        door="api",
        file_size=1,
        mode="skip",
        with_backup=True,
        override_locks=False,
    )
    BackgroundJob.objects.create(record=record, kind="import")
    return record.pk


def _is_wrong(case: Case, where: ParameterLocation) -> bool:
    """Whether that part of the request is made to contradict the description."""
    return case.meta is not None and case.meta.is_negative_at(where)


@pytest.fixture
def quick_upkeep(monkeypatch, backup_directory: Path) -> None:
    """Backups that copy nothing and a vacuum that purges nothing.

    Both need a database of their own, without a transaction around, and their tests have it.
    """

    def make(**_: Any) -> Backup:
        backup_directory.mkdir(exist_ok=True)
        path = backup_directory / "default-20260316T171006-000000Z.sqlite3"
        path.write_bytes(b"a copy")
        return Backup(path=path, size=6, sha256="0" * 64)

    for module in ("exporting.downloads", "api.system", "runs.carrying_out"):
        monkeypatch.setattr(f"imports.{module}.make_backup", make)
    vacuumed = Vacuumed(purged=dict.fromkeys(Kind, 0), size_before=2, size_after=1)
    monkeypatch.setattr("imports.api.system.vacuum_database", lambda **_: vacuumed)


@pytest.fixture
def prepared(db, quick_upkeep) -> Prepared:
    return Prepared()


@pytest.fixture
def application(settings) -> Iterator[Any]:
    """The site as a web server sees it, on the connection of the test."""
    settings.ALLOWED_HOSTS = ["localhost"]
    signals = (request_started, request_finished)
    for signal in signals:  # as Django's own client of tests does
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in signals:
        signal.connect(close_old_connections)


# All checks but two, which take the description for the whole truth: that a body which fits it is
# never refused, though the rules of files and names go further, and that whatever does not fit is
# refused, though parameters that nobody knows are ignored.
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"enabled": False},
        "negative_data_rejection": {"enabled": False},
    }
}


@every_operation
def test_what_it_answers_is_what_it_says(label, prepared, application):
    described = schemathesis.openapi.from_dict(
        DESCRIPTION, config=SchemathesisConfig.from_dict(CONFIG)
    )
    described.app = application
    operation = described.find_operation_by_label(label)
    takes_something = label in TAKES_A_BODY or OPERATIONS[label].get("parameters")
    modes = list(GenerationMode) if takes_something else [GenerationMode.POSITIVE]
    examples = CASES if takes_something else CASES_OF_NOTHING
    cases = st.one_of([operation.as_strategy(mode) for mode in modes])
    headers = {"Authorization": f"Bearer {prepared.token}"}
    answered: Counter[int] = Counter()

    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases, about_rows=st.sampled_from([True, True, False]))
    def ask(case: Case, about_rows: bool) -> None:
        if about_rows:
            prepared.put_into(case)
        before = transaction.savepoint()
        try:
            answer = case.call_and_validate(headers=headers)
        finally:
            transaction.savepoint_rollback(before)
        answered[answer.status_code] += 1

    ask()
    assert any(status < HTTPStatus.BAD_REQUEST for status in answered)
