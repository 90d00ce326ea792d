"""Plans and outcomes as plain dicts: the command's output and the API's body.

The keys and their order are the specification's (section 1 of the flow import page).
"""

from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import Any

from flows.content.fields import Kind
from flows.status_phrases import get_status_phrase
from imports.errors import UnableToImport
from imports.exportfile.warnings import PlanWarning, sort_keys
from imports.models import ImportItem, ImportRecord
from imports.plans.acknowledgement import RedWarning, count_items
from imports.plans.matching import MatchMethod
from imports.plans.plan import Change, Plan, Result
from imports.undo.plans.plan import UndoChange, UndoPlan


def make_plan_data(plan: Plan, *, done: bool, with_details: bool = False) -> dict[str, Any]:
    """Return the three lists of items; `done` is whether the items have reached their results.

    `with_details` adds the warnings of each item with their codes and data. The uuid of a copy is
    left out before it is made, because each plan draws a new one. Where rows are pruned, `pruned`
    lists them; else a plan of a directory has their number, `prunable`.
    """
    drawn = {one.target_uuid for one in plan if not (done or one.result.has_known_uuid)}
    lists: dict[str, Any] = {
        f"{kind.plural}Processed": [
            {
                **_make_item(change, done=done),
                **(make_details(change.all_warnings, without=drawn) if with_details else {}),
            }
            for change in plan.changes[kind]
            if change.result is not Result.PRUNE
        ]
        for kind in Kind
    }
    pruned = [change for change in plan if change.result is Result.PRUNE]
    if plan.prune:
        rows = ({"kind": each.item.kind.value, **_make_item(each, done=done)} for each in pruned)
        return {**lists, "pruned": list(rows)}
    return lists if done or plan.prunable is None else {**lists, "prunable": plan.prunable}


def make_undo_data(plan: UndoPlan, *, done: bool, with_details: bool = False) -> dict[str, Any]:
    """Return the three lists of an undo, in the form of `make_plan_data`."""
    return {
        f"{kind.plural}Processed": [
            {
                **_make_undo_item(change, done=done),
                **(make_details(change.all_warnings) if with_details else {}),
            }
            for change in plan.changes[kind]
        ]
        for kind in Kind
    }


def make_details(
    warnings: Iterable[PlanWarning], *, without: Collection[str] = ()
) -> dict[str, Any]:
    """Return `warningDetails` with each warning's code and data; an empty dict for no warnings.

    The uuids `without` are replaced by None: they belong to no row yet.
    """
    details = [warning.as_dict() for warning in warnings]
    for detail in details if without else ():
        detail["data"] = _remove_uuids(detail["data"], without)
    return {"warningDetails": details} if details else {}


def _remove_uuids(value: Any, uuids: Collection[str]) -> Any:
    """Return the data of a warning with None in place of these uuids."""
    if isinstance(value, list):
        return [_remove_uuids(each, uuids) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: None if key in _UUID_KEYS and each in uuids else _remove_uuids(each, uuids)
        for key, each in value.items()
    }


_UUID_KEYS = ("uuid", "secretUuid")


def make_record_data(record: ImportRecord) -> dict[str, Any]:
    """Return the same as `make_plan_data` with details, for a recorded import."""
    lists: dict[str, Any] = {f"{kind.plural}Processed": [] for kind in Kind}
    if record.prune:
        rows = record.items.filter(result=Result.PRUNE).order_by("pk")
        lists["pruned"] = [{"kind": item.kind, **_make_recorded_item(item)} for item in rows]
    for item in record.items.exclude(result=Result.PRUNE).order_by("position", "pk"):
        kept = [sort_keys(detail) for detail in item.warning_details]
        details = {"warningDetails": kept} if kept else {}
        lists[f"{Kind(item.kind).plural}Processed"].append({**_make_recorded_item(item), **details})
    return {**lists, **make_acknowledged_data(record)}


def make_unacknowledged_data(warnings: Iterable[RedWarning]) -> dict[str, Any]:
    """Return `needsAcknowledgement`, of how many items by code; an empty dict for no warnings."""
    counts = count_items(warnings)
    needs = [{"code": str(code), "items": count} for code, count in counts.items()]
    return {"needsAcknowledgement": needs} if needs else {}


def make_acknowledged_data(record: ImportRecord) -> dict[str, Any]:
    """Return `acknowledged`: which codes, of how many items, by whom; an empty dict for none."""
    kept = [{key: each[key] for key in ("code", "by", "items")} for each in record.acknowledged]
    return {"acknowledged": kept} if kept else {}


def make_refusal_data(error: UnableToImport) -> dict[str, Any]:
    """Return the message, code and issues of a refusal."""
    return {
        "message": error.message,
        "code": error.code,
        "issues": [issue.as_dict() for issue in error.issues],
    }


def make_answer(status: HTTPStatus, data: dict[str, Any]) -> dict[str, Any]:
    """Return the object that the command prints."""
    return {"status": status.value, "statusText": get_status_phrase(status), "data": data}


def _make_item(change: Change, *, done: bool) -> dict[str, Any]:
    is_known = done or change.result.has_known_uuid
    return _make_entry(
        uuid=change.item.file_uuid,
        name=change.item.name,
        result=change.result.value,
        matchMethod=change.method.value,
        isProcessed=done,
        targetUuid=change.target_uuid if is_known else None,
        targetName=change.target_name,
        warnings=list(change.warnings),
    )


def _make_undo_item(change: UndoChange, *, done: bool) -> dict[str, Any]:
    return _make_entry(
        uuid=change.uuid,
        name=change.name,
        result=change.result.value,
        matchMethod=MatchMethod.UUID.value,
        isProcessed=done,
        targetUuid=change.uuid,
        targetName=change.target_name,
        warnings=list(change.warnings),
    )


def _make_recorded_item(item: ImportItem) -> dict[str, Any]:
    return _make_entry(
        uuid=item.uuid,
        name=item.name,
        result=item.result,
        matchMethod=item.match_method,
        isProcessed=True,
        targetUuid=str(item.target_uuid),
        targetName=item.target_name,
        warnings=item.warnings,
    )


def _make_entry(**entry: Any) -> dict[str, Any]:
    """Return an item of a list without the keys that are empty or repeat another."""
    if entry["targetUuid"] in (None, entry["uuid"].lower()):
        del entry["targetUuid"]
    if entry["targetName"] == entry["name"]:
        del entry["targetName"]
    if not entry["warnings"]:
        del entry["warnings"]
    return entry
