"""Saved plans and decisions through the command and the API: the same plan, and the same endings."""

import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from rest_framework.test import APIClient

from flows.content.representation import format_time
from flows.models import Flow
from imports.models import ImportRecord
from tests.conftest import CommandResult
from tests.support.digest import all_rows, data_rows
from tests.support.errors import error_of
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    child_environment,
    connection,
    export_file,
    flow,
    secret,
    uuid_of,
)
from tests.support.uploading import caller, file_part, form, send, upload, words

pytestmark = pytest.mark.django_db

FILE = export_file(
    flow(1, "Orders", info="file"),
    flow(2, "New"),
    flow(3, "Twice"),
    connection(1, "Twilio", devValue="{}"),
    secret(1, "KEY", description="file"),
)
CHOICE = {uuid_of("f", 3): uuid_of("f", 31)}
DECISIONS = {"decisions": {**CHOICE, f"secret:{uuid_of('5', 1)}": "skip"}}


@pytest.fixture(autouse=True)
def server() -> None:
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="here")
    for number in (31, 32):
        FlowFactory(uuid=uuid_of("f", number), name="Twice")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Twilio", dev_value="{ a: 1 }")
    SecretFactory(uuid=uuid_of("5", 1), name="KEY")


@pytest.fixture
def ada() -> APIClient:
    return caller("ada", admin=True)


class Folder:
    """Files in a folder of their own, and commands that are given them."""

    def __init__(self, path: Path, run_command: Callable[..., CommandResult]) -> None:
        self.path, self.run_command = path, run_command
        self.export, self.plan, self.decisions = (
            path / name for name in ("zexport.json", "plan.json", "decisions.json")
        )
        self.export.write_bytes(FILE)
        self.decide(DECISIONS)

    def decide(self, decisions: Any) -> None:
        self.decisions.write_text(json.dumps(decisions))

    def run(self, *options: str) -> CommandResult:
        return self.run_command(
            "flow_import", "-s", "local", "--file-path", str(self.export), *options
        )

    def save_plan(self, *options: str) -> CommandResult:
        decisions = ["--decisions", str(self.decisions)]
        return self.run("--overwrite", *decisions, "--plan-out", str(self.plan), *options)

    def apply_plan(self, *options: str) -> CommandResult:
        return self.run("--apply-plan", str(self.plan), "--no-prompt", "--no-backup", *options)

    def saved(self) -> Any:
        return json.loads(self.plan.read_text())


@pytest.fixture
def folder(tmp_path: Path, run_command: Callable[..., CommandResult]) -> Folder:
    return Folder(tmp_path, run_command)


def results(body: Any) -> list[str]:
    return [item["result"] for items in body.values() for item in items]


class TestTheCommand:
    def test_plans_is_reviewed_and_applies(self, folder):
        before = all_rows()
        planned = folder.save_plan()
        assert all_rows() == before
        assert planned.code == 0
        answer = json.loads(planned.out)
        assert (answer["status"], answer["statusText"]) == (200, "OK")
        assert results(answer["data"]) == ["OVERWRITE", "CREATE", "UNCHANGED", "OVERWRITE", "SKIP"]
        assert (
            f"Plan written to {folder.plan}. Apply it with:\n  manage.py flow_import --server local "
            f"--file-path {folder.export} --apply-plan {folder.plan}\n"
        ) in planned.err
        applied = folder.apply_plan()
        assert applied.code == 0
        assert json.loads(applied.out)["status"] == 201
        assert results(json.loads(applied.out)["data"]) == results(answer["data"])
        assert Flow.objects.get(name="Orders").info == "file"

    def test_is_stale_with_5_and_says_what_changed(self, folder):
        folder.save_plan()
        Flow.objects.filter(name="Orders").update(info="edited")
        before = data_rows()
        stale = folder.apply_plan()
        assert data_rows() == before
        assert stale.code == 5
        told = f'The flow "Orders" ({uuid_of("f", 1)}) was edited since.'
        assert stale.err == (
            f"CommandError: The plan is out of date. {told} Nothing was written. Plan again.\n"
        )
        answer = json.loads(stale.out)
        assert (answer["status"], answer["data"]["code"]) == (409, "stale-plan")
        assert answer["data"]["issues"] == [
            {
                "code": "row-edited",
                "path": "flows[0]",
                "uuid": uuid_of("f", 1),
                "name": "Orders",
                "message": told,
            }
        ]

    def test_a_dry_run_of_a_plan_says_whether_it_still_holds(self, folder):
        folder.save_plan()
        before = all_rows()
        assert folder.run("--apply-plan", str(folder.plan), "--dry-run").code == 0
        assert all_rows() == before
        Flow.objects.filter(name="Orders").update(info="edited")
        before = all_rows()
        assert folder.run("--apply-plan", str(folder.plan), "--dry-run").code == 5
        assert all_rows() == before

    def test_a_plan_that_is_refused_is_written_and_decided_there(self, folder):
        folder.decide({"decisions": {}})
        refused = folder.save_plan()
        assert refused.code == 3
        assert json.loads(refused.out)["data"]["code"] == "ambiguous-name"
        assert "Plan written to" in refused.err
        assert 'by their "decision" there or in a file for --decisions' in refused.err
        assert folder.apply_plan().code == 3
        plan = folder.saved()
        assert [issue["path"] for issue in plan["issues"]] == ["flows[2]"]
        twice = plan["items"][2]
        twice["decision"] = {"mode": "overwrite", "target": twice["candidates"][1]["uuid"]}
        folder.plan.write_text(json.dumps(plan))
        assert folder.apply_plan().code == 0
        assert ImportRecord.objects.first().items.get(uuid=uuid_of("f", 3)).target_uuid.hex == (
            uuid_of("f", 32).replace("-", "")
        )

    def test_ends_with_10_where_there_is_nothing_to_do(self, folder):
        folder.export.write_bytes(export_file(flow(1, "Orders", info="here")))
        folder.decide({"decisions": {}})
        assert folder.save_plan("--detailed-exitcode").code == 10
        assert folder.apply_plan("--detailed-exitcode").code == 10

    @pytest.mark.parametrize(
        ("option", "value"),
        [("--decisions", ["d.json"]), ("--override-locks", []), ("--plan-out", ["p.json"])],
    )
    def test_what_the_plan_says_cannot_be_said_beside_it(self, folder, option, value):
        folder.save_plan()
        done = folder.apply_plan(option, *value)
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"CommandError: {option} cannot be given with --apply-plan: the plan says what is "
            "done.\n"
        )
        assert not ImportRecord.objects.exists()

    @pytest.mark.parametrize(
        ("name", "option"), [("plan", "--apply-plan"), ("decisions", "--decisions")]
    )
    @pytest.mark.parametrize(
        ("content", "status"),
        [(b"", 400), (b"{", 400), (b"{}", 422), (b'{"a": 1, "a": 1}', 400), (b"\xff", 400)],
    )
    def test_a_file_that_is_none(self, folder, name, option, content, status):
        path = folder.path / "bad.json"
        path.write_bytes(content)
        mode = [] if name == "plan" else ["--skip"]
        done = folder.run(*mode, option, str(path), "--no-prompt")
        assert (done.code, json.loads(done.out)["status"]) == (3, status)
        assert f"The {name} file " in done.err
        assert not ImportRecord.objects.exists()

    def test_a_file_that_is_not_there(self, folder):
        done = folder.apply_plan()
        assert (done.code, done.out) == (2, "")
        assert done.err.endswith('plan.json" cannot be read: No such file or directory.\n')

    def test_a_file_that_is_too_large(self, folder, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": len(FILE)}
        folder.plan.write_bytes(b"x" * (len(FILE) + 1))
        done = folder.apply_plan()
        assert (done.code, json.loads(done.out)["status"]) == (3, 413)

    def test_a_plan_is_not_written_to_standard_output(self, folder):
        done = folder.run("--overwrite", "--plan-out", "-")
        assert done.code != 0
        assert "standard output has the answer: give the name of a file" in done.err

    @pytest.mark.parametrize("option", ["--plan-out", "--decisions", "--apply-plan"])
    def test_an_empty_name_is_not_as_if_there_were_none(self, folder, option):
        """A script's variable that is not set must not turn a plan into an import."""
        mode = [] if option == "--apply-plan" else ["--overwrite"]
        before = all_rows()
        done = folder.run(*mode, option, "", "--no-prompt", "--no-backup")
        assert (done.code, done.out) == (1, "")  # of call_command; a usage error, 2, in a shell
        assert "the name of the file is empty" in done.err
        assert all_rows() == before

    @pytest.mark.parametrize("name", ["export", "decisions"])
    def test_a_plan_does_not_replace_what_it_is_made_from(self, folder, name):
        source = getattr(folder, name)
        content = source.read_bytes()
        folder.plan = source.parent / "." / ".." / source.parent.name / source.name
        done = folder.save_plan("--no-prompt")
        assert (done.code, done.out) == (2, "")
        assert "--plan-out would replace a file that the plan is made from" in done.err
        assert source.read_bytes() == content

    def test_names_that_are_no_text_are_told_as_far_as_they_are(self, folder, monkeypatch):
        monkeypatch.setenv("LOGNAME", "\udc80")
        folder.export = folder.export.rename(folder.path / "\udc81.json")
        assert folder.save_plan().code == 0
        assert folder.saved()["file"]["name"] == r"\udc81.json"
        assert folder.saved()["createdBy"] == r"\udc80"
        assert folder.apply_plan().code == 0

    def test_a_directory_that_is_not_there(self, folder):
        done = folder.run("--skip", "--plan-out", str(folder.path / "nowhere" / "plan.json"))
        assert done.code == 2
        assert "cannot be written: No such file or directory." in done.err

    def test_decisions_count_without_a_plan_as_well(self, folder):
        done = folder.run(
            "--overwrite", "--decisions", str(folder.decisions), "--no-prompt", "--no-backup"
        )
        assert results(json.loads(done.out)["data"])[-1] == "SKIP"


@pytest.mark.django_db(transaction=True)
def test_a_plan_of_another_host_is_applied_here_and_is_stale_afterwards(folder):
    """In processes of their own: planned where the server is registered, applied on itself."""
    here = child_environment(ZIGGY_SERVER_NAME="production", ZIGGY_SERVERS="")
    pipeline = {
        **here,
        "DATABASE_URL": f"sqlite:///{folder.path / 'pipeline.sqlite3'}",
        "ZIGGY_SERVER_NAME": "pipeline",
        "ZIGGY_SERVERS": f"production={here['DATABASE_URL']}",
    }

    def run(environment: dict[str, str], server: str, *options: str) -> int:
        command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "flow_import"]
        command += ["-s", server, "-fp", str(folder.export), *options]
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).returncode

    decisions, plan = str(folder.decisions), str(folder.plan)
    assert run(pipeline, "production", "--overwrite", "--plan-out", plan) == 3
    planned = ["--overwrite", "--decisions", decisions, "--plan-out", plan, "--no-prompt"]
    assert run(pipeline, "production", *planned) == 0
    apply_it = ["--apply-plan", plan, "--no-backup"]
    assert run(here, "production", *apply_it) == 2  # nobody to ask
    assert run(here, "staging", *apply_it, "--no-prompt") == 8
    assert run(here, "production", *apply_it, "--no-prompt", "--skip") == 2
    assert run(here, "production", *apply_it, "--no-prompt") == 0
    assert run(here, "production", *apply_it, "--no-prompt") == 5
    assert sorted(ImportRecord.objects.values_list("status", "code")) == [
        ("refused", "stale-plan"),
        ("refused", "wrong-server"),
        ("succeeded", ""),
    ]


class TestAFileThatIsThere:
    def test_is_not_replaced_where_nobody_can_be_asked(self, folder):
        folder.plan.write_text("mine")
        assert folder.save_plan().code == 2
        assert folder.plan.read_text() == "mine"

    def test_is_replaced_with_no_prompt(self, folder):
        folder.plan.write_text("mine")
        assert folder.save_plan("--no-prompt").code == 0
        assert folder.saved()["format"] == "flow-import-plan"
        assert sorted(path.name for path in folder.path.iterdir() if path.is_file()) == [
            "decisions.json", "plan.json", "zexport.json",
        ]  # fmt: skip

    @pytest.mark.parametrize(("typed", "is_replaced"), [("y\n", True), ("n\n", False), ("", False)])
    def test_is_replaced_after_a_question(self, folder, monkeypatch, typed, is_replaced):
        terminal = StringIO(typed)
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", terminal)
        folder.plan.write_text("mine")
        done = folder.save_plan()
        assert done.code == 0
        assert f'"{folder.plan}" exists. Replace it? [y/N] ' in done.err
        assert (folder.plan.read_text() != "mine") is is_replaced
        if not is_replaced:
            assert json.loads(done.out)["data"] == {"message": "Operation cancelled by user"}

    def test_stays_where_the_export_is_refused(self, folder):
        folder.plan.write_text("mine")
        folder.export.write_text("{}")
        assert folder.save_plan("--no-prompt").code == 3
        assert folder.plan.read_text() == "mine"


def test_a_plan_is_asked_about_before_it_is_applied(folder, monkeypatch):
    folder.save_plan()
    for typed, status in (("n\n", 200), ("y\n", 201)):
        terminal = StringIO(typed)
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", terminal)
        done = folder.run("--apply-plan", str(folder.plan), "--no-backup")
        assert (done.code, json.loads(done.out)["status"]) == (0, status)
        assert "1 to create, 2 to overwrite, 1 to skip, 1 unchanged; 1 warning? [y/N] " in done.err


class TestTheApi:
    def test_answers_a_plan_and_does_it(self, ada):
        before = all_rows()
        planned = upload(ada, FILE, dryRun="true", withPlan="true", decisions=json.dumps(DECISIONS))
        assert planned.status_code == 200
        body = planned.json()
        assert list(body) == ["flowsProcessed", "connectionsProcessed", "secretsProcessed", "plan"]
        assert all_rows() == before
        done = apply(ada, body.pop("plan"))
        assert done.status_code == 201
        assert results(done.json()) == results(body)

    def test_is_stale_with_409(self, ada):
        plan = planned_by(ada)
        Flow.objects.filter(name="Orders").update(info="edited")
        before = data_rows()
        stale = apply(ada, plan)
        assert stale.status_code == 409
        body = stale.json()
        assert list(body) == ["message", "code", "issues", "requestId"]
        assert (body["code"], [one["code"] for one in body["issues"]]) == (
            "stale-plan", ["row-edited"],
        )  # fmt: skip
        assert data_rows() == before

    @pytest.mark.parametrize("as_file", [True, False])
    def test_takes_text_and_files(self, ada, as_file):
        def part(name: str, value: Any) -> list[bytes]:
            text = json.dumps(value)
            if as_file:
                return [file_part(text.encode(), f"{name}.json", name)]
            return words(**{name: text})

        asked = words(duplicatesMode="OVERWRITE", dryRun="true", withPlan="true", noBackup="true")
        answer = send(ada, form(file_part(FILE), *part("decisions", DECISIONS), *asked))
        assert answer.status_code == 200
        plan = part("plan", answer.json()["plan"])
        done = send(ada, form(file_part(FILE), *plan, *words(noBackup="true")))
        assert done.status_code == 201

    def test_a_refusal_has_the_plan_to_decide_in(self, ada):
        refused = upload(ada, FILE, dryRun="true", withPlan="true")
        assert refused.status_code == 422
        body = refused.json()
        assert list(body) == ["message", "code", "issues", "plan", "requestId"]
        plan = body["plan"]
        assert plan["issues"] == body["issues"]
        plan["items"][2]["decision"] = uuid_of("f", 32)
        assert apply(ada, plan).status_code == 201

    def test_a_dry_run_without_a_plan_is_as_it_was(self, ada):
        refused = upload(ada, FILE, dryRun="true")
        assert list(refused.json()) == ["message", "code", "issues", "requestId"]
        planned = upload(ada, FILE, dryRun="true", decisions=json.dumps(DECISIONS))
        assert "plan" not in planned.json()

    def test_a_dry_run_of_a_plan_holds_it_against_the_server(self, ada):
        plan = planned_by(ada)
        before = all_rows()
        assert apply(ada, plan, dryRun="true").status_code == 200
        Flow.objects.filter(name="Orders").update(info="edited")
        assert apply(ada, plan, dryRun="true").status_code == 409
        Flow.objects.filter(name="Orders").update(info="here")
        assert all_rows() == before

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"duplicatesMode": "LEAVE"}, "duplicatesMode"),
            ({"overrideLocks": "true"}, "overrideLocks"),
            ({"overrideLocks": "false"}, "overrideLocks"),
            ({"decisions": '{"decisions": {}}'}, "decisions"),
            ({"withPlan": "true", "dryRun": "true"}, "withPlan"),
        ],
    )
    def test_what_the_plan_says_cannot_be_said_beside_it(self, ada, fields, path):
        body = apply(ada, planned_by(ada), **fields)
        assert body.status_code == 422
        assert [(one["code"], one["path"]) for one in body.json()["issues"]] == [
            ("not-with-plan", path)
        ]

    def test_only_a_dry_run_answers_its_plan(self, ada):
        before = data_rows()
        refused = upload(ada, FILE, withPlan="true")
        assert refused.status_code == 422
        assert [one["path"] for one in refused.json()["issues"]] == ["withPlan"]
        assert data_rows() == before

    @pytest.mark.parametrize("name", ["plan", "decisions"])
    @pytest.mark.parametrize(
        ("content", "status"), [("", 400), ("{", 400), ("[]", 400), ("{}", 422), ("\ud800", 400)]
    )
    def test_a_part_that_is_none(self, ada, name, content, status):
        mode = {} if name == "plan" else {"duplicatesMode": "LEAVE"}
        part = file_part(content.encode(errors="surrogatepass"), "x.json", name)
        refused = send(ada, form(file_part(FILE), part, *words(**mode)))
        assert refused.status_code == status
        assert refused.json()["message"].startswith(f"The {name} file ")
        assert not ImportRecord.objects.exists()

    @pytest.mark.parametrize("name", ["plan", "decisions"])
    def test_a_text_that_is_too_long_can_be_sent_as_a_file(self, ada, name):
        long = " " * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        refused = send(ada, form(file_part(FILE), *words(**{name: long})))
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid-form")
        assert refused.json()["message"] == (
            "The texts of the form are larger than 2,621,440 bytes. Send decisions and plan as "
            "files, with a file name."
        )

    def test_a_part_twice(self, ada):
        text = json.dumps(DECISIONS)
        body = form(
            file_part(FILE),
            file_part(text.encode(), "d.json", "decisions"),
            *words(duplicatesMode="LEAVE", decisions=text),
        )
        refused = send(ada, body)
        assert [(one["code"], one["path"]) for one in refused.json()["issues"]] == [
            ("several-files", "decisions")
        ]


class TestAskingAgain:
    def test_with_the_same_plan_gives_the_same_answer(self, ada):
        plan = planned_by(ada)
        first, second = (apply(ada, plan, key="k") for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 201)
        assert second.content == first.content
        assert ImportRecord.objects.count() == 1

    def test_with_another_plan_is_refused(self, ada):
        plan = planned_by(ada)
        apply(ada, plan, key="k")
        plan["items"][0]["decision"] = "skip"
        assert apply(ada, plan, key="k").json()["code"] == "idempotency-mismatch"

    def test_with_other_decisions_is_refused(self, ada):
        upload(ada, FILE, key="k", decisions=json.dumps(DECISIONS))
        other = {"decisions": {**CHOICE, uuid_of("f", 1): "skip"}}
        again = upload(ada, FILE, key="k", decisions=json.dumps(other))
        assert again.json()["code"] == "idempotency-mismatch"


class TestTheDoorsAgree:
    def test_on_the_plan(self, ada, folder):
        folder.save_plan()
        by_command, by_api = folder.saved(), planned_by(ada)
        for plan in (by_command, by_api):
            for key in ("createdAt", "createdBy", "checksum"):
                del plan[key]
        assert by_api == by_command

    def test_on_a_plan_of_the_other(self, ada, folder):
        folder.plan.write_text(json.dumps(planned_by(ada)))
        assert folder.apply_plan().code == 0
        assert ImportRecord.objects.get().door == "command"

    def test_on_what_changed(self, ada, folder):
        folder.save_plan()
        Flow.objects.filter(name="Orders").update(name="Renamed")
        FlowFactory(name="New")
        by_command = json.loads(folder.apply_plan().out)["data"]
        assert error_of(apply(ada, folder.saved())) == by_command
        assert len(by_command["issues"]) == 2


def planned_by(client: APIClient) -> Any:
    answer = upload(client, FILE, dryRun="true", withPlan="true", decisions=json.dumps(DECISIONS))
    return answer.json()["plan"]


def apply(client: APIClient, plan: Any, key: str | None = None, **fields: str) -> Any:
    parts = [
        file_part(FILE),
        file_part(json.dumps(plan).encode(), "plan.json", "plan"),
        *words(noBackup="true", **fields),
    ]
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    return send(client, form(*parts), **headers)


class TestTheRecord:
    """The record of a run says which saved plan it applied."""

    def test_names_the_plan_of_the_command(self, folder, ada):
        folder.save_plan()
        plan = folder.saved()
        applied = folder.apply_plan()
        record = ImportRecord.objects.get()
        assert format_time(record.plan_created_at) == plan["createdAt"]
        assert (record.plan_created_by, record.plan_checksum) == (
            plan["createdBy"],
            plan["checksum"],
        )
        at = f"{record.plan_created_at:%Y-%m-%d %H:%M:%S} UTC"
        by = f" of {plan['createdBy']}" if plan["createdBy"] else ""
        assert f"Done: record {record.pk}, by the saved plan{by} of {at}." in applied.err
        told = ada.get(f"/api/imports/{record.pk}").json()["plan"]
        assert told == {key: plan[key] for key in ("createdAt", "createdBy", "checksum")}

    def test_names_the_plan_of_the_api_and_the_page_shows_it(self, ada, admin_client):
        plan = planned_by(ada)
        answer = apply(ada, plan)
        assert answer.status_code == 201
        told = ada.get(answer["Location"]).json()["plan"]
        assert told == {key: plan[key] for key in ("createdAt", "createdBy", "checksum")}
        record = ImportRecord.objects.get()
        url = reverse("admin:imports_importrecord_change", args=[record.pk])
        page = admin_client.get(url).content.decode()
        assert plan["checksum"] in page
        assert f"The saved plan of <bdi>{plan['createdBy']}</bdi>" in page

    def test_of_a_stale_plan_names_it_too(self, folder):
        folder.save_plan()
        Flow.objects.filter(name="Orders").update(info="edited")
        assert folder.apply_plan().code == 5
        record = ImportRecord.objects.get()
        assert (record.status, record.plan_checksum) == ("refused", folder.saved()["checksum"])

    def test_of_a_run_without_one_names_none(self, folder, ada):
        run = folder.run("--overwrite", "--decisions", str(folder.decisions), "--no-prompt")
        assert run.code == 0
        record = ImportRecord.objects.get()
        assert (record.plan_created_at, record.plan_created_by, record.plan_checksum) == (
            None,
            "",
            "",
        )
        assert ada.get(f"/api/imports/{record.pk}").json()["plan"] is None
        assert "saved plan" not in run.err
