"""What holds of pruning whatever was imported before, from wherever, and whatever was edited since."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from hypothesis import event, given
from hypothesis import strategies as st
from reversion.models import Revision

from flows.content.fields import Kind
from flows.models import MODELS
from imports.errors import PlanRefused, UnableToImport
from imports.importing.service import examine_import, preview_import, run_import
from imports.models import ImportRecord
from imports.plans.plan import Change, Mode, Plan, Result
from imports.undo.plans.plan import Key
from imports.undo.service import undo_import
from tests.support.directories import DIRECTORY_ID, OTHER_DIRECTORY_ID, a_directory
from tests.support.drawn import Lists, files
from tests.support.importing import export_file, request_for
from tests.support.rows import exported
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db


Step = tuple[str, Lists, Mode]

# Where a file comes from, the file, and the mode.
steps = st.lists(
    st.tuples(
        st.sampled_from([DIRECTORY_ID, DIRECTORY_ID, DIRECTORY_ID, OTHER_DIRECTORY_ID, ""]),
        files,
        st.sampled_from([Mode.OVERWRITE, Mode.OVERWRITE, Mode.SKIP, Mode.DUPLICATE]),
    ),
    min_size=1,
    max_size=3,
)
# Which of the items before are still in the directory; of the rows, which are edited.
kept = st.lists(st.booleans(), min_size=12, max_size=12)
edited = st.lists(st.sampled_from([False, False, False, True]), min_size=12, max_size=12)


class Story:
    """A server with a row that nobody imported, what was imported, and who brought what last."""

    def __init__(self) -> None:
        ImportRecord.objects.all().delete()
        Revision.objects.all().delete()
        for kind in Kind:
            MODELS[kind]._default_manager.all().delete()
        self.last_of: dict[Key, str] = {}
        self.edited: set[Key] = set()

    def tell(self, drawn: Sequence[Step]) -> None:
        for source, lists, mode in drawn:
            items = [item for kind in Kind for item in lists[kind.plural]]
            payload = a_directory(*items, of=source) if source else export_file(*items)
            try:
                plan = run_import(request_for(payload, mode, override_locks=True)).plan
            except UnableToImport:
                continue
            for change in plan:
                key = change.item.kind, change.target_uuid
                if change.result is Result.DUPLICATE:
                    self.last_of[key] = "a copy"
                elif change.result is not Result.SKIP or self.last_of.get(key) != source:
                    is_skipped = change.result is Result.SKIP
                    self.last_of[key] = "nobody" if is_skipped else source

    def edit(self, drawn: Sequence[bool]) -> None:
        keys = sorted(self.last_of)
        for key, is_edited in zip(keys, drawn, strict=False):
            if is_edited:
                kind, uuid = key
                rows = MODELS[kind]._default_manager.filter(uuid=uuid)
                column = "info" if kind is Kind.FLOW else "description"
                rows.update(**{column: "by hand"}, updated_at=F("updated_at") + timedelta(days=1))
                self.edited.add(key)

    def find_prunable(self, plan: Plan) -> set[Key]:
        """The live rows that came last from the directory, and which the plan's file leaves."""
        named = {
            (change.item.kind, uuid)
            for change in plan
            if change.result is not Result.PRUNE
            for uuid in {
                change.item.uuid,
                change.row.uuid if change.row else "",
                *(row.uuid for row in change.candidates),
            }
        }
        return {
            (kind, str(uuid))
            for kind in Kind
            for uuid in MODELS[kind]
            ._default_manager.filter(is_deleted=False)
            .values_list("uuid", flat=True)
            if self.last_of.get((kind, str(uuid))) == DIRECTORY_ID
            and (kind, str(uuid)) not in named
        }


def now(drawn: Sequence[Step], keep: Sequence[bool]) -> bytes:
    """The directory as it is now: some of the items of its last file, and always one."""
    lists = next(
        (lists for source, lists, _ in reversed(drawn) if source == DIRECTORY_ID), drawn[-1][1]
    )
    items: list[Any] = [item for kind in Kind for item in lists[kind.plural]]
    left = [item for item, stays in zip(items, keep, strict=False) if stays]
    return a_directory(*(left or items[:1]))


def pruned_by(plan: Plan) -> list[Change]:
    return [change for change in plan if change.result is Result.PRUNE]


def live() -> set[Key]:
    return {
        (kind, str(uuid))
        for kind in Kind
        for uuid in MODELS[kind]
        ._default_manager.filter(is_deleted=False)
        .values_list("uuid", flat=True)
    }


@given(steps, kept, edited)
def test_what_is_pruned_came_last_from_the_directory_left_it_and_was_not_edited(drawn, keep, edits):
    story = Story()
    story.tell(drawn)
    story.edit(edits)
    before = live()
    request = request_for(now(drawn, keep), override_locks=True, prune=True, prune_limit=100)
    try:
        plan = run_import(request).plan
    except PlanRefused as refusal:
        event(f"refused: {refusal.code}")
        assert live() == before
        return
    pruned = {(change.item.kind, change.target_uuid) for change in pruned_by(plan)}
    event(f"pruned: {len(pruned)}")
    assert pruned == before - live()
    assert not pruned & story.edited
    assert {story.last_of.get(key) for key in pruned} <= {DIRECTORY_ID}


@given(steps, kept)
def test_all_that_left_the_directory_is_planned_to_be_pruned_or_refused(drawn, keep):
    story = Story()
    story.tell(drawn)
    payload = now(drawn, keep)
    try:
        shown = preview_import(request_for(payload, override_locks=True)).plan
    except PlanRefused:
        return
    expected = story.find_prunable(shown)
    event(f"prunable: {len(expected)}")
    assert shown.prunable == len(expected)
    request = request_for(payload, override_locks=True, prune=True, prune_limit=100)
    plan = examine_import(request).plan
    assert {issue.code for issue in plan.issues} <= {"prune-used"}
    assert {(change.item.kind, change.target_uuid) for change in pruned_by(plan)} == expected


@given(steps, kept)
def test_without_the_option_no_row_is_deleted_whatever_the_file_lacks(drawn, keep):
    Story().tell(drawn)
    before = live()
    with suppress(PlanRefused):
        run_import(request_for(now(drawn, keep), override_locks=True))
    assert before <= live()


@given(steps, kept)
def test_an_export_after_the_undo_is_the_export_before_and_after_the_redo_that_after(drawn, keep):
    Story().tell(drawn)
    before = exported()
    request = request_for(now(drawn, keep), override_locks=True, prune=True, prune_limit=100)
    try:
        outcome = run_import(request)
    except PlanRefused:
        return
    if not outcome.plan.writes:
        return
    event(f"pruned: {len(pruned_by(outcome.plan))}")
    after = exported()
    undo = undo_import(undo_request(outcome.record))
    assert exported() == before
    undo_import(undo_request(undo.record))
    assert exported() == after
