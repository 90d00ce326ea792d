"""Finding the import since which a secret is sent to a destination, from the records' warnings."""

from collections.abc import Collection, Iterable

from flows.batches import split_batches
from flows.content.fields import Kind
from flows.destinations.changes import DESTINATION_CODES, RowKey
from flows.destinations.uses import EVERY
from imports.models import ImportItem, ImportRecord, Status
from imports.rows.read import BATCH


def read_origins(secret_uuid: str, users: Collection[RowKey]) -> dict[RowKey, ImportRecord]:
    """Return, for each row that uses the secret, the last import in effect that retargeted it.

    Rows without such an import are left out.
    """
    wanted = set(users)
    uuids = sorted({secret_uuid, *(uuid for _, uuid in wanted)})
    origins: dict[RowKey, ImportRecord] = {}
    for batch in split_batches(uuids, BATCH):
        items = (
            ImportItem.objects.filter(target_uuid__in=batch, record__status=Status.SUCCEEDED)
            .exclude(warning_details=[])
            .select_related("record")
            .defer("record__issues")
            .order_by("pk")
        )
        for item in items:
            for row in _find_senders(item, secret_uuid):
                known = origins.get(row)
                if row in wanted and (known is None or known.pk <= item.record_id):
                    origins[row] = item.record
    return origins


def _find_senders(item: ImportItem, secret_uuid: str) -> Iterable[RowKey]:
    for detail in item.warning_details:
        for new in detail["data"] if detail["code"] in DESTINATION_CODES else ():
            if new["secretUuid"] == secret_uuid or new["secret"] == EVERY:
                yield Kind(new["kind"]), new["uuid"]
