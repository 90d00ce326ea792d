"""Reading the live rows that came last from one directory, for an import that may prune them."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from flows.batches import split_batches
from flows.content.fields import Kind
from flows.models import MODELS
from imports.models import RESTORE, UNDO, ImportItem, ImportRecord, Status
from imports.plans.drift import LastImport
from imports.plans.matching import MatchMethod
from imports.plans.plan import Result
from imports.plans.pruning import BroughtRow
from imports.rows.read import BATCH, read_rows_by_uuid


def read_brought_rows(directory_id: str, kind: Kind, *, named: Collection[str]) -> list[BroughtRow]:
    """Return the live rows of the kind whose last import came from the directory, in no order.

    That is the last import in effect that wrote the row or found it unchanged. Where a later one
    left the row alone, as it was told to, that one came from the directory too: any other file that
    names a row keeps it. A copy beside an item is not of the directory. Rows with one of the uuids
    `named` are left out.
    """
    found: list[BroughtRow] = []
    own = _find_imports().filter(directory_id=directory_id)
    for batch in split_batches(_find_uuids(own, kind, named), BATCH):
        last = {str(item.target_uuid): item for item in _read_last_items(directory_id, kind, batch)}
        found += (
            _make_row(row, last[row.uuid])
            for row in read_rows_by_uuid(kind, last)
            if not row.is_deleted
        )
    return found


def read_imported_uuids(kind: Kind, *, named: Collection[str]) -> set[str]:
    """Return the uuids of the live rows of the kind that any import brought, but those `named`.

    That a row was made as a copy beside an item does not count.
    """
    return set(_find_uuids(_find_imports(), kind, named))


def _find_uuids(
    imports: QuerySet[ImportRecord], kind: Kind, named: Collection[str]
) -> Iterator[str]:
    """Yield the uuids of the live rows that any of the imports wrote or had as it is."""
    # Not joins: SQLite would begin them with the records, and for each row read all their items.
    items = (
        ImportItem.objects.filter(Exists(imports), kind=str(kind), target_uuid=OuterRef("uuid"))
        .exclude(content_digest="")
        .exclude(result=str(Result.DUPLICATE))
    )
    rows = MODELS[kind]._default_manager.filter(Exists(items), is_deleted=False).order_by()
    uuids = (str(uuid) for uuid in rows.values_list("uuid", flat=True))
    yield from (uuid for uuid in uuids if uuid not in named)


def _find_imports() -> QuerySet[ImportRecord]:
    """Return the import in effect that an item is of, for a condition on items."""
    imports = ImportRecord.objects.filter(status=Status.SUCCEEDED).exclude(mode__in=[UNDO, RESTORE])
    return imports.filter(pk=OuterRef("record"))


def _read_last_items(directory_id: str, kind: Kind, uuids: Sequence[str]) -> Iterator[ImportItem]:
    """Yield the item of each row's last import, with its record, where it is the directory's."""
    left_out = Q(result=str(Result.SKIP), match_method=str(MatchMethod.UNMATCHED))
    newest = (
        ImportItem.objects.filter(Exists(_find_imports()), kind=str(kind), target_uuid__in=uuids)
        .exclude(left_out)
        .order_by()
        .values("target_uuid")
        .annotate(named=Max("pk"), written=Max("pk", filter=~Q(content_digest="")))
        .values_list("named", "written")
    )
    pairs: list[tuple[Any, Any]] = list(newest)
    items = (
        ImportItem.objects.filter(pk__in={pk for pair in pairs for pk in pair if pk})
        .select_related("record")
        .only(
            *("target_uuid", "result", "content_digest", "leaves_deleted", "file_updated_at"),
            *("record__directory_id", "record__finished_at"),
        )
        .order_by()
    )
    found = {item.pk: item for item in items}
    for named, written in pairs:
        last = found.get(written)
        if (
            last is not None
            and found[named].record.directory_id == last.record.directory_id == directory_id
            and last.result != Result.DUPLICATE
            and last.record.finished_at is not None
        ):
            yield last


def _make_row(row: Any, last: ImportItem) -> BroughtRow:
    return BroughtRow(
        row=row,
        last=LastImport(
            at=last.record.finished_at or last.record.started_at,
            digest=last.content_digest,
            file_updated_at=last.file_updated_at,
        ),
        record=last.record_id,
        was_pruned=last.leaves_deleted,
    )
