"""The form of a plan's file, which imports.planfile.file writes and reads. Pure."""

from datetime import datetime
from typing import Annotated

import msgspec

from flows.content.field_values import FieldProblem, read_time
from flows.content.fields import Kind
from imports.errors import Issue
from imports.planfile.decisions import DecisionValue, read_decision
from imports.planfile.snapshot import ItemSnapshot, PlanSnapshot, RowSnapshot
from imports.plans.decisions import Decisions, ItemDecision
from imports.plans.matching import CANDIDATES_KEPT, MatchMethod
from imports.plans.plan import PRUNE_LIMIT, Mode, Result

# A file may have been written by anybody: values that are looked up or shown must have the form in
# which they were written. Not "$", which would allow a line break after it.
_Uuid = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The settings common to all parts of the file."""


class SavedFile(_Shape, frozen=True, kw_only=True):
    """The export for which the plan was made."""

    name: str
    size: int
    sha256: _Sha256


class SavedServer(_Shape, frozen=True, kw_only=True):
    """The server for which the plan was made."""

    name: str
    identity: str
    """The identity of its database: see imports.database.identity."""


class SavedPlanRow(_Shape, frozen=True, kw_only=True):
    """A row of the server when the plan was made."""

    uuid: _Uuid
    name: str
    is_deleted: bool
    content_hash: str


class SavedDrift(_Shape, frozen=True, kw_only=True):
    """The drift of a row and its item: see imports.plans.plan.Drift."""

    last_import_at: str
    is_edited: bool | None
    edited_at: str | None
    edited_by: str | None
    is_older: bool


class SavedIssue(_Shape, frozen=True, kw_only=True):
    """A reason why the plan cannot be applied: see imports.errors.Issue."""

    code: str
    path: str
    uuid: str | None
    name: str | None
    message: str


class SavedAcknowledgement(_Shape, frozen=True, kw_only=True):
    """A code that was acknowledged when the plan was made, for these of its warnings."""

    code: str
    by: str
    warnings: tuple[str, ...]
    """The signed keys of the warnings: see imports.plans.acknowledgement.RedWarning."""


class SavedItem(_Shape, frozen=True, kw_only=True):
    """One item of the plan with its result; or a row that is pruned."""

    path: str
    kind: Kind
    uuid: _Uuid
    """In lower case, as in decisions."""
    name: str
    decision: DecisionValue
    """The decision now: the only value that may be edited."""
    planned_decision: DecisionValue
    """The decision when the plan was made."""
    result: Result
    match_method: MatchMethod
    target_uuid: str | None
    """None for a copy, whose uuid is random."""
    target_name: str
    row: SavedPlanRow | None
    """The row that the item matches, or the soft-deleted one that it restores."""
    candidates: Annotated[tuple[SavedPlanRow, ...], msgspec.Meta(max_length=CANDIDATES_KEPT)]
    """The rows to choose from; of very many items of one name, only the first have them."""
    drift: SavedDrift | None
    """None where the item's row has no last import."""
    changed_keys: tuple[str, ...]
    retargets: bool
    warnings: tuple[str, ...]

    @property
    def key(self) -> tuple[Kind, str]:
        """Return the key of decisions on the item."""
        return self.kind, self.uuid

    @property
    def decided(self) -> ItemDecision | None:
        """Return the decision. Raise FieldProblem where it is invalid."""
        return _read_decided(self.decision)

    @property
    def is_edited(self) -> bool:
        """Return whether the decision was edited since the plan was made."""
        return self.decided != _read_decided(self.planned_decision)

    @property
    def is_left_out(self) -> bool:
        """Return whether the plan was made as if the file did not have the item."""
        return self.result is Result.SKIP and self.row is None

    @property
    def chosen_row(self) -> str | None:
        """Return the uuid of the row chosen for the item."""
        return _get_row_uuid(self.decided)

    @property
    def rows(self) -> tuple[SavedPlanRow, ...]:
        """Return every row that the plan has for the item."""
        return (self.row, *self.candidates) if self.row else self.candidates


class SavedPlan(_Shape, frozen=True, kw_only=True, omit_defaults=True):
    """A whole plan. What has its default is not in the file, as in those of earlier releases."""

    format: str
    version: int
    checksum: str
    """Over everything but the decisions."""
    created_at: str
    created_by: str
    file: SavedFile
    server: SavedServer
    mode: Mode
    override_locks: bool
    counts: dict[str, int]
    issues: tuple[SavedIssue, ...]
    items: tuple[SavedItem, ...]
    accepted: tuple[SavedAcknowledgement, ...] = ()
    prune: bool = False
    prune_limit: int = PRUNE_LIMIT

    @property
    def made_at(self) -> datetime | None:
        """Return when the plan was made; None where the file has no valid time."""
        try:
            return read_time(self.created_at)
        except FieldProblem:
            return None

    @property
    def decisions(self) -> Decisions:
        """Return the decisions on single items as they are now."""
        read = ((item.key, item.decided) for item in self.items)
        return {key: decision for key, decision in read if decision}


def make_saved_plan_snapshot(plan: SavedPlan) -> PlanSnapshot:
    """Return the snapshot of the plan as it was made, without later edits of decisions."""
    return PlanSnapshot(
        items=tuple(
            ItemSnapshot(
                kind=item.kind,
                uuid=item.uuid,
                path=item.path,
                name=item.name,
                result=item.result,
                row=_make_row_snapshot(item.row) if item.row else None,
                candidates=tuple(map(_make_row_snapshot, item.candidates)),
                target_name=item.target_name,
                decision=_read_decided(item.planned_decision),
                changed_keys=item.changed_keys,
                retargets=item.retargets,
            )
            for item in plan.items
        ),
        issues=tuple(Issue(**msgspec.structs.asdict(issue)) for issue in plan.issues),
    )


def _make_row_snapshot(row: SavedPlanRow) -> RowSnapshot:
    return RowSnapshot(
        uuid=row.uuid, name=row.name, is_deleted=row.is_deleted, content=row.content_hash
    )


def _read_decided(value: DecisionValue) -> ItemDecision | None:
    return None if value is None else read_decision(value)


def _get_row_uuid(decision: ItemDecision | None) -> str | None:
    return decision.target_uuid if decision else None
