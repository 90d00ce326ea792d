"""Decide which rows an undo keeps: by resolutions and by their consequences. Pure.

A row that is kept keeps its uses and its name: what it uses cannot be deleted, and its name cannot
be given to another row. So keeping one row can prevent undoing another.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from flows.content.fields import Kind
from imports.errors import Issue
from imports.undo.plans.conflicts import (
    find_conflicts,
    make_name_taken_conflict,
    make_used_by_conflict,
)
from imports.undo.plans.inputs import OtherRow, UndoInputs, WrittenRow
from imports.undo.plans.plan import Conflict, ConflictResolution, Decisions, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedRows:
    """The resolutions and conflicts of the rows that the run wrote, by their keys."""

    kept: frozenset[Key]
    conflicts: Mapping[Key, tuple[Conflict, ...]]
    decisions: Mapping[Key, ConflictResolution | None]
    issues: tuple[Issue, ...]
    """The problems of the decisions that were given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hindrance:
    """What prevents undoing a row as long as another row stays as it is."""

    row: Key
    other_row: OtherRow
    name: str | None = None
    """The name that both would have; None where the other row uses the row."""


def decide_rows(
    inputs: UndoInputs, default: ConflictResolution | None, decisions: Decisions
) -> DecidedRows:
    """Return the rows to keep; `default` is for conflicts that `decisions` do not resolve."""
    rows = {row.key: row for kind in Kind for row in inputs.rows[kind]}
    matched, issues = _match_decisions(inputs.record, rows, decisions)
    own = {
        key: tuple(find_conflicts(row, inputs.record, inputs.finished_at))
        for key, row in rows.items()
    }
    hindered: dict[Key, list[_Hindrance]] = defaultdict(list)

    def find_decision(key: Key) -> ConflictResolution | None:
        return matched.get(key) or (default if own[key] or key in hindered else None)

    kept = _find_kept(rows, _find_hindrances(inputs), hindered, find_decision)
    return DecidedRows(
        kept=frozenset(kept),
        conflicts={
            key: (*own[key], *_find_conflicts(row, hindered.get(key, ())))
            for key, row in rows.items()
        },
        decisions={key: find_decision(key) for key in rows},
        issues=tuple(issues),
    )


def _find_kept(
    rows: Mapping[Key, WrittenRow],
    hindrances: Mapping[Key, Sequence[_Hindrance]],
    hindered: dict[Key, list[_Hindrance]],
    find_decision: Callable[[Key], ConflictResolution | None],
) -> set[Key]:
    """Return the rows that stay as they are; add what prevents undoing others to `hindered`."""
    kept = {
        key
        for key, row in rows.items()
        if row.is_as_before or find_decision(key) is ConflictResolution.KEEP
    }
    waiting = [key for key in hindrances if key in kept or key not in rows]
    while waiting:
        for hindrance in hindrances.get(waiting.pop(), ()):
            if rows[hindrance.row].is_as_before:
                continue
            hindered[hindrance.row].append(hindrance)
            if (
                hindrance.row not in kept
                and find_decision(hindrance.row) is ConflictResolution.KEEP
            ):
                kept.add(hindrance.row)
                waiting.append(hindrance.row)
    return kept


def _find_hindrances(inputs: UndoInputs) -> Mapping[Key, Sequence[_Hindrance]]:
    """Return what a row would prevent by staying as it is, by the key of that row."""
    found: dict[Key, list[_Hindrance]] = defaultdict(list)
    for used, users in inputs.users.items():
        for user in users:
            found[user.key].append(_Hindrance(row=used, other_row=user))
    for secret in inputs.rows[Kind.SECRET]:
        owner = inputs.secrets.get(secret.saved.name) if secret.saved else None
        if owner and owner.key != secret.key and not secret.ends_deleted:
            found[owner.key].append(_Hindrance(row=secret.key, other_row=owner, name=owner.name))
    return found


def _find_conflicts(row: WrittenRow, hindrances: Sequence[_Hindrance]) -> Iterator[Conflict]:
    users = [hindrance.other_row for hindrance in hindrances if hindrance.name is None]
    if users:
        yield make_used_by_conflict(row, sorted(users, key=attrgetter("kind", "name", "uuid")))
    for hindrance in hindrances:
        if hindrance.name is not None:
            yield make_name_taken_conflict(row, hindrance.name, hindrance.other_row)


def _match_decisions(
    record: int, rows: Mapping[Key, WrittenRow], decisions: Decisions
) -> tuple[Mapping[Key, ConflictResolution], Sequence[Issue]]:
    """Return the decisions by row, and an issue for each that does not refer to exactly one row."""
    matched: dict[Key, ConflictResolution] = {}
    issues: list[Issue] = []
    for (given, uuid), decision in decisions.items():
        found = [(kind, uuid) for kind in Kind if given in (None, kind) and (kind, uuid) in rows]
        if len(found) == 1 and found[0] not in matched:
            matched[found[0]] = decision
        elif not found:
            # Most likely a mistake.
            message = f"Run {record} wrote no {given or 'item'} {uuid} to decide on."
            issues.append(Issue(code="unknown-item", message=message, uuid=uuid))
        elif len(found) > 1:
            message = f"Run {record} wrote {uuid} in several kinds. Say which one."
            issues.append(Issue(code="ambiguous-uuid", message=message, uuid=uuid))
        else:
            message = f"The {found[0][0]} {uuid} is decided on twice. Keep one of the two."
            issues.append(Issue(code="duplicate-decision", message=message, uuid=uuid))
    return matched, issues
