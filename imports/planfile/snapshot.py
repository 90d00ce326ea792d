"""A plan as somebody saw it: what is confirmed, and what a later plan is compared with. Pure.

Every kind of plan has a snapshot: one that is made now, one of a page, one of a file, that of an
undo. A part that one of them does not know is None there, and is not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from flows.content.fields import Kind
from imports.errors import Issue
from imports.plans.decisions import NO_DECISIONS, Decision, Decisions
from imports.plans.drift import LastWrite
from imports.plans.matching import Row
from imports.plans.plan import Change, Plan, Result, UndoResult, keys_of

ItemKey = tuple[Kind, str]
"""An item, or a row, by its kind and its uuid."""

Contents = Mapping[tuple[Kind, int], str]
"""By kind and primary key, what stands for the content of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSnapshot:
    """A row of the server."""

    uuid: str
    name: str
    is_deleted: bool
    content: str | None = None
    """What stands for its content."""
    last_write: LastWrite | None = None
    """Who wrote it last, and when, where that was since the plan that it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSnapshot:
    """An item with what would happen to it; of an undo, a row that the run wrote."""

    kind: Kind
    uuid: str
    path: str = ""
    """Where it stands in the file; "" in an undo."""
    name: str
    result: Result | UndoResult
    row: RowSnapshot | None = None
    """The row that it is, or the deleted one that it brings back."""
    candidates: tuple[RowSnapshot, ...] = ()
    """The rows that it may be."""
    target_name: str
    decision: Decision | None = None
    changed_keys: tuple[str, ...] | None = None
    retargets: bool = False
    destinations: tuple[tuple[str, ...], ...] | None = None
    """Where stored secrets would be sent that are not sent there now."""
    details: tuple[Any, ...] = ()
    """What else a confirmation of it is for."""

    @property
    def key(self) -> ItemKey:
        """What a decision on it is known by."""
        return self.kind, self.uuid

    @property
    def chosen_row(self) -> str | None:
        """The uuid of the row that somebody chose for it."""
        return self.decision.target_uuid if self.decision else None

    @property
    def rows(self) -> tuple[RowSnapshot, ...]:
        """Every row that the plan names for it."""
        return (self.row, *self.candidates) if self.row else self.candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSnapshot:
    """A whole plan."""

    origin: tuple[Any, ...] = ()
    """What the plan is for: a file or a run, a server, and the options."""
    items: tuple[ItemSnapshot, ...]
    issues: tuple[Issue, ...] = ()
    rows: Mapping[ItemKey, RowSnapshot] = field(default_factory=dict)
    """The rows of an earlier plan as they are now, by which it is told which are gone."""


def snapshot_of(
    plan: Plan, decisions: Decisions = NO_DECISIONS, contents: Contents | None = None
) -> PlanSnapshot:
    """The snapshot of a plan that is made now. `decisions` are those that it was made with.

    `contents` has the contents of rows; without it, they are those that the plan was decided on.
    """
    if contents is None:
        contents = decided_contents(plan)
    return PlanSnapshot(
        origin=(plan.file_sha256, plan.server, plan.mode, plan.override_locks),
        items=tuple(_item(change, decisions, contents) for change in plan),
        issues=plan.issues,
    )


def decided_contents(plan: Plan) -> dict[tuple[Kind, int], str]:
    """The digests of the contents that the plan was decided on."""
    return {
        (change.item.kind, change.row.pk): digest
        for change in plan
        if change.row and (digest := change.before or change.after)
    }


def row_snapshot(kind: Kind, row: Row, contents: Contents) -> RowSnapshot:
    """The snapshot of a row; `contents` may have its content."""
    return RowSnapshot(
        uuid=row.uuid,
        name=row.name,
        is_deleted=row.is_deleted,
        content=contents.get((kind, row.pk)),
    )


def confirmation_token(snapshot: PlanSnapshot) -> str:
    """Equal for two plans that would do the same to the same rows: what a person says yes to.

    The uuids of new copies are not in it: they are drawn anew for each plan.
    """
    items = [
        (
            item.kind,
            item.uuid,
            item.result,
            item.row.uuid if item.row else None,
            item.row.name if item.row else None,
            item.target_name,
            item.row.content if item.row and item.result in _OF_A_CONTENT else None,
            sorted(item.destinations or ()),
            *item.details,
        )
        for item in snapshot.items
    ]
    return sha256(msgspec.json.encode((snapshot.origin, items))).hexdigest()


# What becomes of these depends on what the row holds.
_OF_A_CONTENT = {Result.OVERWRITE, *UndoResult}


def _item(change: Change, decisions: Decisions, contents: Contents) -> ItemSnapshot:
    item = change.item
    return ItemSnapshot(
        kind=item.kind,
        uuid=item.uuid,
        path=item.path,
        name=item.name,
        result=change.result,
        row=row_snapshot(item.kind, change.row, contents) if change.row else None,
        candidates=tuple(row_snapshot(item.kind, row, contents) for row in change.candidates),
        target_name=change.target_name,
        decision=decisions.get((item.kind, item.uuid)),
        changed_keys=tuple(each.key for each in change.fields),
        retargets=change.retargets,
        destinations=tuple(sorted(keys_of(change.notices))),
    )
