"""Find drift: rows edited since their last import, and items older than that import's.

An edited row is recognised by the digest of its content after the import. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flows.content.fields import Content, Kind, get_columns
from flows.content.representation import format_time
from flows.texts import make_printable
from imports.exportfile.warnings import PlanWarning, WarningCode
from imports.plans.plan import Change, Drift, Result, are_comparable, compute_content_digest

ReadContents = Callable[[Kind, Sequence[int]], Iterable[tuple[int, Content]]]
"""Yields primary key and content of the rows of a kind with these primary keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastImport:
    """The last import that wrote a row, or found it unchanged."""

    at: datetime
    digest: str
    """The digest of the row's content then: see imports.plans.plan.compute_content_digest."""
    file_updated_at: datetime | None = None
    """When the item was last changed, according to that import's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWrite:
    """When and by whom a row was last written."""

    at: datetime
    by: str
    """The user's name; "" where it is not known."""


ReadLastWrites = Callable[[Kind, Sequence[int]], Mapping[int, LastWrite]]
"""By the primary keys of rows of a kind."""


def mark_drift(
    kind: Kind,
    changes: Sequence[Change],
    last_imports: Mapping[str, LastImport],
    read_last_writes: ReadLastWrites,
    read_contents: ReadContents,
) -> tuple[Change, ...]:
    """Return the changes with the drift of rows that have a last import, and its warnings.

    `last_imports` is by the uuid of a row. Of rows without a digest, only those are read that were
    written after their last import.
    """
    lasts = {
        change.row.pk: last
        for change in changes
        # A soft-deleted row that a CREATE restores counts as absent.
        if change.row
        and change.result is not Result.CREATE
        and (last := last_imports.get(change.row.uuid))
    }
    digests = {
        change.row.pk: digest
        for change in changes
        if change.row and change.row.pk in lasts and (digest := change.before or change.after)
    }
    asked = [pk for pk, last in lasts.items() if digests.get(pk) != last.digest]
    writes = read_last_writes(kind, asked)
    unread = [
        pk for pk in asked if pk in writes and pk not in digests and writes[pk].at > lasts[pk].at
    ]
    for pk, content in read_contents(kind, unread):
        digests[pk] = compute_content_digest(content, get_columns(kind))
    return tuple(
        _mark_change(change, last, digests.get(change.row.pk), writes.get(change.row.pk))
        if change.row and (last := lasts.get(change.row.pk))
        else change
        for change in changes
    )


def _mark_change(
    change: Change, last: LastImport, digest: str | None, write: LastWrite | None
) -> Change:
    is_edited = _is_edited(last, digest, write)
    drift = Drift(
        last_import_at=last.at,
        is_edited=is_edited,
        file_updated_at=change.item.updated_at,
        last_file_updated_at=last.file_updated_at,
    )
    # An earlier write is the import's own; then it is not known when and by whom the row was
    # edited.
    if is_edited and write and write.at > last.at:
        drift = replace(drift, edited_at=write.at, edited_by=write.by)
    # A row with the content of the file loses nothing, even if it was edited.
    warnings = () if change.result is Result.UNCHANGED else _make_warnings(drift)
    return replace(change, drift=drift, own_warnings=(*change.own_warnings, *warnings))


def _is_edited(last: LastImport, digest: str | None, write: LastWrite | None) -> bool | None:
    if digest is not None and are_comparable(digest, last.digest):
        return digest != last.digest
    return False if write and write.at <= last.at else None


def _make_warnings(drift: Drift) -> Iterator[PlanWarning]:
    if drift.is_edited:
        by = f" by {make_printable(drift.edited_by)}" if drift.edited_by else ""
        on = f"{by} on {drift.edited_at:%Y-%m-%d %H:%M} UTC," if drift.edited_at else ""
        since = f"since its last import on {drift.last_import_at:%Y-%m-%d %H:%M} UTC"
        yield PlanWarning(
            code=WarningCode.EDITED_HERE,
            text=f"edited on this server{on} {since}",
            data={
                "at": format_time(drift.edited_at) if drift.edited_at else None,
                "by": drift.edited_by or None,
                "lastImportAt": format_time(drift.last_import_at),
            },
        )
    if drift.file_updated_at and drift.last_file_updated_at and drift.is_older:
        yield PlanWarning(
            code=WarningCode.OLDER_FILE,
            text="older than what was imported last: this file's is of "
            f"{drift.file_updated_at:%Y-%m-%d %H:%M:%S} UTC, the last import brought one of "
            f"{drift.last_file_updated_at:%Y-%m-%d %H:%M:%S} UTC",
            data={
                "fileUpdatedAt": format_time(drift.file_updated_at),
                "lastUpdatedAt": format_time(drift.last_file_updated_at),
            },
        )
