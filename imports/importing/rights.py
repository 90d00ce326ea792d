"""The permissions needed for an import: never less than for the same changes by hand."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from flows.content.fields import Kind
from flows.destinations.changes import SECRET_TO_NEW_DESTINATION
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from flows.users import User
from imports.errors import Issue, NotPermitted
from imports.exportfile.warnings import WarningCode
from imports.importing.request import ImportRequest
from imports.permissions import (
    OVERRIDE_LOCKS,
    PLAN_IMPORT,
    PRUNE_ITEMS,
    RUN_IMPORT,
    SKIP_BACKUP,
    check_permission,
    check_sight_of,
    describe_retargeting,
    find_lack,
    find_lack_of_sight,
    find_needed_permissions,
    find_visible_kinds,
    has_permission,
)
from imports.plans.plan import Change, Plan


def check_request(request: ImportRequest) -> None:
    """Raise NotPermitted where the user may not import with these options."""
    check_permission(request.user, *list_needed_by_options(request))


def find_lack_for_request(request: ImportRequest) -> NotPermitted | None:
    """Return what `check_request` raises, to be shown; None where it raises nothing."""
    return find_lack(request.user, *list_needed_by_options(request))


class _WithOptions(Protocol):
    """What has the options of an import: a request, and a file that waits."""

    @property
    def with_backup(self) -> bool: ...
    @property
    def override_locks(self) -> bool: ...
    @property
    def prune(self) -> bool: ...


def list_needed_by_options(asked: _WithOptions) -> list[str]:
    """Return the permissions that an import with these options needs, whatever its file has."""
    needed = [RUN_IMPORT]
    needed += [] if asked.with_backup else [SKIP_BACKUP]
    needed += [OVERRIDE_LOCKS] if asked.override_locks else []
    needed += [PRUNE_ITEMS] if asked.prune else []
    return needed


def check_may_plan(request: ImportRequest) -> None:
    """Raise NotPermitted where the user may not look at the plan of this request.

    For a user who may plan, but not import, what the import would need does not count.
    """
    if not may_only_plan(request.user):
        check_request(request)


def check_may_acknowledge(request: ImportRequest) -> None:
    """Raise NotPermitted where a plan for others has acknowledgements of who may not import.

    Whoever applies it would be asked for nothing, and shown nothing of it.
    """
    if request.accept and may_only_plan(request.user):
        raise NotPermitted(
            "not-permitted",
            "Only who may import acknowledges warnings of a plan that is kept. Leave accept out: "
            "whoever applies the plan is asked.",
        )


def may_only_plan(user: User | None) -> bool:
    """Return whether the user may plan imports and apply none."""
    return has_permission(user, PLAN_IMPORT) and not has_permission(user, RUN_IMPORT)


def find_described_kinds(plan: Plan) -> set[Kind]:
    """Return the kinds of the plan's items, and of all rows that it describes."""
    kinds = {kind for change in plan for kind in _find_described_kinds(change)}
    kinds |= {kind for issue in plan.issues for kind in issue.described_kinds}
    kinds |= {kind for change in plan for kind in _find_missing_kinds(change)}
    return kinds | {change.item.kind for change in plan}


def find_lack_for_plan(user: User | None, plan: Plan) -> NotPermitted | None:
    """Return why the user may not apply the plan, to be shown; None where they may.

    Also where its warnings about destinations describe other rows that the user may not see.
    """
    needed = {needed for change in plan for needed in _find_needed(change)}
    kinds = sorted({kind for change in plan for kind in _find_kinds_in_warnings(change)})
    return find_lack(
        user, *sorted(needed), retargeting=_find_retargeting(user, plan)
    ) or find_lack_of_sight(user, *kinds)


def check_sight(user: User | None, plan: Plan) -> None:
    """Raise NotPermitted where the plan describes rows that the user may not see."""
    kinds = {kind for change in plan for kind in _find_described_kinds(change)}
    kinds |= {kind for issue in plan.issues for kind in issue.described_kinds}
    check_sight_of(user, *(kind for kind in Kind if kind in kinds))


def _find_retargeting(user: User | None, plan: Plan) -> Iterator[Issue]:
    seen = find_visible_kinds(user)
    for change in plan:
        item = change.item
        for message in describe_retargeting(
            item.kind, item.name, change.destination_warnings, visible_kinds=seen
        ):
            yield Issue(
                code=SECRET_TO_NEW_DESTINATION,
                message=message,
                path=item.path,
                uuid=item.uuid,
                name=item.name,
            )


def _find_described_kinds(change: Change) -> Iterator[Kind]:
    """Yield the kinds of the rows that the plan describes for an item."""
    if change.row or change.candidates:
        yield change.item.kind
    for warning in change.own_warnings:
        yield from warning.described_kinds
    yield from _find_kinds_in_warnings(change)


def _find_kinds_in_warnings(change: Change) -> Iterator[Kind]:
    """Yield the kinds of the other rows in its warnings about destinations."""
    for warning in change.destination_warnings:
        yield from warning.find_described_kinds((change.item.kind, change.target_uuid))


def _find_missing_kinds(change: Change) -> Iterator[Kind]:
    """Yield the kinds of which its warnings say that a row is not there."""
    for warning in change.own_warnings:
        if warning.code == WarningCode.DANGLING_REFERENCE and isinstance(warning.data, Mapping):
            yield Kind(warning.data["kind"])


def _find_needed(change: Change) -> Iterator[str]:
    yield from find_needed_permissions(change.item.kind, change.result)
    if change.retargets:
        yield RETARGET_CONNECTIONS
