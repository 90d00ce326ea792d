"""Which runs' history is removed, and what of it stays: decided without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content.fields import Kind
from imports.history import decide
from imports.history.decide import (
    HistoryRetention,
    PastItem,
    PastRun,
    decide_items,
    find_kept_older,
    find_oldest_stay,
    find_prunable,
    split_chains,
)
from tests.support.inert import assert_inert

NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)
RETENTION = HistoryRetention(days=100, keep_runs=0, undo_days=10)


def run(pk, age, undoes=None, *, is_running=False):
    """A run that ended so many days ago."""
    return PastRun(pk=pk, at=NOW - timedelta(days=age), undoes=undoes, is_running=is_running)


def item(pk, record, row="a", *, is_base=True, save=None):
    return PastItem(pk=pk, record=record, row=(Kind.FLOW, row), is_base=is_base, save=save)


def retained(**changes):
    return HistoryRetention(**{"days": 100, "keep_runs": 0, "undo_days": 10, **changes})


@pytest.mark.parametrize(
    ("runs", "retention", "pruned"),
    [
        ([run(1, 101), run(2, 99)], RETENTION, [(1,)]),
        ([run(1, 103), run(2, 102), run(3, 101)], retained(keep_runs=2), [(1,)]),
        ([run(1, 101)], retained(keep_runs=2), []),
        ([run(1, 101)], retained(undo_days=102), []),
        ([run(1, 0.9), run(2, 0.8)], retained(days=0, undo_days=0), []),
        ([run(1, 1.1)], retained(days=0, undo_days=0), [(1,)]),
        ([run(1, 101, is_running=True)], RETENTION, []),
        ([run(1, 300), run(2, 5, undoes=1)], RETENTION, []),
        ([run(1, 300), run(2, 200, 1), run(3, 190, 2), run(4, 5, 1)], RETENTION, []),
        ([run(1, 300), run(2, 200, 1), run(3, 250)], RETENTION, [(1, 2), (3,)]),
        ([run(2, 200, 1)], RETENTION, [(2,)]),
        ([run(1, 36_000)], retained(days=10**9), []),
        ([], RETENTION, []),
    ],
    ids=[
        "what is older than the days goes",
        "the newest stay whatever their age",
        "fewer than the newest are all kept",
        "what may still be undone stays",
        "a day is kept whatever the settings are, for idempotency keys",
        "and no longer",
        "what runs stays",
        "what was undone lately stays with the undo",
        "so do the undo and redo before it",
        "those that undo one another go together",
        "an undo whose import is gone goes alone",
        "very many days are no error",
        "there are no runs",
    ],
)
def test_which_runs_are_pruned(runs, retention, pruned):
    assert find_prunable(runs, retention, now=NOW) == pruned


@pytest.mark.parametrize(
    ("runs", "retention", "by_keep_runs", "by_undo"),
    [
        ([run(1, 103), run(2, 102), run(3, 101)], retained(keep_runs=2), {2, 3}, set()),
        ([run(1, 103), run(2, 99)], retained(keep_runs=2), {1}, set()),
        ([run(1, 300), run(2, 200), run(3, 190, 1)], retained(keep_runs=1), {1, 3}, set()),
        ([run(1, 300), run(2, 5, undoes=1)], RETENTION, set(), {1}),
        ([run(1, 300), run(2, 5, undoes=1)], retained(keep_runs=2), set(), {1}),
        ([run(1, 101), run(2, 99)], RETENTION, set(), set()),
    ],
    ids=[
        "the newest",
        "of the newest, those that are old",
        "what one of the newest undoes",
        "what a younger run undoes",
        "what a younger run undoes is kept for that, also among the newest",
        "none",
    ],
)
def test_which_older_runs_stay_and_why(runs, retention, by_keep_runs, by_undo):
    kept = find_kept_older(runs, retention, now=NOW)
    assert (kept.by_keep_runs, kept.by_undo) == (by_keep_runs, by_undo)
    pruned = {pk for chain in find_prunable(runs, retention, now=NOW) for pk in chain}
    assert pruned.isdisjoint(by_keep_runs | by_undo)


def test_after_a_clock_was_wrong_runs_are_kept_too_long_and_never_too_short():
    of_the_future = run(1, -5000)
    assert find_prunable([of_the_future], RETENTION, now=NOW) == []
    assert find_prunable([of_the_future, run(2, 99)], RETENTION, now=NOW) == []
    assert find_prunable([of_the_future, run(2, 101)], RETENTION, now=NOW) == [(1,), (2,)]
    of_the_past = run(2, 5000)
    assert find_prunable([run(1, 99), of_the_past], RETENTION, now=NOW) == []


@given(
    st.lists(st.tuples(st.floats(-10, 400), st.integers(0, 20), st.booleans()), max_size=20),
    st.integers(0, 10),
)
def test_what_may_be_undone_in_its_time_is_never_pruned(drawn, keep_runs):
    runs = [
        run(pk, age, undone if 0 < undone < pk else None, is_running=is_running)
        for pk, (age, undone, is_running) in enumerate(drawn, 1)
    ]
    retention = retained(keep_runs=keep_runs)
    gone = {pk for chain in find_prunable(runs, retention, now=NOW) for pk in chain}
    assert not [each for each in runs if each.pk in gone and each.undoes in {*range(1, 21)} - gone]
    assert not [each for each in runs if each.undoes in gone and each.pk not in gone]
    young = NOW - timedelta(days=100)
    assert not [each for each in runs if each.pk in gone and young <= each.at <= NOW]
    assert gone.isdisjoint(range(len(runs) - keep_runs + 1, len(runs) + 1))


def test_saves_are_old_before_the_first_run_that_stays():
    runs = [run(1, 300), run(2, 200), run(3, 150), run(4, 5, 3)]
    prunable = find_prunable(runs, RETENTION, now=NOW)
    before = find_oldest_stay(runs, prunable, RETENTION, now=NOW)
    assert before == NOW - timedelta(days=150)
    assert find_oldest_stay([], [], RETENTION, now=NOW) == NOW - timedelta(days=100)


def test_of_each_row_the_newest_state_that_an_import_left_stays():
    items = [
        item(1, 1, "a", save=11),
        item(2, 1, "b", save=12),
        item(3, 2, "a", save=13),
        item(4, 2, "c", is_base=False, save=14),
        item(5, 3, "gone", save=15),
    ]
    going = decide_items([1, 2, 3], items, rows={(Kind.FLOW, "a"), (Kind.FLOW, "b")})
    assert going.items == (1, 4, 5)
    assert (going.emptied, going.reduced) == ({3}, {1, 2})
    assert going.saves == {11, 12, 13, 14, 15}


def test_a_newer_state_replaces_that_of_a_run_pruned_before_whose_record_is_left_alone():
    items = [item(1, 7, "a"), item(2, 8, "a")]
    going = decide_items([8], items, rows={(Kind.FLOW, "a")})
    assert (going.items, going.emptied, going.reduced) == ((1,), frozenset(), {8})


def test_a_state_of_a_run_pruned_before_stays_if_it_is_newer():
    items = [item(9, 7, "a"), item(2, 8, "a")]
    going = decide_items([8], items, rows={(Kind.FLOW, "a")})
    assert (going.items, going.emptied, going.reduced) == ((2,), {8}, frozenset())


def test_a_run_without_items_is_emptied():
    assert decide_items([1], [], rows=()).emptied == {1}


def test_batches_are_of_whole_chains_and_of_no_more_items_than_asked_for():
    chains = [(1, 2), (3,), (4,), (5,)]
    batches = split_chains(chains, {1: 2, 3: 4, 4: 100}, most=9)
    assert list(batches) == [[1, 2, 3], [4], [5]]
    assert list(split_chains([], {}, most=9)) == []


def test_decisions_are_inert():
    assert_inert(decide)
