"""The two states of a row that differs: what its last import left, where it is kept, and now.

An import keeps the digest of what it leaves. The state itself is in the row's next named save, if
its content has that digest.
"""

from collections.abc import Iterator, Sequence

from django.db import DEFAULT_DB_ALIAS
from reversion.models import Version

from flows.batches import split_batches
from flows.content.fields import Content, Kind, get_columns
from flows.models import MODELS
from flows.saves.saved_states import read_saved_content
from flows.servers import get_current_database
from imports.drift.decide import DriftedRow
from imports.plans.comparison import find_differences
from imports.plans.plan import FieldChange, compute_content_digest
from imports.rows.read import BATCH, CONTENT_BATCH, read_contents

ItemStates = tuple[Content | None, Content]
"""What the last import left, None where it is not kept, and what the row has now."""


def read_states(rows: Sequence[DriftedRow]) -> dict[tuple[Kind, str], ItemStates]:
    """Return the two states of each row that is still there, by kind and uuid.

    Makes a few queries for each kind and batch of rows. No document is read before it is used.
    """
    found: dict[tuple[Kind, str], ItemStates] = {}
    for kind in Kind:
        for batch in split_batches((row for row in rows if row.kind is kind), BATCH):
            imported = dict(_read_imported(kind, batch))
            present = dict(read_contents(kind, [row.pk for row in batch]))
            found |= {
                (kind, row.uuid): (imported.get(row.pk), present[row.pk])
                for row in batch
                if row.pk in present
            }
    return found


def list_changes(kind: Kind, states: ItemStates) -> tuple[FieldChange, ...] | None:
    """Return what differs between the two states; None where the imported one is not kept."""
    imported, present = states
    return None if imported is None else find_differences(kind, imported, present)


def _read_imported(kind: Kind, rows: Sequence[DriftedRow]) -> Iterator[tuple[int, Content]]:
    """Yield the primary key and the imported content of each row for which it is kept."""
    saves = _find_next_saves(kind, rows)
    versions = Version.objects.using(get_current_database()).order_by()
    for batch in split_batches(saves, CONTENT_BATCH):
        for version in versions.filter(pk__in=batch):
            row = saves[version.pk]
            content = read_saved_content(kind, version)
            if content is None:
                continue
            if compute_content_digest(content, get_columns(kind)) == row.imported_digest:
                yield row.pk, content


def _find_next_saves(kind: Kind, rows: Sequence[DriftedRow]) -> dict[int, DriftedRow]:
    """Return each row by the number of its first save after its last import."""
    by_object = {str(row.pk): row for row in rows}
    versions = Version.objects.using(get_current_database()).get_for_model(
        MODELS[kind], model_db=DEFAULT_DB_ALIAS
    )
    since = min(row.imported_at for row in rows)
    later = versions.filter(object_id__in=by_object, revision__date_created__gt=since)
    found: dict[str, int] = {}
    numbers = later.order_by("pk").values_list("pk", "object_id", "revision__date_created")
    for pk, object_id, at in numbers:
        if at > by_object[object_id].imported_at:
            found.setdefault(object_id, pk)
    return {pk: by_object[object_id] for object_id, pk in found.items()}
