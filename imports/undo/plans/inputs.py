"""What deciding on an undo has to know: of each row that the run wrote, then and now. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flows.content.fields import Kind
from flows.destinations.changes import Server
from flows.destinations.destinations import NO_USES, SecretUse
from imports.plans.plan import FieldChange
from imports.undo.plans.names import RunName
from imports.undo.plans.plan import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentRow:
    """The row as it is now."""

    pk: int
    name: str
    digest: str
    is_deleted: bool
    updated_at: datetime
    updated_by: str
    uses: frozenset[SecretUse] = NO_USES
    """What it does with secrets, or did before it was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRow:
    """The row before the run, as its named save has it."""

    revision: int
    name: str
    digest: str
    is_deleted: bool
    fields: tuple[FieldChange, ...] = ()
    """What differs between the row as it is now and this state."""
    uses: frozenset[SecretUse] = NO_USES
    """What the row then did with secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterRun:
    """The last run after this one that wrote the row."""

    record: int
    is_undo: bool
    user_name: str
    at: datetime
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRow:
    """A row that the run wrote."""

    kind: Kind
    position: int
    uuid: str
    name: str
    """The name that the run left."""
    is_new: bool
    """Whether the run made the row, so that there is no state before."""
    left_deleted: bool
    digest: str
    """Of the content that the run left; empty where that was not kept."""
    row: PresentRow | None = None
    saved: SavedRow | None = None
    """None of a new row, and where the save is gone or cannot be read."""
    later: LaterRun | None = None

    @property
    def key(self) -> Key:
        """What decisions name the row by."""
        return self.kind, self.uuid

    @property
    def ends_deleted(self) -> bool:
        """Whether the undo makes the row a deleted one."""
        return self.is_new or (self.saved is not None and self.saved.is_deleted)

    @property
    def is_as_before(self) -> bool:
        """Whether the row is already what the undo would make of it."""
        if self.is_new:
            return self.row is None or self.row.is_deleted
        if self.row is None or self.saved is None:
            return False
        same_content = self.row.digest == self.saved.digest
        return same_content and self.row.is_deleted == self.saved.is_deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRow:
    """A live row of the server that uses another one, or bears a name."""

    kind: Kind
    uuid: str
    name: str

    @property
    def key(self) -> Key:
        """As that of a row that the run wrote."""
        return self.kind, self.uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoInputs:
    """What deciding has to know of the server."""

    record: int
    name: RunName
    """What the run is called."""
    finished_at: datetime
    rows: Mapping[Kind, Sequence[WrittenRow]]
    server: Server
    """Which secrets there are, and where they are sent."""
    users: Mapping[Key, Sequence[OtherRow]] = field(default_factory=dict)
    """By each live row that the undo would delete: the live rows that came to use it since."""
    secrets: Mapping[str, OtherRow] = field(default_factory=dict)
    """The live secrets that bear a name which a restored one had, by that name."""
