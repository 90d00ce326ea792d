"""A plan or an outcome to one plain dict: the command's output and the API's body.

The keys and their order are the specification's (section 1 of the flow import page).
"""

from http import HTTPStatus
from typing import Any

from flows.content import Kind
from imports.errors import UnableToImport
from imports.plan import Change, Plan


def plan_data(plan: Plan, *, done: bool) -> dict[str, Any]:
    """The three lists. `done` says whether the items reached their results."""
    return {
        f"{kind.plural}Processed": [_item(change, done=done) for change in plan.changes[kind]]
        for kind in Kind
    }


def refusal_data(error: UnableToImport) -> dict[str, Any]:
    """Why there was no import, with every problem that was found."""
    return {
        "message": error.message,
        "code": error.code,
        "issues": [issue.as_dict() for issue in error.issues],
    }


def answer(status: HTTPStatus, data: dict[str, Any]) -> dict[str, Any]:
    """The object that the command prints."""
    return {"status": status.value, "statusText": status.phrase, "data": data}


def _item(change: Change, *, done: bool) -> dict[str, Any]:
    item = change.item
    report: dict[str, Any] = {
        "uuid": item.file_uuid,
        "name": item.name,
        "result": change.result.value,
        "matchMethod": change.method.value,
        "isProcessed": done,
    }
    if change.target_uuid != item.uuid:
        report["targetUuid"] = change.target_uuid
    if change.target_name != item.name:
        report["targetName"] = change.target_name
    if change.warnings:
        report["warnings"] = list(change.warnings)
    return report
