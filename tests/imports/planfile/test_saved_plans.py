"""Plans that are saved and applied later: exactly, or not at all."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

import imports.planfile.file
from accounts.models import User
from flows.content import canonical
from flows.content.fields import Kind, get_columns
from flows.content.representation import format_time
from flows.database.bulk import insert_rows
from flows.models import MODELS, Connection, Flow, Secret
from imports.errors import FileInvalid, NotPermitted, PlanRefused, StalePlan, UnableToImport
from imports.importing.request import ImportRequest
from imports.importing.service import make_plan_to_save, preview_import, run_import
from imports.models import ImportRecord
from imports.planfile.decisions import read_decisions
from imports.planfile.file import read_plan, write_plan
from imports.planfile.shape import SavedPlan
from imports.plans.plan import Mode, compute_content_digest
from imports.rows.read import read_contents
from tests.imports.plans.test_properties import files, servers
from tests.support.digest import WRITTEN_BY_IMPORTS, Rows, all_rows, data_rows, outcome, put_back
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.identity import make_another_database
from tests.support.importing import (
    connection,
    export_file,
    flow,
    request_for,
    results,
    secret,
    uuid_of,
)

HOST = "host-of-a-connection.example.org"

FILE = export_file(
    flow(1, "Orders", info="file", nodes=[{"data": {"use": uuid_of("c", 1)}}]),
    flow(2, "New"),
    flow(3, "Same"),
    flow(4, "Back again"),
    flow(5, "By name", info="file"),
    connection(1, "Twilio", devValue=f"{{ host: '{HOST}', key: secrets.KEY }}"),
    secret(1, "KEY", description="file"),
)


@pytest.fixture
def server(db: None) -> None:
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="here")
    FlowFactory(uuid=uuid_of("f", 3), name="Same")
    FlowFactory(uuid=uuid_of("f", 4), name="Back again", is_deleted=True)
    FlowFactory(uuid=uuid_of("f", 50), name="By name", info="here")
    FlowFactory(uuid=uuid_of("f", 60), name="Nobody's")
    ConnectionFactory(
        uuid=uuid_of("c", 1), name="Twilio", dev_value="{ host: 'old', key: secrets.KEY }"
    )
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="a value")


def saved(payload: bytes = FILE, mode: str = "overwrite", **changes: Any) -> SavedPlan:
    """The plan as it comes back from its file."""
    _, plan = make_plan_to_save(request_for(payload, mode, **changes))
    return read_plan(write_plan(plan), max_bytes=10**9)


def apply_request(plan: SavedPlan, payload: bytes = FILE, **changes: Any) -> ImportRequest:
    return request_for(
        payload, plan.mode, override_locks=plan.override_locks, saved_plan=plan, **changes
    )


def edited(plan: SavedPlan, **decisions: Any) -> SavedPlan:
    """The plan with these decisions, by the names of items, edited in its file."""
    data = json.loads(write_plan(plan))
    for item in data["items"]:
        if item["name"] in decisions:
            item["decision"] = decisions.pop(item["name"])
    assert decisions == {}
    return read_plan(json.dumps(data, indent=1).encode(), max_bytes=10**9)


def forged(plan: SavedPlan, change: Callable[[Any], Any]) -> SavedPlan:
    """The plan, changed, with a checksum that fits."""
    data = json.loads(write_plan(plan))
    change(data)
    data["checksum"] = imports.planfile.file._compute_checksum(msgspec.convert(data, SavedPlan))
    return read_plan(json.dumps(data).encode(), max_bytes=10**9)


def stale_codes(plan: SavedPlan, payload: bytes = FILE, **changes: Any) -> list[tuple[str, str]]:
    """Why the plan cannot be applied any more, by code and path. Nothing is written then."""
    before = data_rows()
    with pytest.raises(StalePlan) as raised:
        run_import(apply_request(plan, payload, **changes))
    assert data_rows() == before
    assert (raised.value.code, raised.value.exit_code) == ("stale-plan", 5)
    record = ImportRecord.objects.first()
    assert (record.status, record.code) == ("refused", "stale-plan")
    assert len(record.issues) == len(raised.value.issues)
    return [(issue.code, issue.path) for issue in raised.value.issues]


def stale_message(plan: SavedPlan, **changes: Any) -> str:
    """What is said where the plan cannot be applied any more."""
    with pytest.raises(StalePlan) as raised:
        run_import(apply_request(plan, **changes))
    return raised.value.message


def test_a_reviewer_sees_who_edited_a_row_and_may_still_overwrite_it(db):
    payload = export_file(flow(1, "Orders", info="file"))
    run_import(request_for(payload))
    Flow.objects.update(info="here", updated_by="ada", updated_at=timezone.now())
    plan = saved(payload, "skip")
    [item] = plan.items
    at = format_time(Flow.objects.get().updated_at)
    assert (item.result, item.drift.is_edited, item.drift.edited_by) == ("SKIP", True, "ada")
    assert item.drift.edited_at == at
    assert item.drift.last_import_at == format_time(ImportRecord.objects.get().finished_at)
    [warning] = item.warnings
    assert warning.startswith("edited on this server by ada on ")
    run_import(apply_request(edited(plan, Orders="overwrite"), payload))
    assert Flow.objects.get().info == "file"


class TestAPlanThatIsSaved:
    def test_writes_nothing_to_the_database(self, server):
        before = all_rows()
        saved()
        assert all_rows() == before

    def test_tells_each_item_with_its_row_and_what_changes(self, server):
        plan = saved()
        assert [(item.name, item.result, item.match_method) for item in plan.items] == [
            ("Orders", "OVERWRITE", "uuid"),
            ("New", "CREATE", "unmatched"),
            ("Same", "UNCHANGED", "uuid"),
            ("Back again", "CREATE", "unmatched"),
            ("By name", "OVERWRITE", "name"),
            ("Twilio", "OVERWRITE", "uuid"),
            ("KEY", "OVERWRITE", "uuid"),
        ]
        by_name = plan.items[4]
        assert (by_name.target_uuid, by_name.row.uuid) == (uuid_of("f", 50), uuid_of("f", 50))
        assert by_name.changed_keys == ("info",)
        assert plan.items[1].row is None
        assert plan.items[3].row.is_deleted
        assert len({item.row.content_hash for item in plan.items if item.row}) == 6

    def test_tells_the_file_the_server_and_who_made_it(self, server):
        plan = saved(override_locks=True)
        assert (plan.file.name, plan.file.size) == ("zexport.json", len(FILE))
        assert plan.file.sha256 == sha256(FILE).hexdigest()
        assert plan.server.name == "local"
        assert (plan.mode, plan.override_locks, plan.created_by) == ("overwrite", True, "alice")
        assert plan.counts == {"OVERWRITE": 4, "CREATE": 2, "UNCHANGED": 1}

    def test_has_no_content_and_no_host(self, server):
        text = write_plan(saved()).decode()
        assert HOST not in text
        assert "sends the stored secret to another destination: secrets.KEY" in text
        assert saved().items[5].retargets
        for content in ('"here"', "old", "a value"):
            assert content not in text

    def test_hashes_of_content_are_of_no_use_elsewhere(self, server):
        """Equal contents have equal hashes on one server; nobody can make them from the content."""
        row = Connection.objects.get()
        [(_, content)] = read_contents(Kind.CONNECTION, [row.pk])
        digest = compute_content_digest(content, get_columns(Kind.CONNECTION))
        text = write_plan(saved()).decode()
        assert digest not in text
        assert digest[4:] not in text


class TestAPlanThatIsApplied:
    @pytest.mark.parametrize("mode", list(Mode))
    def test_does_what_it_says(self, server, mode):
        plan = saved(mode=mode)
        done = run_import(apply_request(plan))
        assert results(done) == [(item.name, item.result.value) for item in plan.items]
        assert ImportRecord.objects.get().mode == mode

    def test_a_preview_holds_it_against_the_server_too(self, server):
        plan = saved()
        assert preview_import(apply_request(plan)).plan.writes
        Flow.objects.filter(name="Orders").update(info="edited")
        with pytest.raises(StalePlan):
            preview_import(apply_request(plan), record_refusal=False)

    def test_a_confirmed_preview_of_it_is_done(self, server):
        request = apply_request(saved())
        done = run_import(request, confirmed=preview_import(request))
        assert done.record.status == "succeeded"

    def test_a_second_time_it_is_stale(self, server):
        plan = saved()
        run_import(apply_request(plan))
        assert {code for code, _ in stale_codes(plan)} == {
            "row-edited",
            "row-appeared",
            "row-restored",
        }

    def test_a_second_time_it_says_which_import_applied_it(self, server):
        plan = saved()
        record = run_import(apply_request(plan)).record
        message = stale_message(plan)
        at = f"{record.started_at:%Y-%m-%d %H:%M} UTC"
        edited_at = f"{Flow.objects.get(name='Orders').updated_at:%Y-%m-%d %H:%M} UTC"
        assert message == (
            f"Import {record.pk} on {at} brought this file in already. The plan is out of date. "
            f'The flow "Orders" ({uuid_of("f", 1)}) was edited since, last by alice on '
            f"{edited_at}. (5 more differences) Nothing was written. Plan again."
        )

    def test_a_second_copy_says_so_too(self, server):
        plan = saved(mode="duplicate")
        record = run_import(apply_request(plan)).record
        assert stale_message(plan).startswith(f"Import {record.pk} on ")

    @pytest.mark.parametrize(
        ("payload", "mode", "change"),
        [
            (FILE + b" ", "overwrite", {}),
            (FILE, "duplicate", {}),
            (FILE, "overwrite", {"status": "undone"}),
            (FILE, "overwrite", {"counts": {"UNCHANGED": 7}}),
        ],
        ids=["another file", "another mode", "an undone one", "one that wrote nothing"],
    )
    def test_no_other_import_counts_as_its_application(self, server, payload, mode, change):
        plan = saved()
        record = run_import(request_for(payload, mode)).record
        ImportRecord.objects.filter(pk=record.pk).update(**change)
        Flow.objects.filter(name="Orders").update(info="edited")
        assert stale_message(plan).startswith("The plan is out of date. ")

    def test_an_import_before_the_plan_does_not_count(self, server):
        run_import(request_for(FILE))
        plan = saved()
        Flow.objects.filter(name="Orders").update(info="edited")
        assert stale_message(plan).startswith("The plan is out of date. ")

    @pytest.mark.parametrize("text", ["", "soon", "0001-01-01T00:00:00+14:00"])
    def test_a_time_that_is_none_tells_of_no_import(self, server, text):
        plan = forged(saved(), lambda data: data.update(createdAt=text))
        run_import(request_for(FILE))
        message = stale_message(plan)
        assert message.startswith("The plan is out of date. ")
        assert "last by" not in message

    @pytest.mark.parametrize("may_see", [True, False])
    def test_only_who_may_see_records_is_told_of_one(self, server, may_see):
        plan = saved()
        run_import(apply_request(plan))
        ada = User.objects.create_user("ada")
        rights = Permission.objects.all()
        if not may_see:
            rights = rights.exclude(codename="view_importrecord")
        ada.user_permissions.set(rights)
        message = stale_message(plan, user=ada, user_name="ada")
        assert ("brought this file in already" in message) == may_see
        assert "was edited since, last by alice on " in message

    def test_with_nothing_to_write_it_may_be_applied_again(self, server):
        plan = saved(export_file(flow(3, "Same")))
        for _ in range(2):
            done = run_import(apply_request(plan, export_file(flow(3, "Same"))))
            assert not done.plan.writes

    @pytest.mark.parametrize(
        ("by", "told"), [("eve\n", r", last by eve\n on "), ("", ", last on ")]
    )
    def test_who_edited_a_row_is_told_with_when(self, server, by, told):
        plan = saved()
        at = timezone.now()
        Flow.objects.filter(name="Orders").update(info="edited", updated_by=by, updated_at=at)
        assert f"was edited since{told}{at:%Y-%m-%d %H:%M} UTC. Nothing" in stale_message(plan)

    def test_who_wrote_it_before_the_plan_is_not_told_as_who_edited(self, server):
        Flow.objects.update(updated_by="ada")
        plan = saved()
        Flow.objects.filter(name="Orders").update(info="edited")
        assert "was edited since. Nothing" in stale_message(plan)

    def test_what_an_export_does_not_touch_may_change(self, server):
        plan = saved()
        Flow.objects.filter(name="Nobody's").update(info="edited")
        Secret.objects.update(prod_value="another value")
        FlowFactory(name="Another one")
        assert run_import(apply_request(plan)).record.status == "succeeded"


ROW_CHANGES: dict[str, tuple[Callable[[], Any], tuple[str, str]]] = {
    "a row that is overwritten was edited": (
        lambda: Flow.objects.filter(name="Orders").update(timeout=7),
        ("row-edited", "flows[0]"),
    ),
    "a row that stays unchanged was edited": (
        lambda: Flow.objects.filter(name="Same").update(timeout=7),
        ("row-edited", "flows[2]"),
    ),
    "a row was soft-deleted": (
        lambda: Flow.objects.filter(name="Orders").update(is_deleted=True),
        ("row-deleted", "flows[0]"),
    ),
    "a row that was matched by name was soft-deleted": (
        lambda: Flow.objects.filter(name="By name").update(is_deleted=True),
        ("row-deleted", "flows[4]"),
    ),
    "a row was purged": (
        lambda: Flow.objects.filter(name="By name").delete(),
        ("row-gone", "flows[4]"),
    ),
    "a deleted row was purged": (
        lambda: Flow.objects.filter(name="Back again").delete(),
        ("row-gone", "flows[3]"),
    ),
    "a deleted row is back": (
        lambda: Flow.objects.filter(name="Back again").update(is_deleted=False),
        ("row-restored", "flows[3]"),
    ),
    "a deleted row was edited": (
        lambda: Flow.objects.filter(name="Back again").update(info="edited"),
        ("row-edited", "flows[3]"),
    ),
    "a row was renamed": (
        lambda: Flow.objects.filter(name="By name").update(name="Renamed"),
        ("row-renamed", "flows[4]"),
    ),
    "a secret was renamed": (
        lambda: Secret.objects.update(name="KEY_2"),
        ("row-renamed", "secrets[0]"),
    ),
    "a row with the uuid is there": (
        lambda: FlowFactory(uuid=uuid_of("f", 2), name="Else"),
        ("row-appeared", "flows[1]"),
    ),
    "a row with the name is there": (
        lambda: FlowFactory(uuid=uuid_of("f", 70), name="New"),
        ("row-appeared", "flows[1]"),
    ),
    "a second row with the name is there": (
        lambda: FlowFactory(uuid=uuid_of("f", 40), name="By name"),
        ("row-appeared", "flows[4]"),
    ),
    "a lock was set": (
        lambda: Flow.objects.filter(name="Orders").update(is_locked=True),
        ("row-edited", "flows[0]"),
    ),
    "a secret lost its value, so that nothing is sent elsewhere": (
        lambda: Secret.objects.update(dev_value=None),
        ("other-result", "connections[0]"),
    ),
}


@pytest.mark.parametrize(("change", "told"), ROW_CHANGES.values(), ids=ROW_CHANGES.keys())
def test_a_plan_is_stale_where(server, change, told):
    plan = saved()
    change()
    codes = stale_codes(plan)
    assert codes[0] == told
    assert {path for _, path in codes} == {told[1]}


class TestOfASkip:
    @pytest.mark.parametrize("mode", ["skip", "duplicate"])
    def test_rows_that_are_left_alone_must_be_the_same_as_well(self, server, mode):
        plan = saved(mode=mode)
        Flow.objects.filter(name="Orders").update(info="edited")
        assert stale_codes(plan) == [("row-edited", "flows[0]")]

    def test_an_item_that_would_come_to_something_else_is_named(self, server):
        plan = saved(mode="duplicate")
        FlowFactory(name="Orders (copy)")
        with pytest.raises(StalePlan) as raised:
            run_import(apply_request(plan))
        assert raised.value.message == (
            'The plan is out of date. flows[0] "Orders" was to be named "Orders (copy)", and would '
            'be "Orders (copy 2)". Nothing was written. Plan again.'
        )

    def test_a_copy_must_get_the_name_that_was_shown(self, server):
        plan = saved(mode="duplicate")
        assert plan.items[0].target_name == "Orders (copy)"
        assert plan.items[0].target_uuid is None
        FlowFactory(name="Orders (copy)")
        assert stale_codes(plan) == [("other-result", "flows[0]")]


class TestTheFileAndTheServer:
    def test_one_byte_more_is_another_file(self, server):
        assert stale_codes(saved(), FILE + b" ") == [("other-file", "")]

    def test_a_byte_that_breaks_the_file_is_another_file_too(self, server):
        assert stale_codes(saved(), FILE[:-1]) == [("other-file", "")]

    def test_another_server(self, server, settings):
        plan = saved()
        settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": "production"}
        assert stale_codes(plan, server="production") == [("other-server", "")]

    def test_another_database_of_the_same_name(self, server):
        plan = saved()
        make_another_database(first_migration_at="2020-01-01 00:00:00.123456+00:00")
        assert stale_codes(plan) == [("other-database", "")]

    def test_everything_is_told_at_once(self, server):
        plan = saved()
        Flow.objects.filter(name="Orders").update(timeout=7)
        Secret.objects.update(name="KEY_2")
        FlowFactory(uuid=uuid_of("f", 70), name="New")
        assert stale_codes(plan) == [
            ("row-edited", "flows[0]"),
            ("row-appeared", "flows[1]"),
            ("row-renamed", "secrets[0]"),
        ]

    def test_the_message_says_what_and_what_to_do(self, server):
        plan = saved()
        Flow.objects.filter(name="Orders").update(timeout=7)
        Secret.objects.update(name="KEY_2")
        with pytest.raises(StalePlan) as raised:
            run_import(apply_request(plan))
        assert raised.value.message == (
            f'The plan is out of date. The flow "Orders" ({uuid_of("f", 1)}) was edited since. '
            "(1 more difference) Nothing was written. Plan again."
        )


class TestAnEditedPlan:
    def test_one_item_is_skipped_and_the_rest_is_done(self, server):
        done = run_import(apply_request(edited(saved(), Orders="skip")))
        assert results(done)[0] == ("Orders", "SKIP")
        assert Flow.objects.get(name="Orders").info == "here"
        assert results(done)[4] == ("By name", "OVERWRITE")
        assert Flow.objects.get(name="By name").info == "file"

    def test_one_item_is_copied(self, server):
        done = run_import(apply_request(edited(saved(), Orders="duplicate")))
        assert results(done)[0] == ("Orders", "DUPLICATE")
        assert Flow.objects.get(name="Orders (copy)").info == "file"

    def test_a_decision_that_changes_nothing_hides_nothing(self, server):
        plan = edited(saved(), Twilio="overwrite")
        Secret.objects.update(dev_value=None)
        assert stale_codes(plan) == [("other-result", "connections[0]")]

    def test_its_rows_must_still_be_the_same(self, server):
        plan = edited(saved(), Orders="skip")
        Flow.objects.filter(name="Orders").update(info="edited")
        assert stale_codes(plan) == [("row-edited", "flows[0]")]

    def test_a_decision_may_be_taken_back(self, server):
        plan = saved(given_decisions=_given({uuid_of("f", 1): "skip"}))
        assert plan.items[0].result == "SKIP"
        done = run_import(apply_request(edited(plan, Orders=None)))
        assert results(done)[0] == ("Orders", "OVERWRITE")

    def test_what_would_follow_for_another_item_is_not_done_unseen(self, server):
        """A copied connection has another uuid, so that a flow which stays the same would not."""
        Flow.objects.filter(name="Orders").update(
            info="file", nodes=canonical.encode([{"data": {"use": uuid_of("c", 1)}}])
        )
        plan = saved()
        assert plan.items[0].result == "UNCHANGED"
        found = stale_codes(edited(plan, Twilio="duplicate"))
        assert found == [("other-result", "flows[0]")]
        with pytest.raises(StalePlan, match="plan again with these decisions"):
            run_import(apply_request(edited(plan, Twilio="duplicate")))

    def test_neither_where_other_keys_of_it_would_change(self, server):
        """The flow is overwritten anyhow: of its info, and then of its nodes as well."""
        Flow.objects.filter(name="Orders").update(
            nodes=canonical.encode([{"data": {"use": uuid_of("c", 1)}}])
        )
        plan = saved()
        assert plan.items[0].changed_keys == ("info",)
        assert stale_codes(edited(plan, Twilio="duplicate")) == [("other-result", "flows[0]")]

    def test_what_is_not_there_cannot_be_skipped(self, server):
        with pytest.raises(PlanRefused) as raised:
            run_import(apply_request(edited(saved(), New="skip")))
        assert [(one.code, one.path) for one in raised.value.issues] == [
            ("nothing-to-skip", "flows[1]")
        ]

    def test_only_a_row_that_the_plan_lists_can_be_chosen(self, server):
        with pytest.raises(FileInvalid) as raised:
            edited(saved(), New=uuid_of("f", 60))
        assert [(one.code, one.path) for one in raised.value.issues] == [
            ("unlisted-target", "flows[1]")
        ]

    def test_a_row_that_another_item_is_cannot_be_chosen(self, server):
        with pytest.raises(PlanRefused) as raised:
            run_import(apply_request(edited(saved(), New=uuid_of("f", 1))))
        assert "target-taken" in [one.code for one in raised.value.issues]


class TestAPlanThatSomebodyForged:
    """With a checksum that fits: whatever it says, it does no more than its decisions can."""

    @pytest.mark.parametrize(
        ("change", "found"),
        [
            (lambda data: data["items"].pop(), ("other-items", "")),
            (lambda data: data["items"].append(data["items"][0]), ("other-items", "")),
            (lambda data: data["items"].reverse(), ("other-items", "")),
            (lambda data: data.update(items=[]), ("other-items", "")),
            (
                lambda data: data["items"][0].update(uuid=uuid_of("f", 99)),
                ("other-items", ""),
            ),
            (lambda data: data["items"][0].update(row=None), ("row-appeared", "flows[0]")),
            (lambda data: data["items"][0].update(result="SKIP"), ("other-result", "flows[0]")),
            (
                lambda data: data["items"][0]["row"].update(uuid=uuid_of("f", 99)),
                ("row-gone", "flows[0]"),
            ),
        ],
    )
    def test_is_stale(self, server, change, found):
        assert found in stale_codes(forged(saved(), change))

    @pytest.mark.parametrize(
        "change",
        [
            lambda data: data["items"][0]["row"].update(uuid="x' OR 1=1"),
            lambda data: data["items"][0].update(uuid=uuid_of("f", 1).upper()),
            lambda data: data["items"][0]["row"].update(uuid=uuid_of("f", 1) + "\n"),
            lambda data: data["file"].update(sha256="0" * 64 + "\n"),
            lambda data: data["file"].update(sha256="\x1b[2J"),
            lambda data: data["items"][0].update(candidates=[data["items"][0]["row"]] * 101),
            lambda data: data["items"][0].update(plannedDecision="leave"),
        ],
    )
    def test_is_no_plan(self, server, change):
        data = json.loads(write_plan(saved()))
        change(data)
        with pytest.raises(FileInvalid) as raised:
            read_plan(json.dumps(data).encode(), max_bytes=10**9)
        assert raised.value.code in {"wrong-shape", "invalid-decision"}
        assert "\x1b" not in raised.value.message


class TestAPlanThatNeedsADecision:
    FILE = export_file(flow(1, "Orders", info="file"), flow(2, "New"))

    @pytest.fixture
    def two_rows(self, db: None) -> list[Flow]:
        return [FlowFactory(uuid=uuid_of("f", number), name="Orders") for number in (8, 9)]

    def test_is_saved_with_its_issues_and_candidates(self, two_rows):
        preview, plan = make_plan_to_save(request_for(self.FILE))
        assert isinstance(preview.refusal, PlanRefused)
        assert [issue.code for issue in plan.issues] == ["ambiguous-name"]
        assert [row.uuid for row in plan.items[0].candidates] == [str(row.uuid) for row in two_rows]

    def test_is_refused_as_it_stands(self, two_rows):
        with pytest.raises(PlanRefused) as raised:
            run_import(apply_request(saved(self.FILE), self.FILE))
        assert raised.value.code == "ambiguous-name"

    def test_is_done_with_the_row_that_was_chosen(self, two_rows):
        plan = edited(saved(self.FILE), Orders=uuid_of("f", 9))
        run_import(apply_request(plan, self.FILE))
        assert [Flow.objects.get(pk=row.pk).info for row in two_rows] == ["", "file"]

    def test_gives_another_item_the_row_that_is_left(self, two_rows):
        plan = edited(saved(self.FILE), Orders=uuid_of("f", 9), New=uuid_of("f", 8))
        run_import(apply_request(plan, self.FILE))
        assert [Flow.objects.get(pk=row.pk).name for row in two_rows] == ["New", "Orders"]

    @pytest.mark.parametrize("number", [8, 9], ids=["the other candidate", "the chosen row"])
    def test_is_stale_where_a_candidate_was_edited(self, two_rows, number):
        plan = edited(saved(self.FILE), Orders=uuid_of("f", 9))
        Flow.objects.filter(uuid=uuid_of("f", number)).update(info="edited")
        assert stale_codes(plan, self.FILE) == [("row-edited", "flows[0]")]

    def test_is_stale_where_the_server_made_the_choice(self, two_rows):
        plan = saved(self.FILE)
        Flow.objects.filter(uuid=uuid_of("f", 8)).update(name="Else")
        assert stale_codes(plan, self.FILE) == [("row-renamed", "flows[0]")]

    def test_is_stale_where_a_name_that_was_taken_is_free(self, server):
        taken = SecretFactory(name="TAKEN")
        payload = export_file(secret(1, "TAKEN"))
        plan = saved(payload)
        assert [issue.code for issue in plan.issues] == ["name-taken"]
        Secret.objects.filter(pk=taken.pk).update(name="OTHER")
        assert stale_codes(plan, payload) == [("other-result", "secrets[0]")]

    def test_is_stale_where_there_is_a_third(self, two_rows):
        plan = edited(saved(self.FILE), Orders=uuid_of("f", 9))
        FlowFactory(uuid=uuid_of("f", 10), name="Orders")
        assert stale_codes(plan, self.FILE) == [("row-appeared", "flows[0]")]

    def test_its_rival_in_the_file_becomes_a_new_one(self, db):
        payload = export_file(flow(1, "Orders", info="1"), flow(2, "Orders", info="2"))
        FlowFactory(uuid=uuid_of("f", 9), name="Orders")
        plan = saved(payload)
        assert len(plan.issues) == 2
        data = json.loads(write_plan(plan))
        data["items"][0]["decision"] = {"target": uuid_of("f", 9), "mode": "overwrite"}
        chosen = read_plan(json.dumps(data).encode(), max_bytes=10**6)
        done = run_import(apply_request(chosen, payload))
        assert [result for _, result in results(done)] == ["OVERWRITE", "CREATE"]


class TestDecisions:
    def test_decide_what_the_mode_does_not(self, server):
        request = request_for(
            FILE, given_decisions=_given({uuid_of("f", 1): "skip", uuid_of("5", 1): "skip"})
        )
        assert results(run_import(request))[0] == ("Orders", "SKIP")

    def test_choose_a_row_by_its_uuid_alone(self, server):
        request = request_for(FILE, given_decisions=_given({uuid_of("f", 2): uuid_of("f", 60)}))
        run_import(request)
        assert Flow.objects.get(uuid=uuid_of("f", 60)).name == "New"

    @pytest.mark.parametrize(
        ("decisions", "code"),
        [
            ({uuid_of("f", 77): "skip"}, "unknown-item"),
            ({uuid_of("f", 2): "skip"}, "nothing-to-skip"),
            ({uuid_of("f", 2): uuid_of("f", 99)}, "unknown-target"),
        ],
    )
    def test_that_cannot_be_followed_are_refused(self, server, decisions, code):
        before = data_rows()
        with pytest.raises(PlanRefused) as raised:
            run_import(request_for(FILE, given_decisions=_given(decisions)))
        assert raised.value.issues[0].code == code
        assert data_rows() == before

    def test_of_a_confirmed_preview_count(self, server):
        request = request_for(FILE, given_decisions=_given({uuid_of("f", 1): "skip"}))
        done = run_import(request, confirmed=preview_import(request))
        assert results(done)[0] == ("Orders", "SKIP")


@pytest.mark.parametrize("count", [5, 50])
def test_queries_grow_with_batches_only(db, count, django_assert_max_num_queries):
    payload = export_file(*(flow(number, f"Flow {number}", info="file") for number in range(count)))
    for number in range(count):
        FlowFactory(uuid=uuid_of("f", number), name=f"Flow {number}")
    with django_assert_max_num_queries(20):
        plan = saved(payload, "skip")
    with django_assert_max_num_queries(25):
        preview_import(apply_request(plan, payload))


class TestRights:
    @pytest.fixture
    def bob(self, server) -> User:
        return User.objects.create_user("bob")

    @staticmethod
    def give(user: User, *names: str) -> User:
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        return User.objects.get(pk=user.pk)

    def test_whoever_may_not_import_may_not_plan(self, bob):
        with pytest.raises(NotPermitted):
            make_plan_to_save(request_for(FILE, user=bob))

    def test_whoever_may_not_see_rows_may_not_have_them_in_a_plan(self, bob):
        blind = self.give(bob, "run_import", "overwrite_items", "skip_backup", "add_flow")
        with pytest.raises(NotPermitted, match="bob may not view flows"):
            make_plan_to_save(request_for(export_file(flow(1, "Orders")), user=blind))

    def test_are_those_of_who_applies(self, bob):
        plan = saved()
        limited = self.give(
            bob, "run_import", "skip_backup", "view_flow", "view_connection", "view_secret"
        )
        before = data_rows()
        with pytest.raises(NotPermitted):
            run_import(apply_request(plan, user=limited))
        assert data_rows() == before

    def test_to_see_rows_come_before_what_changed_in_them(self, bob):
        plan = saved()
        Flow.objects.filter(name="By name").update(name="A name that is not bob's to see")
        blind = self.give(bob, "run_import", "skip_backup")
        with pytest.raises(NotPermitted, match="bob may not view"):
            run_import(apply_request(plan, user=blind))
        assert "bob's to see" not in repr(ImportRecord.objects.values())

    def test_to_see_rows_come_before_what_a_forged_plan_asks_of_them(self, bob):
        payload = export_file(secret(2, "NEW"))
        hidden = SecretFactory(uuid=uuid_of("5", 9), name="NOT_TO_BE_SEEN")
        row = {"uuid": str(hidden.uuid), "name": "x", "isDeleted": False, "contentHash": ""}
        plan = forged(saved(payload), lambda data: data["items"][0].update(row=row))
        blind = self.give(bob, "run_import", "skip_backup", "add_secret")
        with pytest.raises(NotPermitted, match="bob may not view secrets"):
            run_import(apply_request(plan, payload, user=blind))
        assert hidden.name not in repr(ImportRecord.objects.values())

    @pytest.mark.parametrize("number", [9, 77], ids=["a row", "no row"])
    @pytest.mark.parametrize("ask", [preview_import, make_plan_to_save])
    def test_to_see_rows_come_before_what_is_told_of_a_chosen_one(self, bob, ask, number):
        SecretFactory(uuid=uuid_of("5", 9), name="NOT_TO_BE_SEEN")
        blind = self.give(bob, "run_import", "skip_backup", "add_secret")
        chosen = _given({uuid_of("5", 2): {"mode": "skip", "target": uuid_of("5", number)}})
        payload = export_file(secret(2, "NEW"))
        with pytest.raises(NotPermitted, match="bob may not view secrets"):
            ask(request_for(payload, given_decisions=chosen, user=blind))

    def test_of_overriding_locks_come_from_the_plan(self, bob):
        plan = saved(override_locks=True)
        limited = self.give(bob, "run_import", "skip_backup")
        with pytest.raises(NotPermitted, match="overwrite locked flows"):
            run_import(apply_request(plan, user=limited))


def _given(decisions: dict[str, Any]) -> Any:
    return read_decisions(json.dumps({"decisions": decisions}).encode(), max_bytes=10**6)


# --- For every file, server, mode and decision


def _store(rows: Any) -> None:
    for kind in Kind:
        insert_rows(
            [
                MODELS[kind](uuid=one.row.uuid, is_deleted=one.row.is_deleted, **one.content)
                for one in rows
                if one.kind is kind
            ]
        )


@pytest.mark.django_db
@given(
    mode=st.sampled_from(list(Mode)),
    lists=files,
    rows=servers,
    words=st.lists(
        st.sampled_from([None, None, "duplicate", "overwrite"]), min_size=12, max_size=12
    ),
)
def test_applying_a_plan_does_what_an_import_does(mode, lists, rows, words):
    """Whatever the file, the server, the mode and the decisions are; and the same is refused."""
    put_back({})
    _store(rows)
    start = _written_tables()
    payload = json.dumps(lists).encode()
    uuids = [(kind, item["uuid"]) for kind in Kind for item in lists[kind.plural]]
    decisions = _given(
        {f"{kind}:{uuid}": word for (kind, uuid), word in zip(uuids, words, strict=False) if word}
    )
    request = request_for(payload, mode, override_locks=True, given_decisions=decisions)
    try:
        run_import(request)
    except UnableToImport as error:
        direct: Any = error.code
    else:
        direct = outcome()
    put_back(start)
    plan = read_plan(write_plan(make_plan_to_save(request)[1]), max_bytes=10**9)
    assert _written_tables() == start
    try:
        run_import(apply_request(plan, payload))
    except UnableToImport as error:
        applied: Any = error.code
    else:
        applied = outcome()
    assert _same_but_new_uuids(applied) == _same_but_new_uuids(direct)


def _written_tables() -> Rows:
    return {table: rows for table, rows in all_rows().items() if table in WRITTEN_BY_IMPORTS}


def _same_but_new_uuids(found: Any) -> Any:
    """Without the uuids of copies, which are drawn anew."""
    known = re.compile(r"[fc5]{8}-0000-400[01]-8000-[0-9]{12}")
    any_uuid = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
    if isinstance(found, str):
        return found
    return {
        what: sorted(
            any_uuid.sub(lambda one: one[0] if known.fullmatch(one[0]) else "new", repr(row))
            for row in rows
        )
        for what, rows in found.items()
    }
