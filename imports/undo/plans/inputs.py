"""The inputs for planning an undo: each row that the run wrote, then and now. Pure."""

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
    """A row as it is now."""

    pk: int
    name: str
    digest: str
    is_deleted: bool
    updated_at: datetime
    updated_by: str
    uses: frozenset[SecretUse] = NO_USES
    """Its uses of secrets; of a deleted row, those from before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBefore:
    """A row before the run, from its named save."""

    revision: int
    name: str
    digest: str
    is_deleted: bool
    fields: tuple[FieldChange, ...] = ()
    """The differences between the row as it is now and this state."""
    uses: frozenset[SecretUse] = NO_USES
    """The row's uses of secrets in this state."""


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
    """The row's name after the run."""
    is_new: bool
    """Whether the run created the row, so that there is no state before."""
    left_deleted: bool
    digest: str
    """The digest of the content after the run; "" where that was not kept."""
    row: PresentRow | None = None
    saved: RowBefore | None = None
    """None for a new row, and where the named save is gone or cannot be read."""
    later: LaterRun | None = None

    @property
    def key(self) -> Key:
        """Return the key of decisions on the row."""
        return self.kind, self.uuid

    @property
    def ends_deleted(self) -> bool:
        """Return whether the row is deleted after the undo."""
        return self.is_new or (self.saved is not None and self.saved.is_deleted)

    @property
    def becomes_deleted(self) -> bool:
        """Return whether the row is live, and the undo would delete it."""
        return self.ends_deleted and self.row is not None and not self.row.is_deleted

    @property
    def is_as_before(self) -> bool:
        """Return whether the row is already as the undo would leave it."""
        if self.is_new:
            return self.row is None or self.row.is_deleted
        if self.row is None or self.saved is None:
            return False
        same_content = self.row.digest == self.saved.digest
        return same_content and self.row.is_deleted == self.saved.is_deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRow:
    """A live row that uses a row of the run or has a name in question."""

    kind: Kind
    uuid: str
    name: str

    @property
    def key(self) -> Key:
        """Return the row's key, as of a WrittenRow."""
        return self.kind, self.uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoInputs:
    """The data of the server and the run from which an undo is planned."""

    record: int
    name: RunName
    """The name of the run."""
    finished_at: datetime
    rows: Mapping[Kind, Sequence[WrittenRow]]
    server: Server
    """The server's secrets and their destinations."""
    users: Mapping[Key, Sequence[OtherRow]] = field(default_factory=dict)
    """The live rows that began to use rows after the run, by each row the undo would delete."""
    secrets: Mapping[str, OtherRow] = field(default_factory=dict)
    """The live secrets that have the previous name of a restored one, by that name."""
