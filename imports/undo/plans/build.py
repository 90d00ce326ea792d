"""Build the plan of an undo from the rows that the run wrote. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from flows.content.fields import Kind
from imports.errors import Issue
from imports.plans.plan import UndoResult
from imports.undo.plans.destinations import (
    add_destination_warnings,
    find_destination_warnings,
    make_user_changes,
)
from imports.undo.plans.inputs import PresentRow, UndoInputs, WrittenRow
from imports.undo.plans.kept_rows import DecidedRows, decide_rows
from imports.undo.plans.lost_names import warn_of_lost_names
from imports.undo.plans.plan import ConflictResolution, Decisions, UndoChange, UndoPlan

_MAY_DECIDE = "Decide to keep it as it is, or to restore what was before."
_MAY_DELETE = "Decide to keep it as it is, or to restore what was before: then it is deleted."
_MAY_KEEP = "It can only stay as it is: decide to keep it."


def build_undo(
    inputs: UndoInputs, *, server: str, default: ConflictResolution | None, decisions: Decisions
) -> UndoPlan:
    """Return the plan of the undo; its issues are all the reasons to refuse it.

    `default` is the resolution of each conflict that has none in `decisions`.
    """
    decided = decide_rows(inputs, default, decisions)
    changes = {
        kind: tuple(_make_change(row, decided) for row in inputs.rows[kind]) for kind in Kind
    }
    rows = {row.key: row for kind in Kind for row in inputs.rows[kind]}
    users = tuple(make_user_changes((change for kind in Kind for change in changes[kind]), rows))
    if warnings := find_destination_warnings(changes[Kind.SECRET], users, inputs.server):
        changes = {
            kind: tuple(add_destination_warnings(change, warnings) for change in changes[kind])
            for kind in Kind
        }
    secrets = warn_of_lost_names(changes, users, inputs.server)
    changes = {**changes, Kind.SECRET: secrets}
    return UndoPlan(
        record=inputs.record,
        name=inputs.name,
        server=server,
        changes=changes,
        secret_users=users,
        issues=(
            *decided.issues,
            *(issue for kind in Kind for change in changes[kind] for issue in _find_issues(change)),
        ),
    )


def _make_change(row: WrittenRow, decided: DecidedRows) -> UndoChange:
    change = UndoChange(
        kind=row.kind,
        position=row.position,
        uuid=row.uuid,
        name=row.name,
        target_name=row.name,
        result=UndoResult.KEEP,
        conflicts=decided.conflicts[row.key],
        decision=decided.decisions[row.key],
    )
    if row.row is None:
        return change
    change = replace(
        change,
        name=row.row.name,
        target_name=row.row.name,
        pk=row.row.pk,
        before=row.row.digest,
        was_deleted=row.row.is_deleted,
    )
    return change if row.key in decided.kept else _decide_result(change, row, row.row)


def _decide_result(change: UndoChange, row: WrittenRow, present: PresentRow) -> UndoChange:
    """Return the change with its result, KEEP where there is no state before."""
    if row.is_new:
        return replace(change, result=UndoResult.DELETE, after=present.digest, becomes_deleted=True)
    if row.saved is None:
        return change
    return replace(
        change,
        result=UndoResult.RESTORE,
        target_name=row.saved.name,
        save=row.saved.revision,
        after=row.saved.digest,
        becomes_deleted=row.saved.is_deleted,
        fields=row.saved.fields,
    )


def _find_issues(change: UndoChange) -> Iterator[Issue]:
    if change.decision is ConflictResolution.KEEP:
        return
    advice = _MAY_KEEP
    if change.may_restore:
        advice = _MAY_DELETE if change.becomes_deleted else _MAY_DECIDE
    for conflict in change.conflicts:
        if change.decision is None or not conflict.may_restore:
            yield Issue(
                code=conflict.code,
                message=f"{conflict.text} {advice}",
                uuid=change.uuid,
                name=change.name,
            )
