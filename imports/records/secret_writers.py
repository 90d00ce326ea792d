"""Reading which import last wrote the rows that send a secret."""

from collections.abc import Collection

from flows.batches import split_batches
from flows.content.fields import Kind
from flows.destinations.changes import RowKey
from imports.models import ImportItem, ImportRecord, Status
from imports.plans.plan import WRITING_RESULTS
from imports.rows.read import BATCH


def read_last_writers(users: Collection[RowKey]) -> dict[RowKey, ImportRecord]:
    """Return, for each row, the last import in effect that wrote it; no other rows."""
    wanted = set(users)
    found: dict[RowKey, ImportRecord] = {}
    for batch in split_batches(sorted({uuid for _, uuid in wanted}), BATCH):
        written = (
            ImportItem.objects.filter(
                target_uuid__in=batch, record__status=Status.SUCCEEDED, result__in=WRITING_RESULTS
            )
            .select_related("record")
            .defer("record__issues")
            .order_by("pk")
        )
        rows = (((Kind(item.kind), str(item.target_uuid)), item.record) for item in written)
        found |= {row: record for row, record in rows if row in wanted}
    return found
