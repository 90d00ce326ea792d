"""The queries for the history of runs and what of it is old: the only reader for pruning."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.db.models import Count, QuerySet
from django.utils import timezone
from reversion.models import Revision

from flows.batches import split_batches
from flows.conf import ziggy
from flows.content.fields import Kind
from flows.models import MODELS
from flows.saves.removal import find_own_revisions
from flows.saves.saved_states import PRE_RESTORE
from flows.servers import get_current_database
from imports.history.decide import HistoryRetention, PastItem, PastRun
from imports.models import RESTORE, UNDO, ImportItem, ImportRecord, Status
from imports.rows.read import BATCH


def read_retention(
    *, days: float | None = None, keep_runs: int | None = None
) -> HistoryRetention | None:
    """Return what is kept by the settings, or by what stands in for them; None for all."""
    days = ziggy.HISTORY_DAYS if days is None else days
    keep_runs = ziggy.HISTORY_KEEP_RUNS if keep_runs is None else keep_runs
    if days is None:
        return None
    return HistoryRetention(days=days, keep_runs=keep_runs, undo_days=ziggy.UNDO_DAYS)


def has_old_runs(retention: HistoryRetention) -> bool:
    """Return whether a run is old that was not pruned: one query, and False means nothing to do."""
    unpruned = ImportRecord.objects.filter(history_pruned_at=None).order_by()
    old = unpruned.filter(started_at__lt=retention.find_oldest_kept(timezone.now()))
    if retention.keep_runs:
        newest = ImportRecord.objects.order_by("-pk").values("pk")
        old = old.filter(pk__lt=newest[retention.keep_runs - 1 : retention.keep_runs])
    return old.exists()


def read_runs() -> list[PastRun]:
    """Return all runs that the current database has records of."""
    records = ImportRecord.objects.order_by().values_list(
        "pk", "started_at", "finished_at", "status", "undoes_id"
    )
    return [
        PastRun(
            pk=pk,
            at=finished_at or started_at,
            undoes=undoes,
            is_running=status in {Status.QUEUED, Status.RUNNING},
        )
        for pk, started_at, finished_at, status, undoes in records
    ]


def find_pruned_before(runs: Iterable[int]) -> set[int]:
    """Return those of the runs whose history was pruned before."""
    pruned = ImportRecord.objects.exclude(history_pruned_at=None)
    return {
        pk
        for batch in split_batches(runs, BATCH)
        for pk in pruned.filter(pk__in=batch).order_by().values_list("pk", flat=True)
    }


def count_items(runs: Iterable[int]) -> dict[int, int]:
    """Return the number of items by run; a run without items is left out."""
    return {
        pk: count
        for batch in split_batches(runs, BATCH)
        for pk, count in ImportItem.objects.filter(record__in=batch)
        .order_by()
        .values("record")
        .annotate(count=Count("pk"))
        .values_list("record", "count")
    }


def read_items(records: Collection[int]) -> list[PastItem]:
    """Return the items of the records, and those of runs pruned earlier that have the same rows."""
    found = {
        item.pk: item
        for batch in split_batches(records, BATCH)
        for item in _make_items(ImportItem.objects.filter(record__in=batch))
    }
    pruned = ImportItem.objects.exclude(record__history_pruned_at=None)
    for kind, uuids in _group({item.row for item in found.values() if item.is_base}).items():
        for batch in split_batches(sorted(uuids), BATCH):
            for item in _make_items(pruned.filter(kind=kind, target_uuid__in=batch)):
                found.setdefault(item.pk, item)
    return list(found.values())


def find_rows(items: Iterable[PastItem]) -> set[tuple[Kind, str]]:
    """Return those rows of the items that exist, deleted ones too."""
    return {
        (kind, str(uuid))
        for kind, uuids in _group({item.row for item in items if item.is_base}).items()
        for batch in split_batches(sorted(uuids), BATCH)
        for uuid in MODELS[kind]
        ._default_manager.filter(uuid__in=batch)
        .order_by()
        .values_list("uuid", flat=True)
    }


def find_old_restore_saves(before: datetime, *, most: int | None = None) -> list[int]:
    """Return the revisions of saves that restoring took before that time, oldest first."""
    saves = Revision.objects.using(get_current_database()).filter(
        comment=PRE_RESTORE, date_created__lt=before
    )
    return find_own_revisions(saves.order_by("pk").values_list("pk", flat=True)[:most])


def _make_items(items: QuerySet[ImportItem]) -> Iterator[PastItem]:
    columns = ("pk", "record_id", "kind", "target_uuid", "content_digest", "named_save_id")
    of_record = ("record__status", "record__mode")
    for pk, record, kind, uuid, digest, save, status, mode in items.order_by().values_list(
        *columns, *of_record
    ):
        is_in_effect = status == Status.SUCCEEDED and mode not in {UNDO, RESTORE}
        yield PastItem(
            pk=pk,
            record=record,
            row=(Kind(kind), str(uuid)),
            is_base=is_in_effect and digest != "",
            save=save,
        )


def _group(rows: Iterable[tuple[Kind, str]]) -> dict[Kind, set[str]]:
    grouped: defaultdict[Kind, set[str]] = defaultdict(set)
    for kind, uuid in rows:
        grouped[kind].add(uuid)
    return grouped
