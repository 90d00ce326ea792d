"""The permissions needed for an undo: never less than for the same changes by hand."""

from collections.abc import Iterator

from flows.content.fields import Kind
from flows.destinations.changes import SECRET_TO_NEW_DESTINATION
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from flows.users import User
from imports.errors import Issue, NotPermitted
from imports.permissions import (
    SKIP_BACKUP,
    UNDO_IMPORT,
    check_permission,
    check_sight_of,
    describe_retargeting,
    find_lack,
    find_visible_kinds,
)
from imports.undo.plans.plan import UndoChange, UndoPlan
from imports.undo.request import UndoRequest


def check_undo_request(request: UndoRequest) -> None:
    """Raise NotPermitted where the user may not undo with these options."""
    check_permission(request.user, *_list_needed_by_options(request))


def find_lack_for_request(request: UndoRequest) -> NotPermitted | None:
    """Return what `check_undo_request` raises, to be shown; None where it raises nothing."""
    return find_lack(request.user, *_list_needed_by_options(request))


def _list_needed_by_options(request: UndoRequest) -> list[str]:
    return [UNDO_IMPORT] if request.with_backup else [UNDO_IMPORT, SKIP_BACKUP]


def check_undo_sight(user: User | None, plan: UndoPlan) -> None:
    """Raise NotPermitted where the plan describes rows that the user may not see."""
    kinds = {change.kind for change in plan}
    for change in plan:
        for warning in (*change.conflicts, *change.own_warnings):
            kinds |= warning.described_kinds
        for destination_warning in change.destination_warnings:
            kinds |= destination_warning.find_described_kinds(change.key)
    check_sight_of(user, *(kind for kind in Kind if kind in kinds))


def find_lack_for_plan(user: User | None, plan: UndoPlan) -> NotPermitted | None:
    """Return why the user may not apply the plan, to be shown; None where they may."""
    needed = {needed for change in plan for needed in _find_needed(change)}
    return find_lack(user, *sorted(needed), retargeting=_find_retargeting(user, plan))


def _find_retargeting(user: User | None, plan: UndoPlan) -> Iterator[Issue]:
    seen = find_visible_kinds(user)
    for change in plan:
        for message in describe_retargeting(
            change.kind, change.name, change.destination_warnings, visible_kinds=seen
        ):
            yield Issue(
                code=SECRET_TO_NEW_DESTINATION, message=message, uuid=change.uuid, name=change.name
            )


def _find_needed(change: UndoChange) -> Iterator[str]:
    if not change.writes:
        return
    if change.becomes_deleted and not change.was_deleted:
        yield f"flows.delete_{change.kind}"
    if not change.becomes_deleted or change.save:
        yield f"flows.change_{change.kind}"
    if any(warning.needs_right for warning in change.destination_warnings):
        yield RETARGET_CONNECTIONS
