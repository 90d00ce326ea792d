"""A plan with warnings that must be acknowledged is done with their codes, and not without."""

import json
from io import StringIO
from pathlib import Path

import pytest

from flows.checks import check_settings
from flows.models import Connection, Flow, Secret
from imports.errors import FileInvalid, NeedsAcknowledgement, StalePlan
from imports.importing.acknowledging import accept_shown
from imports.importing.service import make_plan_to_save, preview_import, run_import
from imports.models import ImportRecord
from imports.planfile.file import read_plan, write_plan
from imports.undo.service import undo_import
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    uuid_of,
)
from tests.support.undoing import undo_request
from tests.support.uploading import caller, upload

pytestmark = pytest.mark.django_db

SENDS, HIDES = "secret-to-new-destination", "invisible-characters"
HERE, THERE = (f"{{ host: '{host}.example.com', key: secrets.KEY }}" for host in "ab")
FILE = export_file(
    connection(1, "Mail", devValue=THERE),
    connection(2, "SMS", devValue="{}"),
    flow(1, "Orders", nodes=[{"id": "1", "data": {"code": "if (a\u202e) {}"}}]),
)


@pytest.fixture(autouse=True)
def server() -> None:
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="CANARY")
    SecretFactory(uuid=uuid_of("5", 2), name="LATER")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=HERE)


def is_done() -> bool:
    return Connection.objects.get(name="Mail").dev_value == THERE


class TestTheService:
    def test_refuses_with_every_warning_and_what_to_do(self):
        with pytest.raises(NeedsAcknowledgement) as refused:
            run_import(request_for(FILE, accept=()))
        error = refused.value
        assert (error.code, error.status, error.exit_code) == ("needs-acknowledgement", 422, 3)
        assert [(one.code, one.path) for one in error.issues] == [
            (SENDS, "connections[0]"),
            (HIDES, "flows[0].nodes[0].data.code"),
        ]
        assert error.reason == (
            f"These warnings must be acknowledged first: {SENDS} of 1 item, first of the connection "
            f'"Mail" (connections[0]) and {HIDES} of 1 item, first of the flow "Orders" '
            "(flows[0].nodes[0].data.code)."
        )
        for way in (f"--accept {SENDS},{HIDES}", f"accept={SENDS},{HIDES}", "admin"):
            assert way in error.remedy
        record = ImportRecord.objects.get()
        assert (record.status, record.code) == ("refused", "needs-acknowledgement")
        assert not is_done()

    def test_a_part_of_the_codes_is_not_enough(self):
        with pytest.raises(NeedsAcknowledgement) as refused:
            run_import(request_for(FILE, accept=(HIDES,)))
        assert [one.code for one in refused.value.issues] == [SENDS]

    def test_records_which_were_acknowledged_and_by_whom(self):
        accept = (SENDS, HIDES, "older-file")  # the last one is not in the plan
        record = run_import(request_for(FILE, accept=accept)).record
        record.refresh_from_db()
        assert record.acknowledged == [
            {"code": SENDS, "by": "alice", "items": 1},
            {"code": HIDES, "by": "alice", "items": 1},
        ]

    def test_a_preview_is_not_refused_and_says_which(self):
        preview = preview_import(request_for(FILE, accept=()))
        assert preview.refusal is None
        assert [str(red.code) for red in preview.unacknowledged] == [SENDS, HIDES]

    @pytest.mark.parametrize(
        ("codes", "refused"),
        [([], []), ([HIDES], [HIDES]), (["edited-here"], []), ([SENDS, HIDES], [SENDS, HIDES])],
    )
    def test_the_setting_says_which(self, settings, codes, refused):
        settings.ZIGGY = {**settings.ZIGGY, "MUST_ACKNOWLEDGE": codes}
        preview = preview_import(request_for(FILE, accept=()))
        assert [str(red.code) for red in preview.unacknowledged] == refused

    def test_drift_is_asked_for_where_the_setting_says_so(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MUST_ACKNOWLEDGE": ["edited-here"]}
        import_items(flow(1, "Orders", info="imported"))
        row = Flow.objects.get()
        row.info = "edited"
        row.save()
        with pytest.raises(NeedsAcknowledgement):
            import_items(flow(1, "Orders", info="new"), accept=())
        import_items(flow(1, "Orders", info="new"), accept=("edited-here",))

    def test_what_was_shown_is_what_is_acknowledged(self):
        """A secret that gets a value after the question is none of what was acknowledged."""
        sends_both = THERE.replace("}", ", later: secrets.LATER }")
        payload = export_file(connection(1, "Mail", devValue=sends_both))
        preview = preview_import(request_for(payload, accept=()))
        request = accept_shown(request_for(payload, accept=()), preview.plan, [SENDS])
        Secret.objects.filter(name="LATER").update(dev_value="CANARY-later")
        with pytest.raises(StalePlan):
            run_import(request, confirmed=preview)
        with pytest.raises(NeedsAcknowledgement) as refused:
            run_import(request)
        assert [one.name for one in refused.value.issues] == ["Mail"]
        assert "secrets.LATER" in refused.value.issues[0].message

    def test_an_undo_asks_for_none(self):
        """What it brings back was here before; the right, the warning and the question remain."""
        record = run_import(request_for(FILE)).record
        outcome = undo_import(undo_request(record))
        assert outcome.record.acknowledged == []
        assert not is_done()


class TestASavedPlan:
    def save(self, **options):
        _, saved = make_plan_to_save(request_for(FILE, **{"user_name": "rita", **options}))
        return read_plan(write_plan(saved), max_bytes=10**6)

    def apply(self, saved, **options):
        return run_import(request_for(FILE, saved_plan=saved, **{"accept": (), **options}))

    def test_keeps_what_was_accepted_and_by_whom(self):
        saved = self.save(accept=(SENDS, HIDES))
        record = self.apply(saved).record
        assert record.acknowledged == [
            {"code": SENDS, "by": "rita", "items": 1},
            {"code": HIDES, "by": "rita", "items": 1},
        ]

    def test_names_no_host_and_no_key_that_could_be_guessed(self):
        saved = self.save(accept=(SENDS,))
        (preview, _) = make_plan_to_save(request_for(FILE, accept=()))
        text = write_plan(saved).decode()
        assert "example.com" not in text
        assert not any(red.key in text for red in preview.unacknowledged)

    def test_what_is_missing_in_it_may_be_accepted_when_it_is_applied(self):
        saved = self.save(accept=(SENDS,))
        with pytest.raises(NeedsAcknowledgement) as refused:
            self.apply(saved)
        assert [one.code for one in refused.value.issues] == [HIDES]
        record = self.apply(saved, accept=(HIDES,)).record
        assert [(one["code"], one["by"]) for one in record.acknowledged] == [
            (SENDS, "rita"),
            (HIDES, "alice"),
        ]

    def test_a_plan_without_any_is_as_those_of_earlier_releases(self):
        assert "accepted" not in json.loads(write_plan(self.save(accept=())))

    def test_a_new_warning_of_an_accepted_code_is_asked_for_again(self, settings):
        """Code names a secret that gets a value after the approval, which no other change shows."""
        settings.ZIGGY = {**settings.ZIGGY, "MUST_ACKNOWLEDGE": ["code-uses-secret"]}
        FlowFactory(uuid=uuid_of("f", 2), name="Code")
        nodes = [{"id": "1", "data": {"code": "use(secrets.KEY, secrets.LATER)"}}]
        payload = export_file(flow(2, "Code", nodes=nodes))
        asked = request_for(payload, accept=("code-uses-secret",), user_name="rita")
        _, saved = make_plan_to_save(asked)
        Secret.objects.filter(name="LATER").update(dev_value="CANARY-later")
        with pytest.raises(NeedsAcknowledgement):
            run_import(request_for(payload, saved_plan=saved, accept=()))

    def test_what_it_accepts_cannot_be_edited(self):
        saved = json.loads(write_plan(self.save(accept=(SENDS,))))
        saved["accepted"][0]["by"] = "eve"
        with pytest.raises(FileInvalid):
            read_plan(json.dumps(saved).encode(), max_bytes=10**6)


class TestTheCommand:
    @pytest.fixture
    def run(self, run_command, tmp_path: Path):
        path = tmp_path / "zexport.json"
        path.write_bytes(FILE)
        required = ("flow_import", "-s", "local", "--overwrite", "--no-backup", "-fp", str(path))
        return lambda *options: run_command(*required, *options)

    def test_without_a_prompt_it_is_refused_with_the_list(self, run):
        result = run("--no-prompt")
        assert result.code == 3
        data = json.loads(result.out)["data"]
        assert data["code"] == "needs-acknowledgement"
        assert [one["code"] for one in data["issues"]] == [SENDS, HIDES]
        assert f"--accept {SENDS},{HIDES}" in result.err
        assert not is_done()

    def test_nor_is_it_done_where_the_plan_is_written_to_a_file_first(self, run, tmp_path):
        result = run("--no-prompt", "--plan-text", str(tmp_path / "plan.txt"))
        assert result.code == 3
        assert json.loads(result.out)["data"]["code"] == "needs-acknowledgement"
        assert not is_done()

    @pytest.mark.parametrize(
        "accept",
        [[f"--accept={SENDS},{HIDES}"], ["--accept", SENDS, "--accept", HIDES]],
    )
    def test_with_the_codes_it_is_done_and_answers_them(self, run, accept):
        result = run("--no-prompt", *accept)
        assert result.code == 0, result.err
        data = json.loads(result.out)["data"]
        assert [(one["code"], one["items"]) for one in data["acknowledged"]] == [
            (SENDS, 1),
            (HIDES, 1),
        ]
        assert is_done()

    def test_an_unknown_code_is_a_wrong_use(self, run):
        result = run("--no-prompt", "--accept", "renames")
        assert result.code != 0
        assert not ImportRecord.objects.exists()
        assert '"renames" is no warning to acknowledge' in result.err

    def test_a_dry_run_says_what_it_will_need(self, run):
        result = run("--dry-run")
        assert result.code == 0
        assert json.loads(result.out)["data"]["needsAcknowledgement"] == [
            {"code": SENDS, "items": 1},
            {"code": HIDES, "items": 1},
        ]
        assert f'! {SENDS}: 1 item, connection "Mail"' in result.err

    @pytest.mark.parametrize(
        ("typed", "done"),
        [
            (f"{SENDS}\n{HIDES}\ny\n", True),
            (f"{SENDS}\ny\n", False),
            ("y\ny\ny\n", False),
            (f"{SENDS}\n{HIDES}\nn\n", False),
            ("", False),
        ],
    )
    def test_in_the_prompt_each_code_is_typed(self, run, monkeypatch, typed, done):
        stdin = StringIO(typed)
        stdin.isatty = lambda: True
        monkeypatch.setattr("sys.stdin", stdin)
        result = run()
        assert result.code == 0
        assert is_done() is done
        assert f"Type {SENDS} to acknowledge it: " in result.err
        if not done:
            assert "Operation cancelled by user" in result.out
            assert not ImportRecord.objects.exists()

    def test_what_was_given_is_not_asked_for(self, run, monkeypatch):
        stdin = StringIO(f"{HIDES}\ny\n")
        stdin.isatty = lambda: True
        monkeypatch.setattr("sys.stdin", stdin)
        result = run("--accept", SENDS)
        assert f"Type {SENDS}" not in result.err
        assert is_done()


class TestTheApi:
    def test_is_refused_with_422_and_done_with_the_codes(self):
        ada = caller("ada", admin=True)
        refused = upload(ada, FILE)
        assert refused.status_code == 422
        assert refused.json()["code"] == "needs-acknowledgement"
        assert [one["code"] for one in refused.json()["issues"]] == [SENDS, HIDES]
        assert f"accept={SENDS},{HIDES}" in refused.json()["message"]
        done = upload(ada, FILE, accept=f"{SENDS}, {HIDES}")
        assert done.status_code == 201
        expected = [
            {"code": SENDS, "by": "ada", "items": 1},
            {"code": HIDES, "by": "ada", "items": 1},
        ]
        assert done.json()["acknowledged"] == expected
        assert ada.get(done.headers["Location"]).json()["acknowledged"] == expected

    def test_a_dry_run_says_what_it_will_need(self):
        answer = upload(caller("ada", admin=True), FILE, dryRun="true")
        assert answer.status_code == 200
        assert [one["code"] for one in answer.json()["needsAcknowledgement"]] == [SENDS, HIDES]

    def test_an_unknown_code_is_a_wrong_choice(self):
        answer = upload(caller("ada", admin=True), FILE, accept=f"{SENDS},all")
        assert answer.status_code == 422
        assert [(one["code"], one["path"]) for one in answer.json()["issues"]] == [
            ("invalid-choice", "accept")
        ]

    def test_the_same_key_is_good_with_and_without(self):
        """What is acknowledged changes nothing of what is done."""
        ada = caller("ada", admin=True)
        assert upload(ada, FILE, key="k").status_code == 422
        first = upload(ada, FILE, key="k", accept=f"{SENDS},{HIDES}")
        again = upload(ada, FILE, key="k")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()


class TestTheSetting:
    def ids(self, settings, codes):
        settings.ZIGGY = {**settings.ZIGGY, "MUST_ACKNOWLEDGE": codes}
        return [message.id for message in check_settings() if message.id.startswith("ziggy.E")]

    def test_an_unknown_code_is_an_error(self, settings):
        assert self.ids(settings, ["renames"]) == ["ziggy.E009"]
        assert self.ids(settings, "older-file") == ["ziggy.E007"]

    def test_known_ones_and_none_are_right(self, settings):
        assert self.ids(settings, ["older-file", "edited-here"]) == []
        assert self.ids(settings, []) == []


def test_a_file_without_such_warnings_needs_none():
    FlowFactory(uuid=uuid_of("f", 3), name="Plain")
    outcome = import_items(flow(3, "Plain", info="new"), flow(4, "New"), accept=())
    assert outcome.record.acknowledged == []
