"""Reading the last imports of rows and files from the records."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, Max, OuterRef

from flows.batches import split_batches
from flows.content.fields import Kind
from imports.models import RESTORE, UNDO, ImportItem, ImportRecord, Status
from imports.plans.drift import LastImport
from imports.plans.plan import WRITING_RESULTS, Mode
from imports.rows.read import BATCH


def read_last_imports(kind: Kind, uuids: Iterable[str]) -> dict[str, LastImport]:
    """Return, by the uuid of a row, the last import that wrote it or found it unchanged."""
    # Not a join: SQLite would begin it with the records, and for each batch read the items of all
    # imports.
    imports = ImportRecord.objects.filter(status=Status.SUCCEEDED).exclude(mode__in=[UNDO, RESTORE])
    succeeded = Exists(imports.filter(pk=OuterRef("record")))
    found: dict[str, LastImport] = {}
    ends: dict[int, datetime] = {}  # few records have the items of many rows
    for batch in split_batches(uuids, BATCH):
        newest = (
            ImportItem.objects.filter(succeeded, kind=kind, target_uuid__in=batch)
            .exclude(content_digest="")
            .order_by()
            .values("target_uuid")
            .annotate(newest=Max("pk"))
            .values("newest")
        )
        items = ImportItem.objects.filter(pk__in=newest).order_by()
        rows = items.values_list("target_uuid", "content_digest", "file_updated_at", "record_id")
        ends |= _read_ends({record for *_, record in rows} - ends.keys())
        for uuid, digest, file_updated_at, record in rows:
            if record in ends:
                at = ends[record]
                found[str(uuid)] = LastImport(at=at, digest=digest, file_updated_at=file_updated_at)
    return found


def _read_ends(records: Collection[int]) -> dict[int, datetime]:
    """Return when the records' runs ended, by primary key."""
    if not records:
        return {}
    rows = ImportRecord.objects.filter(pk__in=records).order_by()
    return {pk: at for pk, at in rows.values_list("pk", "finished_at") if at is not None}


def read_import_of(file_sha256: str, mode: Mode, since: datetime) -> ImportRecord | None:
    """Return the newest import in effect that wrote something of the file in that mode, or None.

    Only imports that started after `since` count.
    """
    imports = ImportRecord.objects.filter(
        status=Status.SUCCEEDED,
        file_sha256=file_sha256,
        mode=mode,
        started_at__gt=since,
        counts__has_any_keys=sorted(WRITING_RESULTS),
    )
    return imports.order_by("-pk").first()
