"""Deciding how each item of a file compares with its row and with its last import. Pure.

The plan of an overwrite has what differs between file and row; the digest of what the last import
wrote shows which of the two has changed since.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from flows.content.fields import Content, Kind, get_columns
from imports.errors import Issue
from imports.plans.drift import LastImport, LastWrite
from imports.plans.plan import Change, Plan, Result, compute_content_digest, differ


class SyncState(StrEnum):
    """How one item compares with the server."""

    IN_SYNC = "in sync"
    """An overwrite with the file would change nothing."""
    CHANGED_HERE = "changed here"
    """The row was edited since its last import, and the file is as that import left the row."""
    CHANGED_IN_FILE = "changed in the file"
    """The row is as its last import left it, and the file differs."""
    BOTH = "both"
    """The row was edited, and the file differs from what the last import wrote."""
    ONLY_HERE = "only here"
    ONLY_IN_FILE = "only in the file"
    DIFFERS = "differs"
    """Row and file differ, and no known import shows which of them changed."""
    AMBIGUOUS = "ambiguous"
    """The name matches more than one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """A row that matches no item of the file."""

    uuid: str
    name: str
    last_write: LastWrite


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStatus:
    """The status of an item of the file, or of a row that the file does not have."""

    kind: Kind
    uuid: str
    name: str
    state: SyncState
    row_uuid: str | None = None
    """The uuid of the matched row; None if there is none, or more than one."""
    row_name: str | None = None
    changed_keys: tuple[str, ...] = ()
    """The keys, as in a file, in which file and row differ; they are printable."""
    last_import_at: datetime | None = None
    last_write: LastWrite | None = None
    """Of a row that was changed here; None if the row does not record its last change."""
    is_older: bool = False
    """Whether the file's item is older than the one that was imported last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """The status of a whole file on a server."""

    server: str
    file_sha256: str
    items: tuple[ItemStatus, ...]
    issues: tuple[Issue, ...] = ()
    """Why an import of the file would be refused."""

    @property
    def is_in_sync(self) -> bool:
        """Return whether nothing differs."""
        return not self.issues and all(item.state is SyncState.IN_SYNC for item in self.items)

    @property
    def counts(self) -> Counter[SyncState]:
        """Return how many items have each state."""
        return Counter(item.state for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusInputs:
    """What a status is made from, beside the plan."""

    last_imports: Mapping[Kind, Mapping[str, LastImport]]
    """By the uuid of a row, for the rows that an overwrite would change."""
    blank_content: Callable[[Kind], Content]
    """Returns the default content of a new row of a kind."""
    read_last_writes: Callable[[Kind, Sequence[int]], Mapping[int, LastWrite]]
    only_here: Mapping[Kind, Sequence[LiveRow]]


def decide_status(plan: Plan, inputs: StatusInputs) -> FileStatus:
    """Return the status of every item, in the file's order, then of the rows only here, by name.

    `plan` is that of an overwrite.
    """
    ambiguous = find_ambiguous_paths(plan)
    items = [
        item
        for kind in Kind
        for statuses in (
            _decide_items(kind, plan, inputs, ambiguous),
            _list_only_here(kind, inputs),
        )
        for item in statuses
    ]
    return FileStatus(
        server=plan.server, file_sha256=plan.file_sha256, items=tuple(items), issues=plan.issues
    )


def find_ambiguous_paths(plan: Plan) -> set[str]:
    """Return the paths of the items whose name matches more than one row."""
    return {issue.path for issue in plan.issues if issue.code == "ambiguous-name"}


def _decide_items(
    kind: Kind, plan: Plan, inputs: StatusInputs, ambiguous: Collection[str]
) -> Iterator[ItemStatus]:
    states = [
        SyncState.AMBIGUOUS if change.item.path in ambiguous else _decide_state(change, inputs)
        for change in plan.changes[kind]
    ]
    # For the other rows, the plan's drift has the last write.
    unknown = [
        change.row.pk
        for change, state in zip(plan.changes[kind], states, strict=True)
        if state is SyncState.DIFFERS and change.row
    ]
    writes = inputs.read_last_writes(kind, unknown) if unknown else {}
    for change, state in zip(plan.changes[kind], states, strict=True):
        yield _make_status(change, state, inputs, writes)


def _decide_state(change: Change, inputs: StatusInputs) -> SyncState:
    if change.result is not Result.OVERWRITE:
        return SyncState.ONLY_IN_FILE if change.result is Result.CREATE else SyncState.IN_SYNC
    before, last = change.before or "", _get_last_import(change, inputs)
    if last is None or not (before == last.digest or differ(before, last.digest)):
        return SyncState.DIFFERS
    if before == last.digest:
        return SyncState.CHANGED_IN_FILE
    is_as_imported = last.digest in _compute_digests_of_file(change, inputs)
    return SyncState.CHANGED_HERE if is_as_imported else SyncState.BOTH


def _get_last_import(change: Change, inputs: StatusInputs) -> LastImport | None:
    last_imports = inputs.last_imports.get(change.item.kind, {})
    return last_imports.get(change.row.uuid) if change.row else None


def _compute_digests_of_file(change: Change, inputs: StatusInputs) -> Iterator[str]:
    """Yield the digests of what an import of the file writes: to the present row, and to a new one.

    They differ in the keys that the file does not have. The last import may have found either; one
    that found other values in those keys is taken for an import of another file.
    """
    kind = change.item.kind
    if change.after:
        yield change.after
    content = {**inputs.blank_content(kind), **(change.content or {})}
    yield compute_content_digest(content, get_columns(kind))


_WITH_ROW = (
    SyncState.IN_SYNC,
    SyncState.CHANGED_HERE,
    SyncState.CHANGED_IN_FILE,
    SyncState.BOTH,
    SyncState.DIFFERS,
)
_EDITED = (SyncState.CHANGED_HERE, SyncState.BOTH)


def _make_status(
    change: Change, state: SyncState, inputs: StatusInputs, writes: Mapping[int, LastWrite]
) -> ItemStatus:
    row = change.row if state in _WITH_ROW else None
    drift, last = change.drift, _get_last_import(change, inputs)
    write = writes.get(row.pk) if row else None
    if drift and drift.edited_at and state in _EDITED:
        write = LastWrite(at=drift.edited_at, by=drift.edited_by)
    return ItemStatus(
        kind=change.item.kind,
        uuid=change.item.uuid,
        name=change.item.name,
        state=state,
        row_uuid=row.uuid if row else None,
        row_name=row.name if row else None,
        changed_keys=tuple(field.key for field in change.fields) if row else (),
        last_import_at=last.at if last and row else None,
        last_write=write,
        is_older=bool(row and drift and drift.is_older),
    )


def _list_only_here(kind: Kind, inputs: StatusInputs) -> Iterator[ItemStatus]:
    for row in sorted(inputs.only_here.get(kind, ()), key=attrgetter("name", "uuid")):
        yield ItemStatus(
            kind=kind,
            uuid=row.uuid,
            name=row.name,
            state=SyncState.ONLY_HERE,
            row_uuid=row.uuid,
            row_name=row.name,
            last_write=row.last_write,
        )
