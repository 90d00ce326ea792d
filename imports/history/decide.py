"""Decide which runs' history is removed, and what of it has to stay. Pure.

A run is pruned when it is older than the retention's days, not among the newest that are kept
whatever their age, and older than an undo must stay possible. Runs that undo one another stay or go
together: an undo that is undone puts the run before it back into effect.

Of a run that is pruned, what says the state in which an import left a row last stays: drift is told
by it. Such a run keeps its record, which cannot be undone any more; others lose theirs.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.content.fields import Kind

LEAST_UNDO_DAYS = 1.0
"""For so long, idempotency keys hold their records."""

_EVER = 36_500.0  # there is no history of a hundred years, and no date before the year 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRetention:
    """What is kept: all of so many days, and the newest runs; undoable ones whatever these say."""

    days: float
    keep_runs: int
    undo_days: float

    def find_oldest_kept(self, now: datetime) -> datetime:
        """Return the time from which on every run is kept."""
        days = max(self.days, self.undo_days, LEAST_UNDO_DAYS)
        return now - timedelta(days=min(days, _EVER))


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run by its record; `at` is when it ended, or began where it has no end."""

    pk: int
    at: datetime
    undoes: int | None = None
    is_running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOlderRuns:
    """The runs that are older than the days of the retention and stay, by the reason."""

    by_keep_runs: frozenset[int] = frozenset()
    """Those among the newest runs, and those that undo one of these or are undone by one."""
    by_undo: frozenset[int] = frozenset()
    """Those that undo a run that is not old or has not ended, or are undone by one."""
    keep_runs: int = 0
    """How many of the newest runs stay."""

    def as_dict(self) -> dict[str, int]:
        """Return the counts as the command answers them."""
        return {"keepRuns": len(self.by_keep_runs), "undo": len(self.by_undo)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastItem:
    """An item of a run that is pruned."""

    pk: int
    record: int
    row: tuple[Kind, str]
    """The row that it is, by kind and uuid."""
    is_base: bool
    """Whether it says in which state an import in effect left the row."""
    save: int | None = None
    """The revision of its named save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedItems:
    """What goes of the items that were looked at, by primary keys."""

    items: tuple[int, ...]
    emptied: frozenset[int]
    """Those of the records that keep no item, and go."""
    reduced: frozenset[int]
    """Those that keep some."""
    saves: frozenset[int]
    """The revisions of all named saves of these records, which nothing restores any more."""


def find_prunable(
    runs: Iterable[PastRun], retention: HistoryRetention, *, now: datetime
) -> list[tuple[int, ...]]:
    """Return the runs to prune, oldest first, each with those that undo it or are undone by it."""
    ordered = sorted(runs, key=lambda run: run.pk)
    times = _find_times(ordered, now)
    not_old = _find_not_old(ordered, times, retention.find_oldest_kept(now))
    kept = _find_newest(ordered, retention) | not_old
    return [chain for chain in _find_chains(ordered) if kept.isdisjoint(chain)]


def find_kept_older(
    runs: Iterable[PastRun], retention: HistoryRetention, *, now: datetime
) -> KeptOlderRuns:
    """Return the runs that are older than the retention's days and are kept all the same."""
    ordered = sorted(runs, key=lambda run: run.pk)
    times, oldest_kept = _find_times(ordered, now), retention.find_oldest_kept(now)
    not_old, newest = _find_not_old(ordered, times, oldest_kept), _find_newest(ordered, retention)
    by_keep_runs: set[int] = set()
    by_undo: set[int] = set()
    for chain in _find_chains(ordered):
        older = {pk for pk in chain if times[pk] < oldest_kept}
        if not not_old.isdisjoint(chain):
            by_undo |= older
        elif not newest.isdisjoint(chain):
            by_keep_runs |= older
    return KeptOlderRuns(
        by_keep_runs=frozenset(by_keep_runs),
        by_undo=frozenset(by_undo),
        keep_runs=retention.keep_runs,
    )


def find_oldest_stay(
    runs: Iterable[PastRun],
    prunable: Iterable[tuple[int, ...]],
    retention: HistoryRetention,
    *,
    now: datetime,
) -> datetime:
    """Return the time before which no run that stays whole was made, and all is old."""
    gone = {pk for chain in prunable for pk in chain}
    ordered = sorted(runs, key=lambda run: run.pk)
    times = _find_times(ordered, now)
    stay = [times[run.pk] for run in ordered if run.pk not in gone]
    return min([retention.find_oldest_kept(now), *stay])


def decide_items(
    records: Collection[int], items: Sequence[PastItem], *, rows: Collection[tuple[Kind, str]]
) -> PrunedItems:
    """Return what goes of these records of pruned runs; `rows` are the rows that exist.

    `items` are all of these records, and those of runs pruned earlier that have the same rows.
    """
    newest: dict[tuple[Kind, str], int] = {}
    for item in items:
        if item.is_base and item.row in rows:
            newest[item.row] = max(item.pk, newest.get(item.row, 0))
    stay = set(newest.values())
    reduced = {item.record for item in items if item.pk in stay} & {*records}
    return PrunedItems(
        items=tuple(item.pk for item in items if item.pk not in stay),
        emptied=frozenset(records) - reduced,
        reduced=frozenset(reduced),
        saves=frozenset(item.save for item in items if item.save is not None),
    )


def split_chains(
    chains: Iterable[tuple[int, ...]], counts: Mapping[int, int], *, most: int
) -> Iterator[list[int]]:
    """Yield the runs of the chains in batches of at most so many items, or of one chain."""
    batch: list[int] = []
    size = 0
    for chain in chains:
        added = sum(1 + counts.get(pk, 0) for pk in chain)
        if batch and size + added > most:
            yield batch
            batch, size = [], 0
        batch += chain
        size += added
    if batch:
        yield batch


def _find_newest(ordered: Sequence[PastRun], retention: HistoryRetention) -> set[int]:
    """Return the runs that are kept as the newest, whatever their age."""
    return {run.pk for run in ordered[max(len(ordered) - retention.keep_runs, 0) :]}


def _find_not_old(
    ordered: Sequence[PastRun], times: Mapping[int, datetime], oldest_kept: datetime
) -> set[int]:
    """Return the runs within the days of the retention, and those that have not ended."""
    return {run.pk for run in ordered if run.is_running or times[run.pk] >= oldest_kept}


def _find_times(ordered: Sequence[PastRun], now: datetime) -> dict[int, datetime]:
    """Return, by run, the latest time at which each may have ended.

    After the clock was wrong, a run may be kept too long, but not too short: a time in the future
    counts as that of the next run, and no run ended before one that was made earlier.
    """
    own: dict[int, datetime] = {}
    following = now
    for run in reversed(ordered):
        following = run.at if run.at <= now else following
        own[run.pk] = following
    latest = None
    for run in ordered:
        latest = own[run.pk] if latest is None else max(latest, own[run.pk])
        own[run.pk] = latest
    return own


def _find_chains(ordered: Sequence[PastRun]) -> list[tuple[int, ...]]:
    """Return the runs, those together that undo one another, in the order of the oldest."""
    known = {run.pk for run in ordered}
    first: dict[int, int] = {}
    chains: defaultdict[int, list[int]] = defaultdict(list)
    # A run undoes one that was made before, so that its chain is known.
    for run in ordered:
        is_undo = run.undoes is not None and run.undoes in known and run.undoes < run.pk
        first[run.pk] = first[run.undoes] if is_undo and run.undoes is not None else run.pk
        chains[first[run.pk]].append(run.pk)
    return [tuple(chain) for chain in chains.values()]
