"""A plan: what an import would do, item by item, as inert data.

Deciding it is imports.plans.build's; printing, storing and applying it others'. Applying obeys the
plan and never the mode.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import blake2b

import msgspec

from flows.content.fields import Content, Kind
from flows.destinations.changes import UserChange
from flows.destinations.warnings import DestinationWarning
from imports.errors import Issue
from imports.exportfile.items import Item
from imports.exportfile.warnings import PlanWarning
from imports.plans.matching import MatchMethod, Row


class Mode(StrEnum):
    """What happens to an item that exists on the server already."""

    SKIP = "skip"
    DUPLICATE = "duplicate"
    OVERWRITE = "overwrite"


class Result(StrEnum):
    """What happens to one item. Doing nothing is a result too."""

    CREATE = "CREATE"
    OVERWRITE = "OVERWRITE"
    DUPLICATE = "DUPLICATE"
    SKIP = "SKIP"
    UNCHANGED = "UNCHANGED"

    @property
    def writes(self) -> bool:
        """Whether a row is written."""
        return self in _WRITING

    @property
    def has_known_uuid(self) -> bool:
        """Whether the uuid of the row is known before it is written: that of a copy is drawn."""
        return self is not Result.DUPLICATE


_WRITING = {Result.CREATE, Result.OVERWRITE, Result.DUPLICATE}


class UndoResult(StrEnum):
    """What happens to one item when the run that wrote it is taken back."""

    RESTORE = "RESTORE"
    """The row gets back the state of its save from before that run."""
    DELETE = "DELETE"
    """The row that the run made is soft-deleted."""
    KEEP = "KEEP"
    """The row stays as it is: there is nothing to take back, or somebody decided so."""


WRITING_RESULTS: frozenset[str] = frozenset({*_WRITING, UndoResult.RESTORE, UndoResult.DELETE})
"""The results with which a row is written, by an import or by an undo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field that an overwrite changes, by its key in a file, which is printable and not long.

    `before` and `after` are short printable texts, or None for what is too long or too delicate
    to show (documents, and a connection's values, which may hold a credential).
    """

    key: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What is to be known of a row and its item since the last import that wrote the row."""

    last_import_at: datetime
    is_edited: bool | None = None
    """Whether the row holds something else than that import left in it; None: nobody can say."""
    edited_at: datetime | None = None
    """When it was edited last; None where the row does not say."""
    edited_by: str = ""
    """The name of who edited it last; "" where it is not known."""
    file_updated_at: datetime | None = None
    """When the item was changed last, as the file has it."""
    last_file_updated_at: datetime | None = None
    """When the item of that import was changed last, as its file had it."""

    @property
    def is_older(self) -> bool:
        """Whether the file's item is older than the one that was imported last."""
        own, imported = self.file_updated_at, self.last_file_updated_at
        return own is not None and imported is not None and own < imported


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item with its result."""

    item: Item
    result: Result
    method: MatchMethod
    target_uuid: str
    target_name: str
    row: Row | None = None
    """The row that the item is; else the soft-deleted one with its uuid, which is brought back."""
    content: Content | None = None
    """What is written: column to value, after references were rewritten; None: nothing."""
    before: str | None = None
    """The digest of the row's content that an overwrite was decided on."""
    after: str | None = None
    """The digest of the content that a row which is overwritten, or unchanged, then has."""
    candidates: tuple[Row, ...] = ()
    """The rows that bear the item's name, where the name alone does not say which one it is."""
    fields: tuple[FieldChange, ...] = ()
    own_warnings: tuple[PlanWarning, ...] = ()
    """Those beside the notices."""
    drift: Drift | None = None
    """Of the row that the item is; None where no import left anything in it."""
    notices: tuple[DestinationWarning, ...] = ()
    """Which secrets would be sent elsewhere."""

    @property
    def all_warnings(self) -> tuple[PlanWarning, ...]:
        """What is to be told of the item, the serious ones first."""
        return with_warnings_of(self.notices, self.own_warnings)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The texts of all warnings."""
        return tuple(warning.text for warning in self.all_warnings)

    @property
    def retargets(self) -> bool:
        """Whether a secret with a stored value is sent to another destination by a connection."""
        return any(notice.needs_right for notice in self.notices)

    @property
    def written_row(self) -> Row | None:
        """The existing row that is written, after a named save; None where that is a new one."""
        writes_it = self.result.writes and self.result is not Result.DUPLICATE
        return self.row if writes_it else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every item's change, in the file's order, or the reasons why there can be no import."""

    file_sha256: str
    server: str
    mode: Mode
    override_locks: bool
    changes: Mapping[Kind, tuple[Change, ...]]
    issues: tuple[Issue, ...] = ()
    secret_users: tuple[UserChange, ...] = ()
    """What becomes of how written flows and connections use secrets, where they use any."""

    def __iter__(self) -> Iterator[Change]:
        return (change for kind in Kind for change in self.changes[kind])

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return any(change.result.writes for change in self)

    @property
    def counts(self) -> Counter[Result]:
        """How many items have each result."""
        return Counter(change.result for change in self)


def with_warnings_of(
    notices: Iterable[DestinationWarning], others: Iterable[PlanWarning]
) -> tuple[PlanWarning, ...]:
    """The warnings of new destinations with the others: the serious ones stand before them."""
    told = [
        PlanWarning(
            code=notice.code,
            text=notice.text,
            text_without_hosts=notice.text_without_hosts,
            data=notice.data,
            is_serious=notice.is_serious,
        )
        for notice in notices
    ]
    return (
        *(warning for warning in told if warning.is_serious),
        *others,
        *(warning for warning in told if not warning.is_serious),
    )


def keys_of(notices: Iterable[DestinationWarning]) -> set[tuple[str, ...]]:
    """What tells the serious ones apart: where stored values would be sent."""
    return {new.key for notice in notices if notice.is_serious for new in notice.destinations}


def content_digest(content: Content, columns: Sequence[str]) -> str:
    """A digest of a row's content, to tell later whether the row is still the same.

    It begins with one of the columns: digests over other columns cannot be compared with it.
    """
    # In MessagePack every value has its type and its length, so that no two contents are one text.
    text = msgspec.msgpack.encode([content[column] for column in columns])
    return f"{_columns_digest(tuple(columns))}{blake2b(text, digest_size=16).hexdigest()}"


@cache
def _columns_digest(columns: tuple[str, ...]) -> str:
    text = msgspec.msgpack.encode(columns)
    return blake2b(text, digest_size=_COLUMNS_DIGEST // 2).hexdigest()


def differ(digest: str, other: str) -> bool:
    """Whether two digests are of different content; False where they cannot be compared."""
    return digest != other and are_comparable(digest, other)


def are_comparable(digest: str, other: str) -> bool:
    """Whether two digests are of the same columns. An empty one is no digest."""
    return bool(digest) and digest[:_COLUMNS_DIGEST] == other[:_COLUMNS_DIGEST]


_COLUMNS_DIGEST = 4  # hexadecimal digits
