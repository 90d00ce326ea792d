"""The parts of a plan that are confirmed and compared with a later plan. Pure.

Every form of plan has a snapshot: a plan made now, a page, a file, the plan of an undo. A part that
a form does not have is None, and is not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from flows.content.fields import Kind
from imports.errors import Issue
from imports.plans.decisions import NO_DECISIONS, Decisions, ItemAction, ItemDecision
from imports.plans.drift import LastWrite
from imports.plans.matching import Row
from imports.plans.plan import Change, Plan, Result, UndoResult, get_destination_keys
from imports.plans.pruning import PRUNE

ItemKey = tuple[Kind, str]
"""An item or a row, by its kind and its uuid."""

Contents = Mapping[tuple[Kind, int], str]
"""The digests of rows' contents, by kind and primary key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSnapshot:
    """A row of the server."""

    uuid: str
    name: str
    is_deleted: bool
    content: str | None = None
    """The digest of its content; None where it is not known."""
    last_write: LastWrite | None = None
    """When and by whom it was last written, if that was after the plan to compare with was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSnapshot:
    """An item with its result; in an undo, a row that the run wrote."""

    kind: Kind
    uuid: str
    path: str = ""
    """The item's path in the file, or that of a row that is pruned; "" in an undo."""
    name: str
    result: Result | UndoResult
    row: RowSnapshot | None = None
    """The row that the item matches, or the soft-deleted one that it restores."""
    candidates: tuple[RowSnapshot, ...] = ()
    """The rows that the item may match."""
    target_name: str
    decision: ItemDecision | None = None
    changed_keys: tuple[str, ...] | None = None
    retargets: bool = False
    destinations: tuple[tuple[str, ...], ...] | None = None
    """The new destinations of stored secrets; None where they were not kept."""
    details: tuple[Any, ...] = ()
    """Other values that a confirmation includes."""

    @property
    def key(self) -> ItemKey:
        """Return the key of decisions on the item."""
        return self.kind, self.uuid

    @property
    def chosen_row(self) -> str | None:
        """Return the uuid of the row chosen for the item."""
        return self.decision.target_uuid if self.decision else None

    @property
    def action(self) -> ItemAction | None:
        """Return what is done with the item in place of matching it."""
        return self.decision.action if self.decision else None

    @property
    def is_left_out(self) -> bool:
        """Return whether the plan was made as if the file did not have the item."""
        return self.result is Result.SKIP and self.row is None

    @property
    def is_pruned(self) -> bool:
        """Return whether it is a row that is pruned, and no item of the file."""
        return self.result is Result.PRUNE

    @property
    def rows(self) -> tuple[RowSnapshot, ...]:
        """Return every row that the plan has for the item."""
        return (self.row, *self.candidates) if self.row else self.candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSnapshot:
    """The parts of a whole plan."""

    origin: tuple[Any, ...] = ()
    """What the plan is made for: a file or a run, a server, and the options."""
    items: tuple[ItemSnapshot, ...]
    issues: tuple[Issue, ...] = ()
    rows: Mapping[ItemKey, RowSnapshot] = field(default_factory=dict)
    """The rows of an earlier plan as they are now; missing ones are gone."""


def make_snapshot(
    plan: Plan, decisions: Decisions = NO_DECISIONS, contents: Contents | None = None
) -> PlanSnapshot:
    """Return the snapshot of a plan that is made now; `decisions` are those it was made with.

    `contents` has the digests of rows; the default are those for which the plan was decided.
    """
    if contents is None:
        contents = get_decided_contents(plan)
    return PlanSnapshot(
        origin=(
            *(plan.file_sha256, plan.server, plan.mode, plan.override_locks),
            *((PRUNE, plan.prune_limit) if plan.prune else ()),
        ),
        items=tuple(_make_item_snapshot(change, decisions, contents) for change in plan),
        issues=plan.issues,
    )


def get_decided_contents(plan: Plan) -> dict[tuple[Kind, int], str]:
    """Return the digests of the contents for which the plan was decided."""
    return {
        (change.item.kind, change.row.pk): digest
        for change in plan
        if change.row and (digest := change.before or change.after)
    }


def make_row_snapshot(kind: Kind, row: Row, contents: Contents) -> RowSnapshot:
    """Return the snapshot of a row, with its digest if `contents` has it."""
    return RowSnapshot(
        uuid=row.uuid,
        name=row.name,
        is_deleted=row.is_deleted,
        content=contents.get((kind, row.pk)),
    )


def make_confirmation_token(snapshot: PlanSnapshot) -> str:
    """Return a text that is equal for two plans that do the same to the same rows.

    The uuids of new copies are left out: each plan draws new ones.
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


# The effect of these results depends on the row's content.
_OF_A_CONTENT = {Result.OVERWRITE, Result.PRUNE, *UndoResult}


def _make_item_snapshot(change: Change, decisions: Decisions, contents: Contents) -> ItemSnapshot:
    item = change.item
    return ItemSnapshot(
        kind=item.kind,
        uuid=item.uuid,
        path=item.path,
        name=item.name,
        result=change.result,
        row=make_row_snapshot(item.kind, change.row, contents) if change.row else None,
        candidates=tuple(make_row_snapshot(item.kind, row, contents) for row in change.candidates),
        target_name=change.target_name,
        decision=decisions.get((item.kind, item.uuid)),
        changed_keys=tuple(each.key for each in change.fields),
        retargets=change.retargets,
        destinations=tuple(sorted(get_destination_keys(change.destination_warnings))),
    )
