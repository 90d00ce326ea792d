"""Make the record of an import and its items."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.content.fields import get_columns
from flows.models import get_blank_content
from flows.texts import make_storable
from imports.importing.request import ImportRequest
from imports.models import ImportRecord
from imports.plans.plan import Change, Plan, Result, compute_content_digest
from imports.runs.recorder import make_run_record


def make_record(request: ImportRequest, *, sha256: str) -> ImportRecord:
    """Return an unsaved record of the requested import."""
    return make_run_record(
        request,
        file_sha256=sha256,
        file_name=make_storable(request.file_name),
        file_size=len(request.payload),
        mode=request.mode,
        override_locks=request.override_locks,
        origin=request.origin.as_dict() if request.origin else {},
        prune=request.prune,
        **_get_plan_fields(request),
    )


def make_items(
    record: ImportRecord, plan: Plan, saves: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """Yield the record's items, by column; `saves` has the named saves by the path of an item."""
    return (_make_item(record, change, saves.get(change.item.path)) for change in plan)


def _get_plan_fields(request: ImportRequest) -> dict[str, Any]:
    """Return the record's fields about the saved plan of the request; none without one."""
    plan = request.saved_plan
    if plan is None:
        return {}
    return {
        "plan_created_at": plan.made_at,
        "plan_created_by": make_storable(plan.created_by),
        "plan_checksum": plan.checksum,
    }


def _make_item(record: ImportRecord, change: Change, save: int | None) -> dict[str, Any]:
    return {
        "record_id": record.pk,
        "kind": change.item.kind,
        "position": change.item.position,
        "uuid": change.item.file_uuid,
        "name": change.item.name,
        "file_updated_at": change.item.updated_at,
        "result": change.result,
        "match_method": change.method,
        "target_uuid": change.target_uuid,
        "target_name": change.target_name,
        "content_digest": _get_content_digest(change),
        "is_new": change.result.writes and change.written_row is None,
        "leaves_deleted": change.result is Result.PRUNE,
        "changed_keys": [field.key for field in change.fields],
        "warnings": list(change.warnings),
        "warning_details": [warning.as_dict() for warning in change.all_warnings],
        "named_save_id": save,
    }


def _get_content_digest(change: Change) -> str:
    """Return the digest of the row's content after the import; "" where it was not written."""
    if change.after or change.content is None:
        return change.after or ""
    kind = change.item.kind
    return compute_content_digest({**get_blank_content(kind), **change.content}, get_columns(kind))
