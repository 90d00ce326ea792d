"""Reading which import last wrote the rows that send a secret."""

from collections.abc import Collection

from django.db.models import Exists, Max, OuterRef

from flows.batches import split_batches
from flows.content.fields import Kind
from flows.destinations.changes import RowKey
from imports.models import ImportItem, ImportRecord, Status
from imports.plans.plan import WRITING_RESULTS
from imports.rows.read import BATCH


def read_last_writers(users: Collection[RowKey]) -> dict[RowKey, ImportRecord]:
    """Return, for each row, the last import in effect that wrote it, where there is one."""
    succeeded = Exists(ImportRecord.objects.filter(pk=OuterRef("record"), status=Status.SUCCEEDED))
    found: dict[RowKey, ImportRecord] = {}
    for batch in split_batches(sorted({uuid for _, uuid in users}), BATCH):
        newest = (
            ImportItem.objects.filter(succeeded, target_uuid__in=batch, result__in=WRITING_RESULTS)
            .order_by()
            .values("kind", "target_uuid")
            .annotate(newest=Max("pk"))
            .values("newest")
        )
        items = ImportItem.objects.filter(pk__in=newest).select_related("record")
        for item in items.defer("record__issues"):
            found[Kind(item.kind), str(item.target_uuid)] = item.record
    return found
