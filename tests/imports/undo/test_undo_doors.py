"""Undoing by the command and by the API: what is said, the exit codes, and that both do the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from flows.models import Flow
from imports.database.lock import hold_import_lock
from imports.models import ImportRecord
from imports.undo.plans.decision_file import read_decision_file
from tests.support.digest import all_rows, put_back
from tests.support.factories import FlowFactory
from tests.support.importing import flow, import_items, secret, uuid_of
from tests.support.uploading import client_of

pytestmark = pytest.mark.django_db

ROW_PATH = f'decisions["row:{uuid_of("f", 2)}"]'

ANSWER = """\
{
  "status": 201,
  "statusText": "Created",
  "data": {
    "flowsProcessed": [
      {
        "uuid": "ffffffff-0000-4000-8000-000000000001",
        "name": "New",
        "result": "RESTORE",
        "matchMethod": "uuid",
        "isProcessed": true,
        "targetName": "Old"
      },
      {
        "uuid": "ffffffff-0000-4000-8000-000000000002",
        "name": "Made",
        "result": "DELETE",
        "matchMethod": "uuid",
        "isProcessed": true
      }
    ],
    "connectionsProcessed": [],
    "secretsProcessed": []
  }
}
"""


@pytest.fixture
def record() -> ImportRecord:
    """Of an import that overwrote one flow and made another one."""
    FlowFactory(uuid=uuid_of("f", 1), name="Old", info="here")
    return import_items(flow(1, "New", info="file"), flow(2, "Made")).record


def edit_one() -> None:
    Flow.objects.filter(name="Made").update(info="edited", updated_by="eve")


class TestCommand:
    def test_it_prints_what_was_done_and_where_the_record_is(self, record, run_command):
        done = run_command("import_undo", str(record.pk), "--no-prompt", "--no-backup")
        assert (done.code, done.out) == (0, ANSWER)
        undo = ImportRecord.objects.get(mode="undo")
        assert done.err == (
            f"Plan: 1 to restore, 1 to delete, 0 to keep. Done: record {undo.pk}.\n"
        )
        assert (undo.door, undo.server, undo.status) == ("command", "local", "succeeded")

    def test_the_server_is_asked_for_where_there_are_several(self, record, run_command, settings):
        settings.ZIGGY = {
            **settings.ZIGGY,
            "SERVERS": {"production": "sqlite:///production.sqlite3"},
        }
        before = all_rows()
        for command in (["import_undo", str(record.pk)], ["named_save", "restore", "1"]):
            done = run_command(*command, "--no-prompt")
            assert done.out == ""
            assert "the following arguments are required: -s/--server" in done.err
        assert all_rows() == before

    def test_a_dry_run_shows_the_plan_and_writes_nothing(self, record, run_command):
        before = all_rows()
        done = run_command("import_undo", str(record.pk), "--dry-run")
        assert all_rows() == before
        assert json.loads(done.out)["status"] == 200
        assert done.err == (
            f'Undo import {record.pk} on the server "local":\n\n'
            f'  ~ restore flow "New" as "Old" ({uuid_of("f", 1)})\n'
            '      ~ name: "New" -> "Old"\n'
            '      ~ info: "file" -> "here"\n'
            f'  - delete flow "Made" ({uuid_of("f", 2)})\n\n'
            "Plan: 1 to restore, 1 to delete, 0 to keep.\n"
        )

    def test_a_conflict_is_shown_and_refused(self, record, run_command):
        edit_one()
        before = all_rows()
        done = run_command("import_undo", str(record.pk), "--dry-run")
        assert all_rows() == before
        assert done.code == 3
        assert '      ! The flow "Made" was edited since, last by eve on ' in done.err
        assert "or to restore what was before: then it is deleted." in done.err
        assert json.loads(done.out)["data"]["issues"][0]["code"] == "edited-since"
        assert "Say --keep or --restore for all conflicts, or --decisions F" in done.err

    @pytest.mark.parametrize("options", [[], ["--restore"]])
    def test_only_what_is_possible_is_offered(self, record, run_command, options):
        Flow.objects.filter(name="New").delete()
        for more in (["--dry-run"], ["--no-prompt", "--no-backup"]):
            done = run_command("import_undo", str(record.pk), *options, *more)
            assert (done.code, "--restore" in done.err) == (3, False)
            assert "Rows that are in conflict can only be kept here. Say --keep.\n" in done.err
        edit_one()
        done = run_command("import_undo", str(record.pk), "--dry-run")
        assert (
            "Some rows can only be kept. Say --keep for all conflicts, or --decisions F for single "
            "rows (see --help).\n" in done.err
        )
        assert run_command("import_undo", str(record.pk), "--keep", "--dry-run").code == 0

    def test_a_decision_on_another_row_is_no_conflict(self, record, run_command, tmp_path):
        file = tmp_path / "decisions.json"
        file.write_text(json.dumps({"decisions": {uuid_of("f", 9): "keep"}}))
        done = run_command("import_undo", str(record.pk), "--dry-run", "--decisions", str(file))
        assert (done.code, "Say --" in done.err) == (3, False)

    @pytest.mark.parametrize(
        ("options", "is_deleted"), [(["--keep"], False), (["--restore"], True)]
    )
    def test_conflicts_are_decided_by_an_option(self, record, run_command, options, is_deleted):
        edit_one()
        done = run_command("import_undo", str(record.pk), "--no-prompt", "--no-backup", *options)
        assert done.code == 0
        assert Flow.objects.get(name="Made").is_deleted == is_deleted

    @pytest.mark.parametrize("asks", [True, False])
    def test_what_it_warns_of_is_shown_once(self, record, run_command, monkeypatch, asks):
        edit_one()
        console = "imports.management.console"
        monkeypatch.setattr(f"{console}.require_terminal", lambda: None)
        monkeypatch.setattr(f"{console}.confirm", lambda *_: True)
        options = ["--keep", "--no-backup", *([] if asks else ["--no-prompt"])]
        told = run_command("import_undo", str(record.pk), *options).err
        assert told.count("was edited since, last by eve on ") == 1
        warned = f'! flow "Made" ({uuid_of("f", 2)}): The flow "Made" was edited since, last by eve'
        assert (warned in told) == (not asks)

    def test_and_by_a_file(self, record, run_command, tmp_path):
        edit_one()
        file = tmp_path / "decisions.json"
        file.write_text(json.dumps({"decisions": {uuid_of("f", 2): "keep"}}))
        arguments = [str(record.pk), "--no-prompt", "--no-backup", "--decisions", str(file)]
        assert run_command("import_undo", *arguments).code == 0
        assert not Flow.objects.get(name="Made").is_deleted

    def test_a_bad_file_of_decisions_is_refused(self, record, run_command, tmp_path):
        file = tmp_path / "decisions.json"
        file.write_text("[]")
        done = run_command("import_undo", str(record.pk), "--dry-run", "--decisions", str(file))
        assert done.code == 3
        missing = str(Path(tmp_path) / "none.json")
        done = run_command("import_undo", str(record.pk), "--dry-run", "--decisions", missing)
        assert done.code == 2

    def test_the_exit_codes_say_why(self, record, run_command, settings):
        number = str(record.pk)
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        assert run_command("import_undo", "404", "--no-prompt").code == 3
        assert run_command("import_undo", number, "--no-prompt", "-s", "elsewhere").code == 8
        with hold_import_lock(wait=0):
            assert run_command("import_undo", number, "--no-prompt", "--no-backup").code == 4
        User.objects.create_user("ada")
        assert run_command("import_undo", number, "--no-prompt", "--user", "ada").code == 7
        assert run_command("import_undo", number, "--no-prompt", "--user", "nobody").code == 2
        Flow.objects.filter(name="New").update(name="Old", info="here")
        Flow.objects.filter(name="Made").delete()
        nothing = ["--no-prompt", "--detailed-exitcode"]
        assert run_command("import_undo", number, *nothing).code == 10

    def test_silence_is_no_yes(self, record, run_command):
        done = run_command("import_undo", str(record.pk))
        assert done.code == 2
        assert "no terminal" in done.err

    @pytest.mark.parametrize("answer", ["y", "n"])
    def test_it_asks_with_the_server_and_the_counts(self, record, run_command, monkeypatch, answer):
        asked: list[str] = []

        def confirm(_command: Any, question: str) -> bool:
            asked.append(question)
            return answer == "y"

        console = "imports.management.console"
        monkeypatch.setattr(f"{console}.require_terminal", lambda: None)
        monkeypatch.setattr(f"{console}.confirm", confirm)
        done = run_command("import_undo", str(record.pk), "--no-backup")
        assert asked == [
            f'Undo import {record.pk} on the server "local": 1 to restore, 1 to delete, 0 to keep?'
        ]
        record.refresh_from_db()
        assert record.status == ("undone" if answer == "y" else "succeeded")
        assert ("cancelled" in done.out) == (answer == "n")

    def test_a_refusal_before_the_question_leaves_a_record(self, record, run_command, monkeypatch):
        edit_one()
        console = "imports.management.console"
        monkeypatch.setattr(f"{console}.require_terminal", lambda: None)
        assert run_command("import_undo", str(record.pk)).code == 3
        assert ImportRecord.objects.get(mode="undo").status == "refused"

    def test_keep_and_restore_exclude_each_other(self, record, run_command):
        assert run_command("import_undo", str(record.pk), "--keep", "--restore").code != 0


class TestApi:
    @pytest.fixture
    def ada(self) -> Any:
        return client_of(User.objects.create_superuser("ada"))

    def post(self, client: Any, record: ImportRecord | int, **body: Any) -> Any:
        number = record if isinstance(record, int) else record.pk
        body = {"dryRun": False, "noBackup": True, **body}
        return client.post(f"/api/imports/{number}/undo", body, format="json")

    def test_it_answers_as_the_command_does_and_names_the_record(self, record, ada):
        answer = self.post(ada, record)
        assert answer.status_code == 201
        assert answer.json() == json.loads(ANSWER)["data"]
        undo = ImportRecord.objects.get(mode="undo")
        assert answer.headers["Location"] == f"/api/imports/{undo.pk}"
        assert (undo.door, undo.user_name) == ("api", "ada")

    def test_both_doors_write_the_same(self, record, ada, run_command):
        before = all_rows()
        run_command("import_undo", str(record.pk), "--no-prompt", "--no-backup")
        by_command = written()
        put_back(before)
        self.post(ada, record)
        assert written() == by_command

    def test_everything_else_may_be_left_out(self, record, ada, monkeypatch):
        monkeypatch.setattr("imports.runs.carrying_out.make_backup", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):  # so that a backup would be made
            ada.post(f"/api/imports/{record.pk}/undo", {"dryRun": False}, format="json")

    @pytest.mark.parametrize(
        ("body", "code", "path"),
        [
            (b"", "missing-body", None),
            (b"[]", "wrong-type", None),
            (b'[{"dryRun": false}]', "wrong-type", None),
            (b"null", "wrong-type", None),
            (b"false", "wrong-type", None),
            (b'"dryRun"', "wrong-type", None),
            (b"{}", "missing-key", "dryRun"),
            (b'{"noBackup": true}', "missing-key", "dryRun"),
            (b'{"dryrun": false}', "missing-key", "dryRun"),
            (b'{"dryRun": null}', "wrong-type", "dryRun"),
            (b'{"dryRun": "true"}', "wrong-type", "dryRun"),
            (b'{"dryRun": "false"}', "wrong-type", "dryRun"),
            (b'{"dryRun": 0}', "wrong-type", "dryRun"),
            (b'{"dryRun": 1}', "wrong-type", "dryRun"),
            (b'{"dryRun": []}', "wrong-type", "dryRun"),
            (b'{"dryRun": {}}', "wrong-type", "dryRun"),
            (b'{"dryRun": false', "invalid-json", ""),
            (b'{"dryRun": true, "dryRun": false}', "duplicate-key", "dryRun"),
        ],
    )
    def test_without_a_dry_run_that_is_said_nothing_is_undone(self, record, ada, body, code, path):
        before = all_rows()
        address = f"/api/imports/{record.pk}/undo"
        answer = ada.generic("POST", address, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert [issue["path"] for issue in answer.json()["issues"]] == [path] * (path is not None)
        if "json" not in code and "duplicate" not in code:
            assert (
                "Say dryRun: true to be told the plan, false to undo." in answer.json()["message"]
            )
        assert all_rows() == before

    def test_a_body_of_another_type_undoes_nothing(self, record, ada):
        before = all_rows()
        address = f"/api/imports/{record.pk}/undo"
        form = "application/x-www-form-urlencoded"
        answer = ada.generic("POST", address, b"dryRun=true", content_type=form)
        assert answer.status_code == 400
        assert all_rows() == before

    def test_a_dry_run_tells_the_plan_and_writes_nothing(self, record, ada):
        before = all_rows()
        answer = self.post(ada, record, dryRun=True)
        assert all_rows() == before
        assert answer.status_code == 200
        assert {item["isProcessed"] for item in answer.json()["flowsProcessed"]} == {False}

    @pytest.mark.parametrize("keep", ["KEEP", "keep"])
    def test_conflicts_are_told_and_decided(self, record, ada, keep):
        edit_one()
        answer = self.post(ada, record)
        assert answer.status_code == 422
        body = answer.json()
        assert list(body) == ["message", "code", "issues", "requestId"]
        assert [issue["uuid"] for issue in body["issues"]] == [uuid_of("f", 2)]
        decisions = {f"flow:{uuid_of('f', 2)}": "RESTORE"}
        answer = self.post(ada, record, conflicts=keep, decisions=decisions)
        assert answer.status_code == 201
        assert Flow.objects.get(name="Made").is_deleted

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"conflicts": "PERHAPS"}, "conflicts"),
            ({"noBackup": "true"}, "noBackup"),
            ({"noBackup": None}, "noBackup"),
            ({"decisions": []}, "decisions"),
            ({"decisions": None}, "decisions"),
            ({"decisions": {"x": "keep"}}, "decisions.x"),
            ({"decisions": {uuid_of("f", 2): "skip"}}, f"decisions.{uuid_of('f', 2)}"),
            ({"decisions": {f"row:{uuid_of('f', 2)}": "keep"}}, ROW_PATH),
        ],
    )
    def test_what_is_wrong_with_the_body_is_told(self, record, ada, body, path):
        answer = self.post(ada, record, **body)
        assert answer.status_code == 422
        assert answer.json()["issues"][0]["path"] == path

    def test_all_that_is_wrong_with_the_body_is_told_at_once(self, record, ada):
        one = uuid_of("f", 2)
        decisions = {"x": "keep", f"flow:{one}": "keep", f"flow:{one.upper()}": "restore"}
        answer = self.post(ada, record, conflicts="PERHAPS", noBackup=[], decisions=decisions)
        assert {(issue["code"], issue["path"]) for issue in answer.json()["issues"]} == {
            ("invalid-choice", "conflicts"),
            ("invalid", "noBackup"),
            ("invalid-uuid", "decisions.x"),
            ("duplicate-decision", f'decisions["flow:{one.upper()}"]'),
        }

    def test_a_misspelt_dry_run_is_no_undo(self, record, ada):
        before = all_rows()
        answer = self.post(ada, record, dryrun=True, conflict="KEEP")
        assert answer.status_code == 422
        assert {(issue["code"], issue["path"]) for issue in answer.json()["issues"]} == {
            ("unknown-key", "conflict"),
            ("unknown-key", "dryrun"),
        }
        answer = ada.post(f"/api/imports/{record.pk}/undo?dryRun=true", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown-parameter")
        assert all_rows() == before

    def test_the_form_of_a_file_is_that_of_the_body(self, record, ada):
        edit_one()
        decisions = {uuid_of("f", 2).upper(): "restore"}
        assert read_decision_file(json.dumps({"decisions": decisions}).encode(), max_bytes=1000)
        assert self.post(ada, record, decisions=decisions).status_code == 201

    def test_what_cannot_be_undone_is_told(self, record, ada):
        assert self.post(ada, 404).status_code == 404
        self.post(ada, record)
        answer = self.post(ada, record)
        assert (answer.status_code, answer.json()["code"]) == (409, "already-undone")

    def test_records_tell_what_undid_what(self, record, ada):
        self.post(ada, record)
        undo = ImportRecord.objects.get(mode="undo")
        shown = {one["id"]: one for one in ada.get("/api/imports").json()["results"]}
        assert (shown[record.pk]["undoneBy"], shown[undo.pk]["undoes"]) == (undo.pk, record.pk)
        [found] = ada.get("/api/imports?mode=undo").json()["results"]
        assert (found["id"], found["undoneBy"]) == (undo.pk, None)
        detail = ada.get(f"/api/imports/{undo.pk}").json()
        assert [item["result"] for item in detail["items"]["results"]] == ["RESTORE", "DELETE"]
        self.post(ada, undo)
        assert ada.get(f"/api/imports/{record.pk}").json()["undoneBy"] is None


def written() -> Any:
    """What an undo leaves, but for numbers, times, who it was and through which door."""
    rows = Flow.objects.order_by("uuid").values_list("uuid", "name", "info", "is_deleted")
    records = ImportRecord.objects.order_by("pk").values_list("mode", "status", "counts")
    items = ImportRecord.objects.get(mode="undo").items.order_by("pk")
    return list(rows), list(records), list(items.values_list("uuid", "result", "content_digest"))


class TestAdmin:
    """The pages of records tell of undos in words."""

    def test_the_record_of_an_undo_and_that_of_the_undone_import(
        self, record, admin_client, run_command
    ):
        import_items(secret(1, "KEY"))
        run_command("import_undo", str(record.pk), "--no-prompt", "--no-backup")
        undo = ImportRecord.objects.get(mode="undo")
        page = admin_client.get(f"/admin/imports/importrecord/{undo.pk}/change/").content.decode()
        assert f"import {record.pk}</a>" in page
        for word in ("restored", "deleted", "Undo: every row"):
            assert word in page
        assert "SHA-256" not in page
        assert "This same file" not in page
        page = admin_client.get(f"/admin/imports/importrecord/{record.pk}/change/").content.decode()
        assert f"import {undo.pk}</a>" in page
        assert (
            "1 restored, 1 deleted"
            in admin_client.get("/admin/imports/importrecord/").content.decode()
        )
        item = undo.items.get(result="RESTORE")
        address = f"/admin/imports/importrecord/{undo.pk}/items/{item.pk}/"
        assert admin_client.get(address).status_code == 200
