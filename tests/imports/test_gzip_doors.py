"""Every door takes a file in gzip as its content, and refuses broken gzip and too much of it."""

import gzip
import json
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from flows.models import Flow
from imports.errors import StalePlan, UnableToImport
from imports.importing.service import (
    examine_import,
    make_plan_to_save,
    preview_import,
    run_import,
)
from imports.models import ImportRecord, PendingImport
from imports.planfile.file import read_plan, write_plan
from imports.status.service import read_status
from imports.uploads import pending as uploads
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token
from tests.conftest import CommandResult
from tests.imports.exportfile.test_gzipped import make_bomb
from tests.support.digest import data_rows
from tests.support.factories import FlowFactory
from tests.support.importing import export_file, flow, request_for, results, uuid_of
from tests.support.uploading import caller, file_part, form, send, upload, words

pytestmark = pytest.mark.django_db

RunCommand = Callable[..., CommandResult]

FILE = export_file(flow(1, "Orders", info="file"), flow(2, "New"))
PACKED = gzip.compress(FILE)
BROKEN = PACKED[:-4]
SIZE = len(FILE)


@pytest.fixture(autouse=True)
def server() -> None:
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="here")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ada"))
    return client


def send_to_admin(browser: Client, payload: bytes) -> Any:
    file = SimpleUploadedFile("x.json.gz", payload, content_type="application/gzip")
    return browser.post(reverse("admin:imports_upload"), {"file": file, "mode": "overwrite"})


class TestTheService:
    def test_does_the_same_with_both(self):
        done = [
            results(do(request_for(payload)))
            for payload in (FILE, PACKED)
            for do in (preview_import, lambda asked: make_plan_to_save(asked)[0], examine_import)
        ]
        assert all(each == [("Orders", "OVERWRITE"), ("New", "CREATE")] for each in done)
        outcome = run_import(request_for(PACKED, file_name="x.json.gz"))
        assert results(outcome) == done[0]
        assert results(run_import(request_for(FILE))) == [
            ("Orders", "UNCHANGED"), ("New", "UNCHANGED"),
        ]  # fmt: skip
        first, second = ImportRecord.objects.order_by("pk")
        assert (first.file_sha256, first.file_size) == (second.file_sha256, SIZE)
        assert (first.file_name, second.file_name) == ("x.json.gz", "zexport.json")
        assert second.file_size == SIZE
        assert first.idempotency_digest == second.idempotency_digest

    @pytest.mark.parametrize(
        ("planned", "applied"), [(FILE, PACKED), (PACKED, FILE)], ids=["unpacked", "packed"]
    )
    def test_a_plan_of_one_is_good_for_the_other(self, planned, applied):
        _, saved = make_plan_to_save(request_for(planned, file_name="x"))
        assert saved.file.size == SIZE
        plan = read_plan(gzip.compress(write_plan(saved)), max_bytes=10**6)
        run_import(request_for(applied, saved_plan=plan))
        assert Flow.objects.get(name="Orders").info == "file"

    def test_a_plan_of_another_content_is_not(self):
        _, saved = make_plan_to_save(request_for(FILE))
        with pytest.raises(StalePlan):
            run_import(request_for(gzip.compress(FILE + b"\n"), saved_plan=saved))

    def test_a_preview_of_one_confirms_the_other(self):
        run_import(request_for(PACKED), confirmed=preview_import(request_for(FILE)))
        assert Flow.objects.get(name="Orders").info == "file"

    @pytest.mark.parametrize("do", [preview_import, run_import, read_status, make_plan_to_save])
    def test_refuses_what_is_broken_and_writes_nothing(self, do):
        before = data_rows()
        with pytest.raises(UnableToImport) as raised:
            do(request_for(BROKEN))
        assert raised.value.code == "broken-gzip"
        assert data_rows() == before

    def test_the_record_of_broken_gzip_is_of_what_came(self):
        with pytest.raises(UnableToImport):
            run_import(request_for(BROKEN))
        record = ImportRecord.objects.get()
        assert (record.status, record.code, record.file_size) == (
            "failed", "broken-gzip", len(BROKEN),
        )  # fmt: skip

    def test_a_status_is_the_same_too(self):
        first, second = (read_status(request_for(payload)).items for payload in (FILE, PACKED))
        assert first == second


class TestTheCommand:
    @pytest.fixture
    def packed(self, tmp_path: Path) -> Path:
        path = tmp_path / "export"  # its name says nothing
        path.write_bytes(PACKED)
        return path

    def test_imports_it(self, run_command: RunCommand, packed):
        given = ("-s", "local", "--overwrite", "--no-prompt", "--no-backup", "-fp", str(packed))
        assert run_command("flow_import", *given).code == 0
        assert Flow.objects.get(name="Orders").info == "file"

    def test_plans_it_and_applies_the_plan_to_the_unpacked_file(
        self, run_command: RunCommand, packed, tmp_path
    ):
        plan, unpacked = tmp_path / "plan.json", tmp_path / "unpacked.json"
        unpacked.write_bytes(FILE)
        given = ("-s", "local", "--overwrite", "--no-prompt", "-fp", str(packed))
        assert run_command("flow_import", *given, "--plan-out", str(plan)).code == 0
        assert json.loads(plan.read_text())["file"]["size"] == SIZE
        given = ("-s", "local", "--no-prompt", "--no-backup", "-fp", str(unpacked))
        assert run_command("flow_import", *given, "--apply-plan", str(plan)).code == 0
        assert Flow.objects.get(name="Orders").info == "file"

    def test_takes_it_from_standard_input(self, run_command: RunCommand, monkeypatch):
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(PACKED)))
        done = run_command("flow_import", "-s", "local", "--overwrite", "--dry-run", "-fp", "-")
        assert (done.code, json.loads(done.out)["status"]) == (0, 200)

    def test_takes_decisions_in_gzip(self, run_command: RunCommand, packed, tmp_path):
        decisions = tmp_path / "decisions"
        decisions.write_bytes(gzip.compress(json.dumps({"decisions": {}}).encode()))
        given = ("--overwrite", "--dry-run", "-fp", str(packed), "--decisions", str(decisions))
        assert run_command("flow_import", "-s", "local", *given).code == 0

    def test_compares_it(self, run_command: RunCommand, packed):
        done = run_command("flow_status", "-s", "local", "-fp", str(packed))
        assert done.code == 2
        assert "Orders" in done.out

    def test_refuses_what_is_broken_with_a_record(self, run_command: RunCommand, packed):
        packed.write_bytes(BROKEN)
        given = ("-s", "local", "--overwrite", "--no-prompt", "--no-backup", "-fp", str(packed))
        done = run_command("flow_import", *given)
        assert (done.code, json.loads(done.out)["data"]["code"]) == (3, "broken-gzip")
        assert ImportRecord.objects.get().code == "broken-gzip"
        assert run_command("flow_status", "-s", "local", "-fp", str(packed)).code == 3

    def test_refuses_a_bomb_with_a_record(self, run_command: RunCommand, packed, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 100_000}
        packed.write_bytes(make_bomb(10**7))
        given = ("-s", "local", "--overwrite", "--no-prompt", "--no-backup", "-fp", str(packed))
        done = run_command("flow_import", *given)
        assert (done.code, json.loads(done.out)["status"]) == (3, 413)
        assert ImportRecord.objects.get().code == "too-large"


class TestTheApi:
    def test_imports_it(self):
        answer = upload(caller(admin=True), PACKED, file_name="x.json")
        assert answer.status_code == 201
        assert [each["result"] for each in answer.json()["flowsProcessed"]] == [
            "OVERWRITE", "CREATE",
        ]  # fmt: skip

    def test_plans_it_and_applies_the_plan_to_the_unpacked_file(self):
        ada = caller(admin=True)
        planned = upload(ada, PACKED, dryRun="true", withPlan="true")
        assert planned.status_code == 200
        plan = json.dumps(planned.json()["plan"])
        body = form(file_part(FILE), *words(noBackup="true", plan=plan))
        assert send(ada, body).status_code == 201

    def test_takes_a_plan_in_gzip(self):
        ada = caller(admin=True)
        planned = upload(ada, FILE, dryRun="true", withPlan="true").json()["plan"]
        plan = file_part(gzip.compress(json.dumps(planned).encode()), "p", name="plan")
        assert send(ada, form(file_part(PACKED), plan, *words(noBackup="true"))).status_code == 201

    def test_answers_again_under_one_key_whether_or_not_it_is_packed(self):
        ada = caller(admin=True)
        first, second = (upload(ada, payload, key="k") for payload in (FILE, PACKED))
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.headers["Location"] == second.headers["Location"]
        assert ImportRecord.objects.count() == 1

    @pytest.mark.parametrize("dry_run", ["true", "false"])
    def test_refuses_what_is_broken(self, dry_run):
        answer = upload(caller(admin=True), BROKEN, dryRun=dry_run)
        assert (answer.status_code, answer.json()["code"]) == (400, "broken-gzip")
        codes = list(ImportRecord.objects.values_list("code", flat=True))
        assert codes == ([] if dry_run == "true" else ["broken-gzip"])

    def test_tells_nothing_of_the_file_to_who_may_not_import(self):
        answer = upload(caller("eve"), BROKEN)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")

    def test_refuses_a_bomb(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 100_000}
        answer = upload(caller(admin=True), make_bomb(10**7))
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        assert "larger than the 100,000 bytes" in answer.json()["message"]


class TestTheAdmin:
    def test_shows_it_and_one_item_of_it_and_imports_it(self, browser):
        answer = send_to_admin(browser, PACKED)
        assert answer.status_code == 302, answer.content.decode()
        pending = PendingImport.objects.get()
        assert (pending.file_size, pending.file_name) == (SIZE, "x.json.gz")
        assert [item.name for item in browser.get(answer.url).context["page"]] == ["Orders", "New"]
        url = reverse("admin:imports_pending_item", args=[pending.pk, "flow", uuid_of("f", 1)])
        assert browser.get(url).status_code == 200
        uploads.confirm(pending, shown=get_token(pending, read_page(pending)))
        assert Flow.objects.get(name="Orders").info == "file"
        assert ImportRecord.objects.get().file_sha256 == pending.file_sha256
        assert pending.file_sha256 == preview_import(request_for(FILE)).document.sha256

    def test_refuses_what_is_broken_with_a_record(self, browser):
        answer = send_to_admin(browser, BROKEN)
        assert answer.status_code == 400
        assert "stops before the end of its gzip" in answer.content.decode()
        assert not PendingImport.objects.exists()
        assert ImportRecord.objects.get().code == "broken-gzip"

    def test_refuses_a_bomb(self, browser, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": 100_000}
        answer = send_to_admin(browser, make_bomb(10**7))
        assert answer.status_code == 413
        assert ImportRecord.objects.get().code == "too-large"


class TestWhiteSpace:
    """A file that is over the limit by white space alone is taken by every door."""

    @pytest.fixture(params=[True, False], ids=["in gzip", "not in gzip"])
    def payload(self, request, settings) -> bytes:
        content = json.dumps(json.loads(FILE), separators=(",", ":"), ensure_ascii=False)
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": len(content.encode())}
        indented = json.dumps(json.loads(FILE), indent=4, ensure_ascii=False).encode()
        assert len(indented) > len(content) + 100
        return gzip.compress(indented) if request.param else indented

    def test_by_the_command(self, run_command: RunCommand, payload, tmp_path, monkeypatch):
        path = tmp_path / "export"
        path.write_bytes(payload)
        given = ("-s", "local", "--overwrite", "--dry-run", "-fp")
        assert run_command("flow_import", *given, str(path)).code == 0
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(payload)))
        assert run_command("flow_import", *given, "-").code == 0
        assert run_command("flow_status", "-s", "local", "-fp", str(path)).code == 2

    def test_by_the_api(self, payload):
        assert upload(caller(admin=True), payload).status_code == 201

    def test_by_the_admin(self, browser, payload):
        assert send_to_admin(browser, payload).status_code == 302
        pending = PendingImport.objects.get()
        uploads.confirm(pending, shown=get_token(pending, read_page(pending)))
        assert Flow.objects.get(name="Orders").info == "file"

    def test_but_not_by_one_byte_of_content(self, payload, settings):
        limit = settings.ZIGGY["MAX_IMPORT_BYTES"] - 1
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": limit}
        assert upload(caller(admin=True), payload).status_code == 413
