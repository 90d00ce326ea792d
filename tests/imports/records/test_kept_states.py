"""Where the states before and after an import are kept: every result, with every holder."""

import pytest

from imports.plans.plan import Result, UndoResult
from imports.records.kept_states import Holder, Kept, KeptState, find_state_after, find_state_before

LEFT = "left"
ROW_HAS_IT, ROW_HAS_NOT = Holder(digest=LEFT), Holder(digest="edited")
SAVE_HAS_IT, SAVE_HAS_NOT = Holder(digest=LEFT, save=7), Holder(digest="edited", save=7)
UNREADABLE = Holder(digest="", save=7)
NOTHING, NOW, UNTOUCHED, LOST = (
    KeptState(kept=kept) for kept in (Kept.NOTHING, Kept.NOW, Kept.UNTOUCHED, Kept.LOST)
)
IN_SAVE = KeptState(kept=Kept.SAVE, save=7)
LEFT_ALONE = (Result.SKIP, Result.UNCHANGED, UndoResult.KEEP)
WRITTEN = (Result.CREATE, Result.DUPLICATE, Result.OVERWRITE, UndoResult.RESTORE)


@pytest.mark.parametrize("result", [*WRITTEN, UndoResult.DELETE])
def test_what_was_before_is_in_the_save_that_the_import_took(result):
    assert find_state_before(result, 7) == IN_SAVE


@pytest.mark.parametrize(
    ("result", "before"),
    [
        (Result.CREATE, NOTHING),
        (Result.DUPLICATE, NOTHING),
        (Result.OVERWRITE, LOST),
        (UndoResult.RESTORE, LOST),
        (UndoResult.DELETE, LOST),
    ],
)
def test_without_a_save_there_was_nothing_before_or_it_is_lost(result, before):
    assert find_state_before(result, None) == before


@pytest.mark.parametrize("result", LEFT_ALONE)
def test_what_was_left_alone_has_no_two_states(result):
    assert find_state_before(result, None) == UNTOUCHED
    assert (
        find_state_after(result, LEFT, leaves_deleted=False, row=ROW_HAS_IT, next_save=SAVE_HAS_IT)
        == UNTOUCHED
    )


@pytest.mark.parametrize("result", WRITTEN)
@pytest.mark.parametrize(
    ("row", "next_save", "after"),
    [
        pytest.param(ROW_HAS_IT, None, NOW, id="the row is as it was left"),
        pytest.param(ROW_HAS_IT, SAVE_HAS_IT, NOW, id="the row comes before a save"),
        pytest.param(ROW_HAS_IT, SAVE_HAS_NOT, NOW, id="the row is as it was left again"),
        pytest.param(ROW_HAS_NOT, SAVE_HAS_IT, IN_SAVE, id="saved before somebody wrote"),
        pytest.param(ROW_HAS_NOT, SAVE_HAS_NOT, LOST, id="somebody wrote before the save"),
        pytest.param(ROW_HAS_NOT, UNREADABLE, LOST, id="the save cannot be read"),
        pytest.param(ROW_HAS_NOT, None, LOST, id="somebody wrote, without a save"),
    ],
)
def test_what_an_import_left(result, row, next_save, after):
    assert (
        find_state_after(result, LEFT, leaves_deleted=False, row=row, next_save=next_save) == after
    )


@pytest.mark.parametrize("result", [UndoResult.DELETE, UndoResult.RESTORE])
def test_what_is_deleted_is_nothing_afterwards(result):
    holders = {"row": ROW_HAS_IT, "next_save": SAVE_HAS_IT}
    assert find_state_after(result, LEFT, leaves_deleted=True, **holders) == NOTHING


def test_without_a_digest_nothing_is_taken_for_what_was_left():
    row, save = Holder(digest=""), UNREADABLE
    assert (
        find_state_after(Result.OVERWRITE, "", leaves_deleted=False, row=row, next_save=save)
        == LOST
    )


def test_a_state_can_be_shown_where_it_is_somewhere_or_was_nothing():
    known = {state.kept for state in (NOTHING, NOW, UNTOUCHED, LOST, IN_SAVE) if state.is_known}
    assert known == {Kept.NOTHING, Kept.NOW, Kept.SAVE}
