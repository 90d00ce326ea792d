"""The plan of an undo: what would happen to each row that a run wrote, as inert data.

Deciding it is imports.undo.plans.build's. Doing it obeys the plan alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flows.content.fields import Kind
from flows.destinations.changes import UserChange
from flows.destinations.warnings import DestinationWarning
from imports.errors import Issue
from imports.exportfile.warnings import PlanWarning
from imports.plans.plan import FieldChange, UndoResult, with_warnings_of
from imports.undo.plans.names import RunName

Key = tuple[Kind, str]
"""A row by its kind and its uuid, in lower case."""


class ConflictCode(StrEnum):
    """What can stand against taking a row back."""

    GONE = "gone"
    NO_SAVE = "no-save"
    DELETED_SINCE = "deleted-since"
    RESTORED_SINCE = "restored-since"
    OVERWRITTEN_SINCE = "overwritten-since"
    EDITED_SINCE = "edited-since"
    USED = "used"
    NAME_TAKEN = "name-taken"


class Decision(StrEnum):
    """What somebody decided for a row that stands against the undo."""

    KEEP = "keep"
    """The row stays as it is now."""
    RESTORE = "restore"
    """The row becomes what it was before the run, whatever was done to it since."""


GivenKey = tuple[Kind | None, str]
"""As somebody names a row: the kind may be left out where the run wrote that uuid in one alone."""

Decisions = Mapping[GivenKey, Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict(PlanWarning):
    """Why a row cannot simply be taken back: what happened to it since the run.

    Once somebody decided on it, it is a warning like others.
    """

    may_restore: bool = True
    """Whether it may be taken back all the same; else it can only be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoChange:
    """A row that the run wrote, with its result."""

    kind: Kind
    position: int
    """Of the item in the run's record."""
    uuid: str
    name: str
    """The row's name now; of a row that is gone, the one that the run left."""
    target_name: str
    """The row's name after the undo."""
    result: UndoResult
    pk: int | None = None
    """Of the row; None where that is gone."""
    save: int | None = None
    """The revision that has the state before, where that is restored."""
    before: str | None = None
    """The digest of the content that this was decided on."""
    was_deleted: bool = False
    after: str | None = None
    """The digest of the content that the row has after the undo; None where it is kept."""
    becomes_deleted: bool = False
    fields: tuple[FieldChange, ...] = ()
    """What a restore changes."""
    conflicts: tuple[Conflict, ...] = ()
    """What was done to the row since, whether or not somebody decided on it."""
    decision: Decision | None = None
    own_warnings: tuple[PlanWarning, ...] = ()
    """What is to be known of the row as the undo leaves it."""
    notices: tuple[DestinationWarning, ...] = ()
    """Which secrets would be sent elsewhere."""

    @property
    def writes(self) -> bool:
        """Whether the row is written."""
        return self.result is not UndoResult.KEEP

    @property
    def key(self) -> Key:
        """What decisions name the row by."""
        return self.kind, self.uuid

    @property
    def may_restore(self) -> bool:
        """Whether somebody may decide to take the row back."""
        return all(conflict.may_restore for conflict in self.conflicts)

    @property
    def all_warnings(self) -> tuple[PlanWarning, ...]:
        """What is to be told of the row, beside its result; the serious ones first."""
        return with_warnings_of(self.notices, (*self.conflicts, *self.own_warnings))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The texts of all warnings."""
        return tuple(warning.text for warning in self.all_warnings)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """What becomes of every row that the run wrote, or the reasons why it cannot be undone."""

    record: int
    """The number of the run's record."""
    name: RunName
    """What the run is called."""
    server: str
    changes: Mapping[Kind, tuple[UndoChange, ...]]
    issues: tuple[Issue, ...] = ()
    secret_users: tuple[UserChange, ...] = ()
    """What becomes of how written flows and connections use secrets, where they use any."""

    def __iter__(self) -> Iterator[UndoChange]:
        return (change for kind in Kind for change in self.changes[kind])

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return any(change.writes for change in self)

    @property
    def counts(self) -> Counter[UndoResult]:
        """How many rows have each result."""
        return Counter(change.result for change in self)
