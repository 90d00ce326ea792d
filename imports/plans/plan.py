"""The plan of an import: each item with its result, as inert data.

imports.plans.build makes it; others print, store and apply it. What is applied is the plan, never
the mode.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from flows.content.documents import Document
from flows.content.fields import STORED_ONCE, Content, Kind, Value
from flows.destinations.changes import UserChange
from flows.destinations.warnings import DestinationWarning
from imports.errors import Issue
from imports.exportfile.items import FileItem
from imports.exportfile.warnings import PlanWarning
from imports.plans.matching import MatchMethod, Row


class Mode(StrEnum):
    """What happens to an item that already exists on the server."""

    SKIP = "skip"
    DUPLICATE = "duplicate"
    OVERWRITE = "overwrite"


class Result(StrEnum):
    """What happens to one item or row; SKIP, UNCHANGED and AMBIGUOUS write nothing."""

    CREATE = "CREATE"
    OVERWRITE = "OVERWRITE"
    DUPLICATE = "DUPLICATE"
    SKIP = "SKIP"
    UNCHANGED = "UNCHANGED"
    AMBIGUOUS = "AMBIGUOUS"
    """Nobody decided yet which row the item is: such a plan is refused."""
    PRUNE = "PRUNE"
    """The row is soft-deleted: the file, a whole directory, does not name it any more."""

    @property
    def writes(self) -> bool:
        """Return whether a row is written."""
        return self in _WRITING

    @property
    def has_known_uuid(self) -> bool:
        """Return whether the row's uuid is known before it is written; a copy's is random."""
        return self is not Result.DUPLICATE


_WRITING = {Result.CREATE, Result.OVERWRITE, Result.DUPLICATE, Result.PRUNE}

PRUNE_LIMIT = 10
"""How many rows one import may prune, unless it is told otherwise."""


class UndoResult(StrEnum):
    """What an undo does with one item of a run."""

    RESTORE = "RESTORE"
    """The row is restored to its named save from before the run."""
    DELETE = "DELETE"
    """The row that the run created is soft-deleted."""
    KEEP = "KEEP"
    """The row stays as it is: there is nothing to undo, or a decision says so."""


WRITING_RESULTS: frozenset[str] = frozenset({*_WRITING, UndoResult.RESTORE, UndoResult.DELETE})
"""The results that write a row, of imports and undos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field that an overwrite changes, by its key in a file, printable and of limited length.

    `before` and `after` are short printable texts, or None for values that are too long to show or
    may contain a credential (documents, and a connection's values).
    """

    key: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The drift of a row and its item since the last import that wrote the row."""

    last_import_at: datetime
    is_edited: bool | None = None
    """Whether the row differs from what that import left; None where that cannot be decided."""
    edited_at: datetime | None = None
    """When it was last edited; None where that is not known."""
    edited_by: str = ""
    """The name of the user who last edited it; "" where it is not known."""
    file_updated_at: datetime | None = None
    """When the item was last changed, according to the file."""
    last_file_updated_at: datetime | None = None
    """When the item of that import was last changed, according to its file."""

    @property
    def is_older(self) -> bool:
        """Return whether the item is older than the one that was last imported."""
        own, imported = self.file_updated_at, self.last_file_updated_at
        return own is not None and imported is not None and own < imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item of a plan with its result; or a row that is pruned, which is no item of the file."""

    item: FileItem
    """For a row that is pruned, imports.plans.pruning.PrunedItem."""
    result: Result
    method: MatchMethod
    target_uuid: str
    target_name: str
    row: Row | None = None
    """The row that the item matches, or the soft-deleted one with its uuid, which is restored."""
    content: Content | None = None
    """The columns to write, after references were rewritten; None where nothing is written."""
    before: str | None = None
    """The digest of the row's content for which an overwrite was decided."""
    after: str | None = None
    """The digest of an overwritten or unchanged row's content after the import."""
    candidates: tuple[Row, ...] = ()
    """The rows with the item's name, where the name is ambiguous or was until a decision."""
    fields: tuple[FieldChange, ...] = ()
    own_warnings: tuple[PlanWarning, ...] = ()
    """The warnings other than `destination_warnings`."""
    drift: Drift | None = None
    """The drift of the matched row; None where it has no last import."""
    destination_warnings: tuple[DestinationWarning, ...] = ()
    """The warnings about new destinations of secrets."""

    @property
    def writes(self) -> bool:
        """Return whether a row is written."""
        return self.result.writes

    @property
    def is_left_out(self) -> bool:
        """Return whether the import is planned as if the file did not have the item."""
        return self.result is Result.SKIP and self.method is MatchMethod.UNMATCHED

    @property
    def all_warnings(self) -> tuple[PlanWarning, ...]:
        """Return all warnings of the item, the serious ones first."""
        return merge_warnings(self.destination_warnings, self.own_warnings)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the texts of all warnings."""
        return tuple(warning.text for warning in self.all_warnings)

    @property
    def retargets(self) -> bool:
        """Return whether a connection sends a stored secret value to another destination."""
        return any(warning.needs_right for warning in self.destination_warnings)

    @property
    def written_row(self) -> Row | None:
        """Return the existing row that is written, after a named save; None for a new row."""
        writes_it = self.result.writes and self.result is not Result.DUPLICATE
        return self.row if writes_it else None


class _AnyChange(Protocol):
    @property
    def result(self) -> Any: ...

    @property
    def writes(self) -> bool: ...


C = TypeVar("C", bound=_AnyChange)
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan(Generic[C, R]):
    """The changes that a run would make, and the reasons to refuse it."""

    server: str
    changes: Mapping[Kind, tuple[C, ...]]
    issues: tuple[Issue, ...] = ()
    secret_users: tuple[UserChange, ...] = ()
    """How written flows and connections use secrets before and after, where they use any."""

    def __iter__(self) -> Iterator[C]:
        return (change for kind in Kind for change in self.changes[kind])

    @property
    def writes(self) -> bool:
        """Return whether any row is written."""
        return any(change.writes for change in self)

    @property
    def counts(self) -> Counter[R]:
        """Return the number of items by result."""
        return Counter(change.result for change in self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(RunPlan[Change, Result]):
    """The changes of all items in the file's order, and the reasons to refuse the import."""

    file_sha256: str
    mode: Mode
    override_locks: bool
    prune: bool = False
    """Whether the rows that left the directory are pruned."""
    prune_limit: int = PRUNE_LIMIT
    prunable: int | None = None
    """How many rows left the directory: with `prune` these are pruned. None for other files."""
    imported_elsewhere: int = 0
    """With `prune`, how many rows stay that the directory lacks and another import brought last."""


def merge_warnings(
    destination_warnings: Iterable[DestinationWarning], others: Iterable[PlanWarning]
) -> tuple[PlanWarning, ...]:
    """Return the warnings about destinations, which are serious, and then the others."""
    return (
        *(
            PlanWarning(
                code=warning.code,
                text=warning.text,
                text_without_hosts=warning.text_without_hosts,
                data=warning.data,
                is_serious=True,
            )
            for warning in destination_warnings
        ),
        *others,
    )


def get_destination_keys(warnings: Iterable[DestinationWarning]) -> set[tuple[str, ...]]:
    """Return the destinations of the warnings, as keys that can be compared."""
    return {new.key for warning in warnings for new in warning.destinations}


def compute_content_digest(content: Content, columns: Sequence[str]) -> str:
    """Return a digest of a row's content, to detect later changes.

    It begins with a digest of the columns: digests of other columns are not comparable.
    """
    # In MessagePack every value has its type and length, so that different contents never have the
    # same encoding.
    of_columns, stored = _look_at_columns(tuple(columns))
    values = [content[column] for column in columns]
    for place in stored:
        values[place] = _get_digest(values[place])
    text = msgspec.msgpack.encode(values)
    return f"{of_columns}{blake2b(text, digest_size=16).hexdigest()}"


def _get_digest(value: Value) -> Value:
    """Return the digest of a document that is stored once, which is not read."""
    if isinstance(value, str):
        value = Document(value)
    return value.digest if isinstance(value, Document) else value


@cache
def _look_at_columns(columns: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    """Return the digest of the columns, and the places of those that are stored once."""
    stored = (place for place, column in enumerate(columns) if column in STORED_ONCE)
    return _compute_columns_digest(columns), tuple(stored)


def _compute_columns_digest(columns: tuple[str, ...]) -> str:
    # Digests of before documents were stored once are of other columns.
    text = msgspec.msgpack.encode(
        [f"{column}, by digest" if column in STORED_ONCE else column for column in columns]
    )
    return blake2b(text, digest_size=_COLUMNS_DIGEST // 2).hexdigest()


def differ(digest: str, other: str) -> bool:
    """Return whether two digests are of different content; False where they are not comparable."""
    return digest != other and are_comparable(digest, other)


def are_comparable(digest: str, other: str) -> bool:
    """Return whether two digests are of the same columns; False for an empty one."""
    return bool(digest) and digest[:_COLUMNS_DIGEST] == other[:_COLUMNS_DIGEST]


_COLUMNS_DIGEST = 4  # hexadecimal digits
