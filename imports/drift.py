"""Drift: rows that were edited on this server since an import last wrote them, and items of a file
that are older than what that import brought. Told in the plan.

What an import leaves in a row is known by its digest. Pure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flows.content import Kind
from imports.errors import printable
from imports.plan import Change, Drift, Result, differ


@dataclass(frozen=True, slots=True, kw_only=True)
class LastImport:
    """The last import that wrote a row, or found it unchanged."""

    at: datetime
    digest: str
    """Of the row's content then: see imports.plan.content_digest."""
    file_updated_at: datetime | None = None
    """When its file's item was changed last, as that file had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWrite:
    """When a row was written last, and by whom."""

    at: datetime
    by: str
    """The name; "" where it is not known."""


ReadLastWrites = Callable[[Kind, Sequence[int]], Mapping[int, LastWrite]]
"""By the primary keys of rows of a kind."""


def marked_with_drift(
    kind: Kind,
    changes: Sequence[Change],
    last_imports: Mapping[str, LastImport],
    read_last_writes: ReadLastWrites,
) -> tuple[Change, ...]:
    """The changes, each that was held against its row with the drift that there is.

    An overwrite is warned of it as well. `last_imports` has, by the uuid of a row, what an import
    left in it. Who edited is asked for the edited rows only.
    """
    drifts = [_drift(change, last_imports) for change in changes]
    edited = [
        change.row.pk
        for change, drift in zip(changes, drifts, strict=True)
        if change.row and drift and drift.is_edited
    ]
    writes = read_last_writes(kind, edited) if edited else {}
    return tuple(
        _marked(change, drift, writes) if drift else change
        for change, drift in zip(changes, drifts, strict=True)
    )


def _drift(change: Change, last_imports: Mapping[str, LastImport]) -> Drift | None:
    if change.row is None or change.result not in _COMPARED:
        return None
    last = last_imports.get(change.row.uuid)
    digest = change.before or change.after
    if last is None or digest is None:
        return None
    own, imported = change.item.updated_at, last.file_updated_at
    drift = Drift(
        last_import_at=last.at,
        is_edited=differ(digest, last.digest),
        file_updated_at=own,
        last_file_updated_at=imported,
    )
    return drift if drift.is_edited or drift.is_older else None


# Their rows were read, and are what the plan is about: whatever else is planned leaves the row.
_COMPARED = (Result.OVERWRITE, Result.UNCHANGED)


def _marked(change: Change, drift: Drift, writes: Mapping[int, LastWrite]) -> Change:
    write = writes.get(change.row.pk) if change.row and drift.is_edited else None
    # What is not younger than the import is the import's own: the row does not say who edited.
    if write and write.at > drift.last_import_at:
        drift = replace(drift, edited_at=write.at, edited_by=write.by)
    warnings = _warnings(drift) if change.result is Result.OVERWRITE else ()
    return replace(change, drift=drift, warnings=(*change.warnings, *warnings))


def _warnings(drift: Drift) -> Iterator[str]:
    if drift.is_edited:
        by = f" by {printable(drift.edited_by)}" if drift.edited_by else ""
        on = f"{by} on {drift.edited_at:%Y-%m-%d %H:%M} UTC," if drift.edited_at else ""
        since = f"since its last import on {drift.last_import_at:%Y-%m-%d %H:%M} UTC"
        yield f"edited on this server{on} {since}"
    if drift.is_older:
        yield (
            "older than what was imported last: this file's is of "
            f"{drift.file_updated_at:%Y-%m-%d %H:%M:%S} UTC, the last import brought one of "
            f"{drift.last_file_updated_at:%Y-%m-%d %H:%M:%S} UTC"
        )
