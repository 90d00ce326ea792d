"""The decision: what is known of the rows that a run wrote, to an UndoPlan. Pure.

A row that stays stays in use: what it uses cannot be deleted below it, and the name that it bears
cannot become another's. So keeping one row can stand against taking back another.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from flows.content.fields import Kind
from imports.errors import Issue
from imports.plans.plan import UndoResult
from imports.undo.plans.conflicts import conflicts_of, name_taken, used_by
from imports.undo.plans.destinations import find_notices, user_changes, with_notices
from imports.undo.plans.facts import Facts, OtherRow, WrittenRow
from imports.undo.plans.lost_names import with_users_of_lost_names
from imports.undo.plans.plan import Conflict, Decision, Decisions, Key, UndoChange, UndoPlan

_MAY_DECIDE = "Decide to keep it as it is, or to restore what was before."
_MAY_DELETE = "Decide to keep it as it is, or to restore what was before: then it is deleted."
_MAY_KEEP = "It can only stay as it is: decide to keep it."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hindrance:
    """What stands against taking a row back, as long as another one stays as it is."""

    row: Key
    stays: OtherRow
    name: str | None = None
    """The name that both would bear; None where the one that stays uses the row."""


def build_undo(
    facts: Facts, *, server: str, default: Decision | None, decisions: Decisions
) -> UndoPlan:
    """What undoing the run would do. The plan's issues are all the reasons why it may not be.

    `default` is decided for every row with a conflict that `decisions` says nothing of.
    """
    rows = {row.key: row for kind in Kind for row in facts.rows[kind]}
    settled, unsettled = _settled_decisions(facts.record, rows, decisions)
    conflicts = {
        key: tuple(conflicts_of(row, facts.record, facts.finished_at)) for key, row in rows.items()
    }
    hindered: dict[Key, list[_Hindrance]] = defaultdict(list)

    def decided(key: Key) -> Decision | None:
        return settled.get(key) or (default if conflicts[key] or key in hindered else None)

    kept = _settled(rows, _hindrances(facts), hindered, decided)
    changes = {
        kind: tuple(
            _change(
                row,
                is_kept=row.key in kept,
                conflicts=(*conflicts[row.key], *_told(row, hindered.get(row.key, ()))),
                decision=decided(row.key),
            )
            for row in facts.rows[kind]
        )
        for kind in Kind
    }
    users = tuple(user_changes((change for kind in Kind for change in changes[kind]), rows))
    if notices := find_notices(changes[Kind.SECRET], users, facts.server):
        changes = {
            kind: tuple(with_notices(change, notices) for change in changes[kind]) for kind in Kind
        }
    secrets = with_users_of_lost_names(changes, users, facts.server)
    changes = {**changes, Kind.SECRET: secrets}
    return UndoPlan(
        record=facts.record,
        name=facts.name,
        server=server,
        changes=changes,
        secret_users=users,
        issues=(
            *unsettled,
            *(issue for kind in Kind for change in changes[kind] for issue in _issues(change)),
        ),
    )


def _settled(
    rows: Mapping[Key, WrittenRow],
    hindrances: Mapping[Key, Sequence[_Hindrance]],
    hindered: dict[Key, list[_Hindrance]],
    decided: Callable[[Key], Decision | None],
) -> set[Key]:
    """The rows that stay as they are; into `hindered` goes what they and others stand against."""
    kept = {key for key, row in rows.items() if row.is_as_before or decided(key) is Decision.KEEP}
    waiting = [key for key in hindrances if key in kept or key not in rows]
    while waiting:
        for hindrance in hindrances.get(waiting.pop(), ()):
            if rows[hindrance.row].is_as_before:
                continue
            hindered[hindrance.row].append(hindrance)
            if hindrance.row not in kept and decided(hindrance.row) is Decision.KEEP:
                kept.add(hindrance.row)
                waiting.append(hindrance.row)
    return kept


def _hindrances(facts: Facts) -> Mapping[Key, Sequence[_Hindrance]]:
    """By each row that may stay, what that would stand against."""
    found: dict[Key, list[_Hindrance]] = defaultdict(list)
    for used, users in facts.users.items():
        for user in users:
            found[user.key].append(_Hindrance(row=used, stays=user))
    for secret in facts.rows[Kind.SECRET]:
        owner = facts.secrets.get(secret.saved.name) if secret.saved else None
        if owner and owner.key != secret.key and not secret.ends_deleted:
            found[owner.key].append(_Hindrance(row=secret.key, stays=owner, name=owner.name))
    return found


def _told(row: WrittenRow, hindrances: Sequence[_Hindrance]) -> Iterator[Conflict]:
    users = [hindrance.stays for hindrance in hindrances if hindrance.name is None]
    if users:
        yield used_by(row, sorted(users, key=attrgetter("kind", "name", "uuid")))
    for hindrance in hindrances:
        if hindrance.name is not None:
            yield name_taken(row, hindrance.name, hindrance.stays)


def _change(
    row: WrittenRow,
    *,
    is_kept: bool,
    conflicts: tuple[Conflict, ...],
    decision: Decision | None,
) -> UndoChange:
    change = UndoChange(
        kind=row.kind,
        position=row.position,
        uuid=row.uuid,
        name=row.name,
        target_name=row.name,
        result=UndoResult.KEEP,
        conflicts=conflicts,
        decision=decision,
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
    if is_kept:
        return change
    if row.is_new:
        return replace(change, result=UndoResult.DELETE, after=row.row.digest, becomes_deleted=True)
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


def _issues(change: UndoChange) -> Iterator[Issue]:
    if change.decision is Decision.KEEP:
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


def _settled_decisions(
    record: int, rows: Mapping[Key, WrittenRow], decisions: Decisions
) -> tuple[Mapping[Key, Decision], Sequence[Issue]]:
    """The decisions by row, and an issue for each that is for no row, or not for one alone."""
    settled: dict[Key, Decision] = {}
    issues: list[Issue] = []
    for (given, uuid), decision in decisions.items():
        found = [(kind, uuid) for kind in Kind if given in (None, kind) and (kind, uuid) in rows]
        if len(found) == 1 and found[0] not in settled:
            settled[found[0]] = decision
        elif not found:
            # A slip, most likely.
            message = f"Run {record} wrote no {given or 'item'} {uuid} to decide on."
            issues.append(Issue(code="unknown-item", message=message, uuid=uuid))
        elif len(found) > 1:
            message = f"Run {record} wrote {uuid} in several kinds. Say which one."
            issues.append(Issue(code="ambiguous-uuid", message=message, uuid=uuid))
        else:
            message = f"The {found[0][0]} {uuid} is decided on twice. Keep one of the two."
            issues.append(Issue(code="duplicate-decision", message=message, uuid=uuid))
    return settled, issues
