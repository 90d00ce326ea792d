"""What a plan says of rows that are yet to be made, or that come back."""

import json

import pytest

from flows.content.fields import Kind
from flows.models import Connection, Secret
from imports.importing.service import preview_import, run_import
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Mode
from imports.records.checklist import count_unfilled
from imports.report import make_plan_data
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    results,
    secret,
    uuid_of,
)

pytestmark = pytest.mark.django_db

SENDS = "{ host: 'a.example.com', token: secrets.KEY }"
COPIED = (
    flow(1, "Orders"),
    connection(1, "Mail", devValue=SENDS),
    connection(2, "New", devValue=SENDS),
    secret(1, "KEY"),
)


def make_all():
    FlowFactory(uuid=uuid_of("f", 1), name="Orders")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Mail", dev_value=SENDS)
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="CANARY")


# --- Uuids


def uuids_in(data):
    """Every uuid that the answer says, but those that items have in the file."""
    for items in data.values():
        for item in items:
            yield item.get("targetUuid")
            for detail in item.get("warningDetails", ()):
                data = detail["data"]
                if isinstance(data, list):
                    yield from (new[key] for new in data for key in ("uuid", "secretUuid"))
                else:
                    yield from (row["uuid"] for row in data.get("others", ()))


@pytest.mark.parametrize("mode", list(Mode))
def test_a_dry_run_tells_no_uuid_that_is_drawn(mode):
    make_all()
    request = request_for(export_file(*COPIED), mode)
    given = {item["uuid"] for item in COPIED}
    first, second = (
        make_plan_data(preview_import(request).plan, done=False, with_details=True)
        for _ in range(2)
    )
    assert first == second
    assert set(uuids_in(first)) <= {None, *given}
    for items in first.values():
        for item in items:
            assert "targetUuid" not in item or item["result"] != "DUPLICATE"


def test_a_run_tells_the_uuids_of_its_copies():
    make_all()
    outcome = run_import(request_for(export_file(*COPIED), "duplicate"))
    data = make_plan_data(outcome.plan, done=True, with_details=True)
    [mail, _] = data["connectionsProcessed"]
    assert mail["targetUuid"] == str(Connection.objects.get(name="Mail (copy)").uuid)


def test_the_command_tells_no_uuid_of_a_copy_that_is_not_made(run_command, tmp_path):
    make_all()
    path = tmp_path / "zexport.json"
    path.write_bytes(export_file(*COPIED))
    arguments = ["-s", "local", "--duplicate", "--dry-run", "-fp", str(path)]
    first, second = (run_command("flow_import", *arguments) for _ in range(2))
    assert first == second
    assert json.loads(first.out)["data"]["flowsProcessed"] == [
        {
            "uuid": uuid_of("f", 1),
            "name": "Orders",
            "result": "DUPLICATE",
            "matchMethod": "uuid",
            "isProcessed": False,
            "targetName": "Orders (copy)",
        }
    ]


# --- Values of secrets that come back


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("values", [{}, {"dev_value": "CANARY"}, {"prod_value": "CANARY"}])
def test_a_secret_that_comes_back_has_the_values_that_it_had(mode, values):
    SecretFactory(uuid=uuid_of("5", 1), name="KEY", is_deleted=True, **values)
    outcome = import_items(secret(1, "KEY"), mode=mode)
    assert [list(change.warnings) for change in outcome.plan] == [["brings back a deleted secret"]]
    row = Secret.objects.get(is_deleted=False)
    found = {name for name in ("dev_value", "prod_value") if getattr(row, name) is not None}
    assert found == values.keys()
    assert count_unfilled(outcome.record) == (0 if values else 1)


# --- Names that two rows share

MAKERS = {"f": (flow, FlowFactory, "flow"), "c": (connection, ConnectionFactory, "connection")}


def told(*items, mode="overwrite", **changes):
    plan = preview_import(request_for(export_file(*items), mode, **changes)).plan
    return [list(change.warnings) for change in plan]


@pytest.mark.parametrize("letter", MAKERS)
def test_items_that_share_a_name_in_the_file_are_no_news(letter):
    item, *_ = MAKERS[letter]
    for mode in Mode:
        assert told(item(1, "A"), item(2, "A"), mode=mode) == [[], []]


@pytest.mark.parametrize("letter", MAKERS)
def test_a_rename_into_a_name_that_another_row_keeps_is_warned_of_on_both(letter):
    item, make, kind = MAKERS[letter]
    make(uuid=uuid_of(letter, 1), name="A")
    make(uuid=uuid_of(letter, 2), name="B")
    decisions = {(Kind(kind), uuid_of(letter, 2)): ItemDecision(mode=Mode.SKIP)}
    renamed, kept = told(item(1, "B"), item(2, "C"), decisions=decisions)
    assert renamed == [
        'renames "A" to "B"',
        f'will share the name "B" with the {kind} {uuid_of(letter, 2)}',
    ]
    assert kept == [f'will share the name "B" with the {kind} {uuid_of(letter, 1)}']


@pytest.mark.parametrize("letter", MAKERS)
def test_a_skipped_row_keeps_its_name(letter):
    item, make, kind = MAKERS[letter]
    make(uuid=uuid_of(letter, 1), name="A")
    decisions = {(Kind(kind), uuid_of(letter, 1)): ItemDecision(mode=Mode.SKIP)}
    _, new = told(item(1, "Other"), item(2, "A"), decisions=decisions)
    assert new == [f'will share the name "A" with the {kind} {uuid_of(letter, 1)}']


def test_what_shares_no_name_or_shared_it_before_is_not_warned_of():
    for number in (1, 2):
        FlowFactory(uuid=uuid_of("f", number), name="Both")
    FlowFactory(uuid=uuid_of("f", 3), name="X")
    FlowFactory(uuid=uuid_of("f", 4), name="Y")
    items = [flow(1, "Both", timeout=1), flow(2, "Both"), flow(3, "Y"), flow(4, "X")]
    assert [
        warning for warnings in told(*items) for warning in warnings if "share" in warning
    ] == []
    assert told(flow(5, "Nobody's"), connection(5, "Nobody's"), secret(5, "A")) == [[], [], []]


def test_of_many_that_share_a_name_the_first_are_named():
    FlowFactory(uuid=uuid_of("f", 0), name="A")
    decisions = {(Kind.FLOW, uuid_of("f", 0)): ItemDecision(mode=Mode.SKIP)}
    items = (flow(number, "A") for number in range(1, 2000))
    warnings = told(flow(0, "Other"), *items, decisions=decisions)
    shown = ", ".join(f"the flow {uuid_of('f', number)}" for number in range(5))
    assert warnings[1999] == [f'will share the name "A" with {shown} and 1994 more']


# --- What a message advises


def test_a_decision_as_the_message_words_it_settles_an_ambiguous_name(run_command, tmp_path):
    row, other = FlowFactory(name="A", info="x"), FlowFactory(name="A")
    path, decisions = tmp_path / "zexport.json", tmp_path / "decisions.json"
    path.write_bytes(export_file(flow(9, "A", info="y")))
    arguments = ["-s", "local", "--overwrite", "--dry-run", "-fp", str(path)]
    refused = run_command("flow_import", *arguments)
    assert '"<uuid of the item>": "<uuid of the row>"' in refused.err
    decisions.write_text(json.dumps({"decisions": {uuid_of("f", 9): str(row.uuid)}}))
    done = run_command("flow_import", *arguments, "--decisions", str(decisions))
    [item] = json.loads(done.out)["data"]["flowsProcessed"]
    assert (item["result"], item["targetUuid"]) == ("OVERWRITE", str(row.uuid))
    assert str(other.uuid) in " ".join(item["warnings"])


def test_a_decision_settles_which_of_two_items_a_row_is():
    row = FlowFactory(name="A", info="x")
    items = flow(1, "A", info="y"), flow(2, "A")
    decisions = {(Kind.FLOW, uuid_of("f", 2)): ItemDecision(target_uuid=str(row.uuid))}
    outcome = import_items(*items, decisions=decisions)
    assert results(outcome) == [("A", "CREATE"), ("A", "UNCHANGED")]
