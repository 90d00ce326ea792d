"""What holds for the undo of every import, whatever the file, the server, the mode and decisions.

Every column of every row counts but its number: the times and the encrypted values of secrets to
the last digit. An export after an undo is the export before, byte by byte.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from reversion.models import Revision

from flows.content.fields import Kind, get_columns
from flows.models import MODELS
from imports.errors import UnableToImport, UndoRefused
from imports.importing.service import run_import
from imports.models import ImportRecord
from imports.plans.decisions import Decisions as ItemDecisions
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Mode, Plan, UndoResult, compute_content_digest
from imports.runs.carrying_out import Outcome
from imports.undo.plans.plan import ConflictResolution, Key, UndoPlan
from imports.undo.service import examine_undo, undo_import
from tests.support.drawn import Lists, files, servers
from tests.support.imagined import StoredItem
from tests.support.importing import export_file, request_for
from tests.support.rows import exported
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db


State = dict[Key, dict[str, Any]]

modes = st.sampled_from([Mode.SKIP, Mode.DUPLICATE, Mode.OVERWRITE, Mode.OVERWRITE])
# A mode for some of the items, in the order of the file.
choices = st.lists(st.sampled_from([None, None, *Mode]), min_size=12, max_size=12)


def store(rows: list[StoredItem]) -> None:
    """Make the server of the test hold these rows and nothing else."""
    ImportRecord.objects.all().delete()
    Revision.objects.all().delete()
    for model in MODELS.values():
        model._default_manager.all().delete()
    for number, row in enumerate(rows):
        made = datetime(2026, 3, 16, 10, 0, number, 123456, tzinfo=UTC)
        values: dict[str, Any] = {**row.content, "uuid": row.row.uuid}
        values |= {"is_deleted": row.row.is_deleted, "created_at": made, "updated_by": "eve"}
        if row.kind is Kind.SECRET and number % 2:
            values["dev_value"] = f"value {number}"
        made_row = MODELS[row.kind](**values)
        made_row.save()
        MODELS[row.kind]._default_manager.filter(pk=made_row.pk).update(updated_at=made)


def state() -> State:
    """Every column of every row but its number."""
    return {
        (kind, str(row["uuid"])): row
        for kind in Kind
        for row in MODELS[kind]._default_manager.values()
        if row.pop("id")
    }


def chosen(lists: Lists, drawn: list[Mode | None]) -> ItemDecisions:
    items = [(kind, item["uuid"]) for kind in Kind for item in lists[kind.plural]]
    return {
        item: ItemDecision(mode=mode)
        for item, mode in zip(items, drawn, strict=False)
        if mode is not None
    }


def imported(
    lists: Lists, rows: list[StoredItem], mode: Mode, drawn: list[Mode | None]
) -> tuple[State, Outcome[Plan]]:
    """The state before an import, and what it did; one that is refused is not this example's."""
    store(rows)
    before = state()
    items = [item for kind in Kind for item in lists[kind.plural]]
    request = request_for(
        export_file(*items), mode, override_locks=True, decisions=chosen(lists, drawn)
    )
    try:
        outcome = run_import(request)
    except UnableToImport:
        assume(False)
        raise
    assume(outcome.plan.writes)
    return before, outcome


def undone(record: ImportRecord) -> Outcome[UndoPlan]:
    """The undo of a run after which nobody did anything: nothing stands against it."""
    plan = examine_undo(undo_request(record)).plan
    assert [change.conflicts for change in plan if change.conflicts] == []
    return undo_import(undo_request(record))


def of_before(now: State, before: State) -> State:
    """The rows that were there, once it is sure that the others are deleted ones."""
    assert all(row["is_deleted"] for key, row in now.items() if key not in before)
    return {key: now[key] for key in before}


@given(files, servers, modes, choices)
def test_undo_gives_the_state_before_and_redo_the_state_after(lists, rows, mode, drawn):
    before, outcome = imported(lists, rows, mode, drawn)
    after = state()
    undo = undone(outcome.record)
    event(f"undo: {sorted(undo.plan.counts)}")
    assert of_before(state(), before) == before

    redo = undone(undo.record)
    assert state() == after
    again = undone(redo.record)
    assert of_before(state(), before) == before
    statuses = {
        record.pk: record.status for record in ImportRecord.objects.exclude(status="refused")
    }
    assert statuses == {
        outcome.record.pk: "undone",
        undo.record.pk: "succeeded",
        redo.record.pk: "undone",
        again.record.pk: "succeeded",
    }


@given(files, servers, modes, choices)
def test_an_export_after_an_undo_is_the_export_before(lists, rows, mode, drawn):
    store(rows)
    before = exported()
    _, outcome = imported(lists, rows, mode, drawn)
    after = exported()
    undo = undone(outcome.record)
    assert exported() == before
    undone(undo.record)
    assert exported() == after


@given(files, servers, modes, choices)
def test_the_plan_is_what_is_done(lists, rows, mode, drawn):
    _, outcome = imported(lists, rows, mode, drawn)
    for _ in range(3):
        plan = examine_undo(undo_request(outcome.record, conflicts=ConflictResolution.RESTORE)).plan
        before = state()
        done = undo_import(undo_request(outcome.record, conflicts=ConflictResolution.RESTORE))
        assert done.plan == plan
        assert_done(plan, before)
        assert [
            (item.kind, str(item.target_uuid), item.target_name, item.result)
            for item in done.record.items.order_by("pk")
        ] == [(change.kind, change.uuid, change.target_name, change.result) for change in plan]
        outcome = done


def assert_done(plan: UndoPlan, before: State) -> None:
    now = state()
    for change in plan:
        row = now[change.key]
        if change.result is UndoResult.KEEP:
            assert row == before[change.key]
            continue
        digest = compute_content_digest(row, get_columns(change.kind))
        assert (digest, row["is_deleted"]) == (change.after, change.becomes_deleted)
        assert row["name"] == change.target_name
    planned = {change.key for change in plan}
    assert {key: row for key, row in now.items() if key not in planned} == {
        key: row for key, row in before.items() if key not in planned
    }


@given(files, servers, modes, choices)
def test_an_import_leaves_what_its_record_says(lists, rows, mode, drawn):
    before, outcome = imported(lists, rows, mode, drawn)
    now = state()
    written = set()
    for item in outcome.record.items.filter(result__in=["CREATE", "OVERWRITE", "DUPLICATE"]):
        key = (Kind(item.kind), str(item.target_uuid))
        written.add(key)
        assert compute_content_digest(now[key], get_columns(key[0])) == item.content_digest
        assert item.is_new == (key not in before)
        assert (item.named_save is None) == item.is_new
    assert {key: row for key, row in now.items() if key not in written} == {
        key: row for key, row in before.items() if key not in written
    }


@given(files, servers, st.sampled_from([Mode.SKIP, Mode.DUPLICATE]))
def test_skip_and_duplicate_write_no_live_row_and_neither_does_their_undo(lists, rows, mode):
    before, outcome = imported(lists, rows, mode, [])
    live = {key: row for key, row in before.items() if not row["is_deleted"]}
    assert {key: state()[key] for key in live} == live
    undone(outcome.record)
    assert {key: state()[key] for key in live} == live


EDITS = ["none", "none", "edit", "delete", "purge"]


@given(files, servers, modes, choices, st.lists(st.sampled_from(EDITS), min_size=30, max_size=30))
def test_what_somebody_did_since_is_kept_or_taken_back_as_decided(lists, rows, mode, drawn, edits):
    before, outcome = imported(lists, rows, mode, drawn)
    for (kind, uuid), edit in zip(state(), edits, strict=False):
        found = MODELS[kind]._default_manager.filter(uuid=uuid)
        if edit == "edit":
            found.update(extra='{"edited":1}')
        elif edit == "delete":
            found.update(is_deleted=True)
        elif edit == "purge":
            found.delete()
    edited = state()
    refusal = examine_undo(undo_request(outcome.record)).refusal
    if refusal:
        with pytest.raises(UndoRefused):
            undo_import(undo_request(outcome.record))
        assert state() == edited

    preview = examine_undo(undo_request(outcome.record, conflicts=ConflictResolution.KEEP))
    assert preview.refusal is None
    for change in preview.plan:
        if change.conflicts:
            assert change.result is UndoResult.KEEP

    preview = examine_undo(undo_request(outcome.record, conflicts=ConflictResolution.RESTORE))
    if preview.refusal is None:
        event("restored")
        undo_import(undo_request(outcome.record, conflicts=ConflictResolution.RESTORE))
        written = {change.key for change in preview.plan if change.writes}
        now = state()
        for key in written:
            assert now[key] == before[key] if key in before else now[key]["is_deleted"]
    else:
        codes = {issue.code for issue in preview.refusal.issues}
        assert codes <= {"gone", "name-taken"}
