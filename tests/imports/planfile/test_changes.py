"""What is different between two plans is told in one way, whoever asks."""

import zlib
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

import imports.planfile.changes
import imports.planfile.snapshot
from flows.content.fields import Kind
from imports.errors import Issue
from imports.planfile.changes import ChangeOf, find_changes_since, find_edited_rows
from imports.planfile.page import (
    find_differences,
    make_page,
    make_page_snapshot,
    pack_page,
    unpack_page,
)
from imports.planfile.snapshot import (
    ItemSnapshot,
    PlanSnapshot,
    RowSnapshot,
    make_confirmation_token,
    make_snapshot,
)
from imports.plans.decisions import ItemDecision
from imports.plans.drift import LastWrite
from imports.plans.plan import Mode, Result
from tests.support.imagined import a_file, planned, stored
from tests.support.inert import assert_inert

UUID = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
NAMED = f'The flow "Sync" ({UUID})'
KEY = (Kind.FLOW, UUID)

ROW = RowSnapshot(uuid=UUID, name="Sync", is_deleted=False, content="old")
OTHER_ROW = RowSnapshot(uuid=OTHER, name="Mail", is_deleted=False)
ITEM = ItemSnapshot(
    kind=Kind.FLOW,
    uuid=UUID,
    path="flows[0]",
    name="Sync",
    result=Result.OVERWRITE,
    row=ROW,
    target_name="Sync",
    changed_keys=("info",),
    destinations=(),
)
STOPPED = Issue(code="locked", path="flows[0]", message="It is locked.", uuid=UUID, name="Sync")
AT = datetime(2026, 3, 16, 17, 10, tzinfo=UTC)


def plan_with(item: ItemSnapshot = ITEM, *rows: RowSnapshot, issues=()) -> PlanSnapshot:
    by_key = {(Kind.FLOW, row.uuid): row for row in rows or (ROW,)}
    return PlanSnapshot(items=(item,), rows=by_key, issues=issues)


def differences(before: PlanSnapshot, after: PlanSnapshot) -> list[tuple[str, str, str]]:
    return [
        (change.of.value, change.issue.code, change.issue.message)
        for change in find_changes_since(before, after)
    ]


def row_now(**values: object) -> PlanSnapshot:
    row = replace(ROW, **values)
    return plan_with(replace(ITEM, row=row), row)


def test_of_the_same_plan_nothing_is_different():
    assert find_changes_since(plan_with(), plan_with()) == []


@pytest.mark.parametrize(
    ("after", "code", "message"),
    [
        (plan_with(ITEM, OTHER_ROW), "row-gone", "is not there any more."),
        (row_now(is_deleted=True), "row-deleted", "was deleted since."),
        (row_now(name="Other"), "row-renamed", 'is named "Other" now.'),
        (row_now(content="new"), "row-edited", "was edited since."),
        (
            row_now(content="new", last_write=LastWrite(at=AT, by="ada")),
            "row-edited",
            "was edited since, last by ada on 2026-03-16 17:10 UTC.",
        ),
    ],
    ids=["gone", "deleted", "renamed", "edited", "edited by somebody"],
)
def test_a_row_that_is_not_what_it_was_is_told(after, code, message):
    assert differences(plan_with(), after) == [("row", code, f"{NAMED} {message}")]


def test_a_row_that_came_and_one_that_came_back_are_told():
    appeared = f"{NAMED} is on the server now, and was not when the plan was made."
    found = find_changes_since(plan_with(replace(ITEM, row=None)), plan_with())
    assert (found[0].key, found[0].issue.message) == (KEY, appeared)
    deleted = plan_with(replace(ITEM, row=replace(ROW, is_deleted=True)))
    message = f"{NAMED} was deleted, and is there again."
    assert differences(deleted, plan_with()) == [("row", "row-restored", message)]


def test_a_content_that_one_of_the_plans_does_not_know_is_not_compared():
    unknown = replace(ROW, content=None)
    assert differences(plan_with(), plan_with(ITEM, unknown)) == []
    assert find_edited_rows(plan_with(), {KEY: unknown}) == set()
    assert find_edited_rows(plan_with(), {KEY: replace(ROW, content="new")}) == {KEY}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"result": Result.SKIP}, "was to be OVERWRITE, and would be SKIP."),
        ({"target_name": "X"}, 'was to be named "Sync", and would be "X".'),
        ({"changed_keys": ("info", "tags")}, "would change other keys."),
    ],
    ids=["result", "name", "keys"],
)
def test_what_would_come_of_an_item_otherwise_is_told(values, message):
    told = [("result", "other-result", f'flows[0] "Sync" {message}')]
    assert differences(plan_with(), plan_with(replace(ITEM, **values))) == told


def test_that_secrets_are_sent_elsewhere_is_told():
    sent = replace(ITEM, retargets=True, destinations=(("a",),))
    elsewhere = replace(ITEM, retargets=True, destinations=(("b",),))
    unknown = replace(elsewhere, destinations=None)
    whether = 'Whether flows[0] "Sync" sends a stored secret to another destination is different.'
    where = 'Where flows[0] "Sync" sends a stored secret is different.'
    assert differences(plan_with(), plan_with(sent)) == [("result", "other-result", whether)]
    assert differences(plan_with(sent), plan_with(elsewhere)) == [("result", "other-result", where)]
    assert differences(plan_with(sent), plan_with(unknown)) == []


def test_another_row_of_an_item_is_told_unless_it_was_chosen():
    other = replace(ITEM, row=OTHER_ROW)
    rows = (ROW, OTHER_ROW)
    before = plan_with(replace(ITEM, candidates=(OTHER_ROW,)), *rows)
    message = f'flows[0] "Sync" would be the row "Mail" ({OTHER}), not the row "Sync" ({UUID}).'
    assert differences(before, plan_with(other, *rows)) == [("match", "other-row", message)]
    chosen = replace(other, decision=ItemDecision(target_uuid=OTHER))
    assert differences(before, plan_with(chosen, *rows)) == []


def test_what_stands_against_an_item_is_told_where_it_comes_and_where_it_goes():
    free, stopped = plan_with(), plan_with(issues=(STOPPED,))
    refused = 'flows[0] "Sync" could be done when the plan was made, and cannot be done now.'
    solved = "flows[0] could not be done when the plan was made, and could be done now."
    assert differences(free, stopped) == [("refused", "other-result", refused)]
    assert differences(stopped, free) == [("solved", "other-result", solved)]
    assert [change.key for change in find_changes_since(stopped, free)] == [KEY]


def test_plans_of_other_items_are_not_compared():
    [change] = find_changes_since(plan_with(), plan_with(replace(ITEM, uuid=OTHER)))
    assert (change.of, change.issue.code) == (ChangeOf.ITEMS, "other-items")


# --- The page of an upload

FILE = a_file(flows=[{"uuid": UUID, "name": "Sync", "info": "new"}])


def imagined_plan(info: str = "old"):
    return planned(FILE, stored(Kind.FLOW, UUID, "Sync", info=info), mode=Mode.OVERWRITE)


def test_the_snapshot_of_a_page_is_that_of_its_plan():
    plan = imagined_plan()
    page = unpack_page(pack_page(make_page(plan, {})))
    after = make_snapshot(plan)
    rows = {row.key: row.row for row in after.items if row.row}
    assert find_changes_since(make_page_snapshot(page), replace(after, rows=rows)) == []
    assert page.token == make_confirmation_token(after)


def test_an_edit_is_told_on_the_page_and_told_again_beside_a_choice():
    earlier = make_page(imagined_plan(), {})
    after = make_snapshot(imagined_plan("edited"))
    rows = {row.key: row.row for row in after.items if row.row}
    changes = find_changes_since(make_page_snapshot(earlier), replace(after, rows=rows))
    found = find_differences(changes, earlier, is_decided=False)
    assert found == {KEY: f"{NAMED} was edited since."}
    page = make_page(imagined_plan("edited"), {}, differences=found)
    assert [item.difference for item in page.different_items] == [f"{NAMED} was edited since."]
    assert find_differences([], page, is_decided=True) == found
    assert find_differences([], page, is_decided=False) == {}


def test_a_page_that_an_earlier_release_kept_can_be_read():
    kept = msgspec.json.decode(zlib.decompress(pack_page(make_page(imagined_plan(), {}))))
    [item] = kept["items"]
    assert {"fingerprint", "items"} <= kept.keys()
    del item["destinations"]
    item["news"] = "the row here was edited meanwhile"
    page = unpack_page(zlib.compress(msgspec.json.encode(kept)))
    assert page.token == make_confirmation_token(make_snapshot(imagined_plan()))
    assert page.items[0].difference == "the row here was edited meanwhile"
    assert make_page_snapshot(page).items[0].destinations is None


def test_snapshots_and_changes_are_inert_data():
    assert_inert(imports.planfile.snapshot)
    assert_inert(imports.planfile.changes)
