"""Finding the rows that differ from what was imported last. No document is read.

A row that was not written since its last import cannot differ, so only the others are looked at:
the database finds them by times, and the digests of their contents decide. An import gives a row
that it creates the file's time, which may be a later one; such a row has the imported digest.
"""

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from flows.batches import split_batches
from flows.content.fields import Kind, get_columns
from flows.models import MODELS
from imports.drift.decide import DIFFERENT, DriftedRow, DriftState, decide_state
from imports.models import RESTORE, UNDO, ImportItem, ImportRecord, Status
from imports.plans.drift import LastWrite
from imports.plans.plan import compute_content_digest
from imports.rows.read import BATCH, CONTENT_BATCH

_ROW = ("pk", "uuid", "name", "is_deleted", "updated_at", "updated_by")


def count_drift(kind: Kind) -> int:
    """Return how many rows of the kind differ from what was imported last, in one query."""
    return sum(state in DIFFERENT for state, _ in _find_states(kind, _find_written_since(kind)))


def read_drift(kinds: Collection[Kind]) -> list[DriftedRow]:
    """Return the rows of these kinds that differ or may, those that were written last first."""
    rows = [row for kind in kinds for row in _read_rows(kind, _find_written_since(kind))]
    return sorted(rows, key=lambda row: (row.last_write.at, row.kind, row.pk), reverse=True)


def find_drifted_row(kind: Kind, uuid: str) -> DriftedRow | None:
    """Return the row of that uuid where it differs from what was imported last, or may."""
    return next(_read_rows(kind, _find_written_since(kind).filter(uuid=uuid)), None)


def _find_written_since(kind: Kind) -> QuerySet[Any]:
    """Return the rows of the kind that were written after the end of each of their imports.

    Each has the item of its last import as `last_item`, and its digest as `last_digest`.
    """
    # Not joins: SQLite would begin them with the records, and for each row read all their items.
    imports = ImportRecord.objects.filter(status=Status.SUCCEEDED).exclude(mode__in=[UNDO, RESTORE])
    own = imports.filter(pk=OuterRef("record"))
    items = ImportItem.objects.filter(kind=str(kind), target_uuid=OuterRef("uuid")).exclude(
        content_digest=""
    )
    later = own.filter(finished_at__gte=OuterRef(OuterRef("updated_at")))
    # By a time, and not by the key: PostgreSQL would look for the newest among all items.
    ends = Subquery(own.values("finished_at")[:1])
    last = items.filter(Exists(own)).annotate(at=ends).order_by("-at", "-pk")
    return (
        MODELS[kind]
        ._default_manager.filter(Exists(items.filter(Exists(own))))
        .exclude(Exists(items.filter(Exists(later))))
        .annotate(
            last_item=Subquery(last.values("pk")[:1]),
            last_digest=Subquery(last.values("content_digest")[:1]),
            was_left_deleted=Subquery(last.values("leaves_deleted")[:1]),
        )
        .exclude(is_deleted=True, was_left_deleted=True)
        .order_by()
    )


def _find_states(
    kind: Kind, rows: QuerySet[Any]
) -> Iterator[tuple[DriftState | None, tuple[Any, ...]]]:
    """Yield the state of each row, and its columns `_ROW` with those of its last import."""
    names = get_columns(kind)
    own = (*_ROW, "last_item", "last_digest")
    for values in rows.values_list(*own, *names).iterator(chunk_size=CONTENT_BATCH):
        row = values[: len(own)]
        content = dict(zip(names, values[len(own) :], strict=True))
        state = decide_state(
            is_deleted=row[3],
            digest=compute_content_digest(content, names),
            imported_digest=row[-1],
        )
        yield state, row


def _read_rows(kind: Kind, rows: QuerySet[Any]) -> Iterator[DriftedRow]:
    found = [(state, row) for state, row in _find_states(kind, rows) if state]
    for batch in split_batches(found, BATCH):
        items = ImportItem.objects.filter(pk__in=[row[-2] for _, row in batch]).order_by()
        runs = {
            pk: (record, at)
            for pk, record, at in items.values_list("pk", "record", "record__finished_at")
            if at is not None
        }
        for state, (pk, uuid, name, _, at, by, item, digest) in batch:
            if item in runs:  # its history may have been removed meanwhile
                record, imported_at = runs[item]
                yield DriftedRow(
                    kind=kind,
                    pk=pk,
                    uuid=str(uuid),
                    name=name,
                    state=state,
                    last_write=LastWrite(at=at, by=by),
                    imported_at=imported_at,
                    record=record,
                    imported_digest=digest,
                )
