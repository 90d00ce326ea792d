"""Build the plan of an import from matches and a mode. Pure; section 3 of the flow import page.

Stored contents are read through a callable, one row at a time, so that only the contents to be
written are kept in memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from flows.content.fields import EXTRA, Content, Kind
from flows.destinations.changes import UserChange
from flows.texts import quote
from imports.errors import Issue
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.exportfile.warnings import PlanWarning
from imports.plans.comparison import compare
from imports.plans.decisions import NO_DECISIONS, Decisions, find_decisions_to_nothing
from imports.plans.destinations import (
    add_destination_warnings,
    find_destination_warnings,
    make_user_change,
)
from imports.plans.drift import mark_drift
from imports.plans.inputs import PlanInputs
from imports.plans.invisible_characters import forget_known_characters, list_file_warnings
from imports.plans.item_destinations import decide_items, find_ambiguous_uuids
from imports.plans.left_out import add_left_out, remove_left_out
from imports.plans.matching import Match
from imports.plans.place_warnings import (
    NEW_ROW,
    DecidedItem,
    Surroundings,
    find_lost_names,
    find_place_warnings,
    warn_of_lost_names,
    warn_of_shared_names,
)
from imports.plans.plan import Change, Mode, Plan, Result
from imports.plans.pruning import (
    count_imported_elsewhere,
    find_obstacles,
    find_refusals,
    find_unnamed,
    make_prunes,
)
from imports.plans.reference_map import ItemDestination, LostValue, ReferenceMap, map_references


def build_plan(
    document: ExportDocument,
    inputs: PlanInputs,
    *,
    server: str,
    mode: Mode,
    override_locks: bool = False,
    decisions: Decisions = NO_DECISIONS,
) -> Plan:
    """Return the plan of the import; its issues are all the reasons to refuse it.

    `decisions` are for single items, and override the mode. `inputs` are those of the document
    without the items that are left out.
    """
    planned = remove_left_out(document, decisions)
    decided_items, refused = decide_items(planned, inputs.rows, inputs.live_names, mode, decisions)
    references, ambiguous = map_references(
        destination for kind in Kind for _, destination, _ in decided_items[kind]
    )
    issues = [
        *find_decisions_to_nothing(document, decisions),
        *refused,
        *ambiguous,
        *find_ambiguous_uuids(decided_items, planned, inputs.read_rows),
    ]
    users: list[UserChange] = []
    changes = _make_all_changes(decided_items, references, inputs, users=users, issues=issues)
    if not override_locks:
        issues += _find_locked(changes[Kind.FLOW])
    return Plan(
        file_sha256=document.sha256,
        server=server,
        mode=mode,
        override_locks=override_locks,
        changes=add_left_out(document, changes),
        issues=tuple(issues),
        secret_users=tuple(users),
    )


def add_pruning(
    plan: Plan, document: ExportDocument, inputs: PlanInputs, *, prune: bool, limit: int
) -> Plan:
    """Return the plan with how many rows left the directory that the document is.

    With `prune` these are pruned, after the items; its issues are added, such as that there are
    more than `limit`.
    """
    plan = replace(plan, prune=prune, prune_limit=limit)
    refusals = tuple(find_refusals(document, plan.changes)) if prune else ()
    if refusals or not document.directory_id:
        return replace(plan, issues=(*plan.issues, *refusals))
    unnamed = find_unnamed(plan.changes, inputs.brought)
    plan = replace(plan, prunable=sum(map(len, unnamed.values())))
    if not prune:
        return plan
    elsewhere = count_imported_elsewhere(plan.changes, unnamed, inputs.imported)
    prunes = make_prunes(unnamed, plan.changes, inputs.read_contents)
    obstacles = find_obstacles(
        unnamed,
        prunes,
        plan.changes,
        limit=limit,
        read_contents=inputs.read_contents,
        read_last_writes=inputs.read_last_writes,
        find_users=inputs.find_users,
    )
    locked = () if plan.override_locks else _find_locked(prunes[Kind.FLOW])
    return replace(
        plan,
        changes={kind: (*plan.changes[kind], *prunes[kind]) for kind in Kind},
        issues=(*plan.issues, *obstacles, *locked),
        imported_elsewhere=elsewhere,
    )


def _make_all_changes(
    decided_items: Mapping[Kind, Sequence[DecidedItem]],
    references: ReferenceMap,
    inputs: PlanInputs,
    *,
    users: list[UserChange],
    issues: list[Issue],
) -> dict[Kind, tuple[Change, ...]]:
    """Return the changes by kind with all their warnings; add to `users` and `issues`."""
    surroundings = _make_surroundings(decided_items[Kind.SECRET], inputs)
    changes = {
        kind: warn_of_shared_names(
            kind,
            _make_changes(
                *(kind, decided_items[kind], references, inputs, surroundings),
                users=users,
                issues=issues,
            ),
        )
        for kind in Kind
    }
    if lost := surroundings.lost_names:
        changes = warn_of_lost_names(changes, lost, inputs.secret_names_here, inputs.read_naming)
    if warnings := find_destination_warnings(changes, users, inputs.server):
        changes = {kind: add_destination_warnings(changes[kind], warnings) for kind in Kind}
    return changes


def _make_surroundings(secrets: Sequence[DecidedItem], inputs: PlanInputs) -> Surroundings:
    return Surroundings(
        dangling=inputs.dangling,
        secret_names_here=inputs.secret_names_here,
        lost_names=find_lost_names(secrets),
    )


def _make_changes(
    kind: Kind,
    decided_items: Sequence[DecidedItem],
    references: ReferenceMap,
    inputs: PlanInputs,
    surroundings: Surroundings,
    *,
    users: list[UserChange],
    issues: list[Issue],
) -> tuple[Change, ...]:
    """Return the changes of a kind, with drift.

    Adds to `users` how the written rows use secrets, and to `issues` the reasons to refuse.
    """
    changes = _compare_overwrites(
        kind,
        [
            make_change(
                match,
                destination,
                result,
                make_content(match.item, destination, references, issues)
                if result.writes
                else None,
                warnings=(
                    *list_file_warnings(match.item, result),
                    *find_place_warnings(match, result, surroundings),
                ),
            )
            for match, destination, result in _report_unread(decided_items, inputs)
        ],
        inputs,
        users,
    )
    last_imports = inputs.last_imports.get(kind, {})
    return mark_drift(kind, changes, last_imports, inputs.read_last_writes, inputs.read_contents)


def _report_unread(decided: Sequence[DecidedItem], inputs: PlanInputs) -> Iterator[DecidedItem]:
    """Yield the items, and report each that is planned without the content of a row."""
    for each in decided:
        yield each
        if each[2] is not Result.OVERWRITE:
            inputs.report_planned()


def _compare_overwrites(
    kind: Kind, changes: list[Change], inputs: PlanInputs, users: list[UserChange]
) -> tuple[Change, ...]:
    """Return the changes with each overwrite compared with the row's content; add to `users`."""
    overwrites = {
        change.row.pk: position
        for position, change in enumerate(changes)
        if change.row and change.result is Result.OVERWRITE
    }
    for pk, content in inputs.read_contents(kind, list(overwrites)):
        inputs.report_planned()
        position = overwrites[pk]
        changes[position] = forget_known_characters(compare(changes[position], content), content)
        if user := make_user_change(changes[position], content):
            users.append(user)
    new = (change for change in changes if change.result in NEW_ROW)
    users += [user for change in new if (user := make_user_change(change, None))]
    return tuple(changes)


def make_change(
    match: Match,
    destination: ItemDestination,
    result: Result,
    content: Content | None,
    *,
    warnings: tuple[PlanWarning, ...] = (),
) -> Change:
    """Return the change of an item with these warnings, before an overwrite is compared."""
    return Change(
        item=match.item,
        result=result,
        method=match.method,
        target_uuid=destination.uuid,
        target_name=destination.name,
        row=match.deleted_row if result is Result.CREATE else match.row,
        content=content,
        candidates=match.candidates,
        own_warnings=warnings,
    )


def make_content(
    item: FileItem, destination: ItemDestination, references: ReferenceMap, issues: list[Issue]
) -> Content:
    """Return the content to write; add an issue where a reference cannot be rewritten."""
    try:
        return {**references.rewrite_content(item), "name": destination.name}
    except LostValue as lost:
        issues.append(lost.issue)
        return {**item.content, EXTRA: item.extra, "name": destination.name}


_OF_UNLOCKED = {Result.OVERWRITE, Result.PRUNE}


def _find_locked(changes: Iterable[Change]) -> Iterator[Issue]:
    for change in changes:
        if change.result in _OF_UNLOCKED and change.row and change.row.is_locked:
            yield change.item.make_issue(
                "locked",
                f"The flow {quote(change.row.name)} is locked on this server. Unlock it there, "
                "or give --override-locks.",
            )
