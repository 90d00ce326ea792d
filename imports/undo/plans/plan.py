"""The plan of an undo: each row that a run wrote with its result, as inert data.

imports.undo.plans.build makes it; what is applied is the plan alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flows.content.fields import Kind
from flows.destinations.warnings import DestinationWarning
from imports.exportfile.warnings import PlanWarning
from imports.plans.plan import FieldChange, RunPlan, UndoResult, merge_warnings
from imports.undo.plans.names import RunName

Key = tuple[Kind, str]
"""A row by its kind and its uuid, in lower case."""


class ConflictCode(StrEnum):
    """The codes of conflicts."""

    GONE = "gone"
    NO_SAVE = "no-save"
    DELETED_SINCE = "deleted-since"
    RESTORED_SINCE = "restored-since"
    OVERWRITTEN_SINCE = "overwritten-since"
    EDITED_SINCE = "edited-since"
    USED = "used"
    NAME_TAKEN = "name-taken"


class ConflictResolution(StrEnum):
    """The resolution of a conflict."""

    KEEP = "keep"
    """The row stays as it is now."""
    RESTORE = "restore"
    """The row is restored to its state before the run; later changes are lost."""


GivenKey = tuple[Kind | None, str]
"""A row as a person names it: the kind may be None where only one kind has that uuid."""

Decisions = Mapping[GivenKey, ConflictResolution]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict(PlanWarning):
    """A reason not to undo a row, because of a change since the run.

    Once it is resolved, it is shown as a warning.
    """

    may_restore: bool = True
    """Whether it can be resolved by restoring the row; otherwise it can only be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoChange:
    """One row of an undo's plan with its result."""

    kind: Kind
    position: int
    """The position of the item in the run's record."""
    uuid: str
    name: str
    """The row's name now; where the row is gone, the one after the run."""
    target_name: str
    """The row's name after the undo."""
    result: UndoResult
    pk: int | None = None
    """The row's primary key; None where the row is gone."""
    save: int | None = None
    """The revision with the state to restore, if any."""
    before: str | None = None
    """The digest of the content for which the result was decided."""
    was_deleted: bool = False
    after: str | None = None
    """The digest of the content after the undo; None where the row is kept."""
    becomes_deleted: bool = False
    fields: tuple[FieldChange, ...] = ()
    """The fields that a restore changes."""
    conflicts: tuple[Conflict, ...] = ()
    """The conflicts of the row, resolved or not."""
    decision: ConflictResolution | None = None
    own_warnings: tuple[PlanWarning, ...] = ()
    """The warnings about the row as the undo leaves it."""
    destination_warnings: tuple[DestinationWarning, ...] = ()
    """The warnings about new destinations of secrets."""

    @property
    def writes(self) -> bool:
        """Return whether the row is written."""
        return self.result is not UndoResult.KEEP

    @property
    def key(self) -> Key:
        """Return the key of decisions on the row."""
        return self.kind, self.uuid

    @property
    def may_restore(self) -> bool:
        """Return whether all conflicts may be resolved by restoring the row."""
        return all(conflict.may_restore for conflict in self.conflicts)

    @property
    def is_open(self) -> bool:
        """Return whether the row has conflicts that its decision, if any, does not resolve."""
        if self.decision is None:
            return bool(self.conflicts)
        return self.decision is ConflictResolution.RESTORE and not self.may_restore

    @property
    def all_warnings(self) -> tuple[PlanWarning, ...]:
        """Return all warnings of the row with its conflicts, the serious ones first."""
        return merge_warnings(self.destination_warnings, (*self.conflicts, *self.own_warnings))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the texts of all warnings."""
        return tuple(warning.text for warning in self.all_warnings)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan(RunPlan[UndoChange, UndoResult]):
    """The changes of all rows that the run wrote, and the reasons to refuse the undo."""

    record: int
    """The number of the run's record."""
    name: RunName
    """The name of the run."""
