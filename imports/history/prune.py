"""Remove the old history of runs: their records, items and named saves.

    read all runs -> decide -> one transaction for each batch: [read items, decide, delete]

The import lock is held, so that no run begins or is undone meanwhile.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from http import HTTPStatus

from django.db import DatabaseError, transaction
from django.utils import timezone

from flows.batches import split_batches
from flows.conf import ziggy
from flows.documents.sweep import sweep_documents
from flows.models import Flow
from flows.saves.removal import find_own_revisions, remove_saves
from flows.servers import get_current_database
from imports.database.errors import format_for_log
from imports.database.lock import HeldLock, LockHeld, hold_import_lock
from imports.errors import ImportLocked, UnableToImport
from imports.history.decide import (
    HistoryRetention,
    KeptOlderRuns,
    decide_items,
    find_kept_older,
    find_oldest_stay,
    find_prunable,
    split_chains,
)
from imports.history.read import (
    count_items,
    find_old_restore_saves,
    find_pruned_before,
    find_rows,
    has_old_runs,
    read_items,
    read_retention,
    read_runs,
)
from imports.history.wording import NOT_PRUNED
from imports.models import ImportItem, ImportRecord
from imports.rows.read import BATCH

logger = logging.getLogger(__name__)

_ITEMS_AFTER_RUN = 5000
"""How many items a run may prune after it, if one chain of runs has no more."""
_ITEMS_AT_ONCE = 20_000


class DaysTooFew(UnableToImport):
    """History would be pruned that an undo may need."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedHistory:
    """How much of the history was removed."""

    records: int = 0
    reduced: int = 0
    """Records that stay without their history: with the items by which drift is told."""
    items: int = 0
    saves: int = 0

    def __bool__(self) -> bool:
        return any(asdict(self).values())

    def __add__(self, other: "PrunedHistory") -> "PrunedHistory":
        added = {name: value + getattr(other, name) for name, value in asdict(self).items()}
        return PrunedHistory(**added)

    def as_dict(self) -> dict[str, int]:
        """Return it as the record, the command and the API have it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """What is to be pruned: batches of runs, and saves before a time."""

    batches: tuple[list[int], ...]
    restores_before: datetime


def preview_pruning(
    *, days: float | None = None, keep_runs: int | None = None
) -> tuple[PrunedHistory, list[ImportRecord]]:
    """Return what `prune_history` would remove, and the records of the runs; write nothing.

    Raises DaysTooFew.
    """
    retention = _read_retention(days, keep_runs)
    if retention is None:
        return PrunedHistory(), []
    decided = _decide(retention, most=_ITEMS_AT_ONCE)
    total = PrunedHistory(saves=len(find_old_restore_saves(decided.restores_before)))
    # All together: a later run's items may replace those of an earlier one.
    runs = [pk for batch in decided.batches for pk in batch]
    items = read_items(runs)
    going = decide_items(runs, items, rows=find_rows(items))
    total += PrunedHistory(
        records=len(going.emptied),
        reduced=len(going.reduced),
        items=len(going.items),
        saves=len(find_own_revisions(going.saves)),
    )
    return total, list(_read_records(runs))


def read_kept_older(
    *, days: float | None = None, keep_runs: int | None = None
) -> KeptOlderRuns | None:
    """Return the older runs that `prune_history` leaves whole; None where all history is kept.

    Raises DaysTooFew.
    """
    retention = _read_retention(days, keep_runs)
    if retention is None:
        return None
    kept = find_kept_older(read_runs(), retention, now=timezone.now())
    # These were not left whole: an earlier pruning had another retention.
    before = find_pruned_before(kept.by_keep_runs | kept.by_undo)
    return replace(kept, by_keep_runs=kept.by_keep_runs - before, by_undo=kept.by_undo - before)


def prune_history(
    *, days: float | None = None, keep_runs: int | None = None, lock_wait: float | None = None
) -> PrunedHistory:
    """Remove the old history of the current database; return how much that was.

    Stored documents that nothing refers to any more go too. `days` and `keep_runs` stand in for
    the settings. Raises DaysTooFew, and ImportLocked while an import is running. Each batch has a
    transaction of its own: what was removed until an error stays removed.
    """
    retention = _read_retention(days, keep_runs)
    total = PrunedHistory()
    if retention is None:
        return total
    try:
        with hold_import_lock(wait=ziggy.LOCK_WAIT if lock_wait is None else lock_wait) as lock:
            decided = _decide(retention, most=_ITEMS_AT_ONCE)
            for batch in decided.batches:
                with transaction.atomic(using=get_current_database(), durable=True):
                    lock.keep_others_out()
                    total += _prune_runs(batch)
                    lock.check()
            with transaction.atomic(using=get_current_database(), durable=True):
                lock.keep_others_out()
                saves = find_old_restore_saves(decided.restores_before)
                total += PrunedHistory(saves=remove_saves(saves))
                lock.check()
            sweep_documents(Flow, get_current_database())
    except LockHeld:
        message = "An import is running on this database: prune its history when it has finished."
        raise ImportLocked("import-locked", message) from None
    return total


def prune_after_run(record: ImportRecord, lock: HeldLock) -> None:
    """Remove a part of the old history after a run that wrote, and write how much in its record.

    The run is committed: whatever happens here is logged and recorded, and changes nothing of it.
    """
    try:
        retention = read_retention()
        if retention is None or not has_old_runs(retention):
            return
        with transaction.atomic(using=get_current_database(), durable=True):
            lock.keep_others_out()
            if pruned := _prune_some(retention):
                record.pruned = pruned.as_dict()
                record.save(update_fields=["pruned"])
            lock.check()
    except Exception as error:  # noqa: BLE001 - also of a receiver of Django's signals in a project
        reason = format_for_log(error) if isinstance(error, DatabaseError) else type(error).__name__
        logger.warning("The old history could not be pruned after a run: %s", reason)
        record.pruned = {"code": NOT_PRUNED}
        with suppress(DatabaseError):
            record.save(update_fields=["pruned"])


def _read_retention(days: float | None, keep_runs: int | None) -> HistoryRetention | None:
    if days is not None and not days >= ziggy.UNDO_DAYS:
        raise DaysTooFew(
            "days-too-few",
            f"Runs of the last {ziggy.UNDO_DAYS:g} days must stay possible to undo ("
            f"ZIGGY_UNDO_DAYS). Say --days {ziggy.UNDO_DAYS:g} or more.",
        )
    return read_retention(days=days, keep_runs=keep_runs)


def _decide(retention: HistoryRetention, *, most: int) -> _Decided:
    now = timezone.now()
    runs = read_runs()
    prunable = find_prunable(runs, retention, now=now)
    before = find_pruned_before(pk for chain in prunable for pk in chain)
    chains = [chain for chain in prunable if not before.issuperset(chain)]
    counts = count_items(pk for chain in chains for pk in chain)
    return _Decided(
        batches=tuple(split_chains(chains, counts, most=most)),
        restores_before=find_oldest_stay(runs, prunable, retention, now=now),
    )


def _prune_some(retention: HistoryRetention) -> PrunedHistory:
    decided = _decide(retention, most=_ITEMS_AFTER_RUN)
    total = PrunedHistory()
    for batch in decided.batches[:1]:
        total += _prune_runs(batch)
        saves = find_old_restore_saves(decided.restores_before, most=_ITEMS_AFTER_RUN)
        total += PrunedHistory(saves=remove_saves(saves))
    return total


def _prune_runs(records: list[int]) -> PrunedHistory:
    items = read_items(records)
    going = decide_items(records, items, rows=find_rows(items))
    saves = remove_saves(going.saves)
    for batch in split_batches(going.items, BATCH):
        ImportItem.objects.filter(pk__in=batch).delete()
    for batch in split_batches(going.reduced, BATCH):
        ImportRecord.objects.filter(pk__in=batch).update(history_pruned_at=timezone.now())
    emptied = [*going.emptied, *_find_emptied_before()]
    for batch in split_batches(emptied, BATCH):
        ImportRecord.objects.filter(pk__in=batch).delete()
    return PrunedHistory(
        records=len(emptied), reduced=len(going.reduced), items=len(going.items), saves=saves
    )


def _find_emptied_before() -> list[int]:
    """Return the records of runs pruned before of which no item is left."""
    pruned = ImportRecord.objects.exclude(history_pruned_at=None)
    return list(pruned.filter(items=None).order_by().values_list("pk", flat=True))


def _read_records(runs: list[int]) -> Iterator[ImportRecord]:
    for batch in split_batches(sorted(runs), BATCH):
        yield from ImportRecord.objects.filter(pk__in=batch).defer("issues").order_by("pk")
