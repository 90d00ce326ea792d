"""Make the record of an undo, and update the record of the run that it undoes."""

from collections.abc import Iterator, Mapping
from typing import Any

from imports.errors import StalePlan
from imports.models import UNDO, ImportRecord, Status
from imports.plans.matching import MatchMethod
from imports.runs.recorder import make_run_record
from imports.undo.plans.plan import Key, UndoChange, UndoPlan
from imports.undo.request import UndoRequest
from imports.undo.run_names import name_run


def make_undo_record(request: UndoRequest) -> ImportRecord:
    """Return an unsaved record of the requested undo."""
    return make_run_record(
        request,
        file_name=f"undo of import {request.record}",
        file_size=0,
        mode=UNDO,
        override_locks=False,
    )


def set_undone(undo: ImportRecord, undone: ImportRecord) -> None:
    """Set the run that is undone in the record of an undo."""
    undo.undoes = undone
    undo.undo_depth = undone.undo_depth + 1
    undo.file_name = name_run(undo).text


def make_undo_items(
    record: ImportRecord, plan: UndoPlan, saves: Mapping[Key, int]
) -> Iterator[dict[str, Any]]:
    """Yield the record's items, by column; `saves` has the named saves taken before, by key."""
    return (_make_item(record, change, saves.get(change.key)) for change in plan)


def mark_undone(record: ImportRecord) -> None:
    """Set the run to UNDONE, and switch the status of each run below it that it undid or redid.

    Call it in the transaction of the data. Raises StalePlan where the run is not in effect any
    more.
    """
    standing = ImportRecord.objects.filter(pk=record.pk, status=Status.SUCCEEDED)
    if not standing.update(status=Status.UNDONE):
        raise StalePlan("stale-plan", f"Import {record.pk} was undone meanwhile.")
    status, seen = Status.SUCCEEDED, {record.pk}
    below = record.undoes
    while below is not None and below.pk not in seen:
        ImportRecord.objects.filter(pk=below.pk).update(status=status)
        status = Status.UNDONE if status == Status.SUCCEEDED else Status.SUCCEEDED
        seen.add(below.pk)
        below = below.undoes


def _make_item(record: ImportRecord, change: UndoChange, save: int | None) -> dict[str, Any]:
    return {
        "record_id": record.pk,
        "kind": change.kind,
        "position": change.position,
        "uuid": change.uuid,
        "name": change.name,
        "result": change.result,
        "match_method": MatchMethod.UUID,
        "target_uuid": change.uuid,
        "target_name": change.target_name,
        "content_digest": change.after or "",
        "leaves_deleted": change.becomes_deleted,
        "changed_keys": [field.key for field in change.fields],
        "warnings": list(change.warnings),
        "warning_details": [warning.as_dict() for warning in change.all_warnings],
        "named_save_id": save,
    }
