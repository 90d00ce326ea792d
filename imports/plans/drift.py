"""Drift: rows that were edited on this server since an import last wrote them, and items of a file
that are older than what that import brought. Told in the plan.

What an import leaves in a row is known by its digest. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flows.content.fields import Content, Kind, columns
from flows.content.representation import time_text
from imports.errors import printable
from imports.exportfile.warnings import PlanWarning, WarningCode
from imports.plans.plan import Change, Drift, Result, are_comparable, content_digest

ReadContents = Callable[[Kind, Sequence[int]], Iterable[tuple[int, Content]]]
"""The contents of rows of a kind, by their primary keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastImport:
    """The last import that wrote a row, or found it unchanged."""

    at: datetime
    digest: str
    """Of the row's content then: see imports.plans.plan.content_digest."""
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
    read_contents: ReadContents,
) -> tuple[Change, ...]:
    """The changes, each whose row an import left something in with its drift, and warned of it.

    `last_imports` has, by the uuid of a row, what an import left in it. Of rows that nothing is
    known of, those alone are read whole that were written after their last import.
    """
    lasts = {
        change.row.pk: last
        for change in changes
        # What a created item brings back was deleted, and counts as absent.
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
        digests[pk] = content_digest(content, columns(kind))
    return tuple(
        _marked(change, last, digests.get(change.row.pk), writes.get(change.row.pk))
        if change.row and (last := lasts.get(change.row.pk))
        else change
        for change in changes
    )


def _marked(
    change: Change, last: LastImport, digest: str | None, write: LastWrite | None
) -> Change:
    is_edited = _is_edited(last, digest, write)
    drift = Drift(
        last_import_at=last.at,
        is_edited=is_edited,
        file_updated_at=change.item.updated_at,
        last_file_updated_at=last.file_updated_at,
    )
    # What is not younger than the import is the import's own: the row does not say who edited.
    if is_edited and write and write.at > last.at:
        drift = replace(drift, edited_at=write.at, edited_by=write.by)
    # A row that holds what the file brings is not lost, whatever was done to it.
    warnings = () if change.result is Result.UNCHANGED else _warnings(drift)
    return replace(change, drift=drift, own_warnings=(*change.own_warnings, *warnings))


def _is_edited(last: LastImport, digest: str | None, write: LastWrite | None) -> bool | None:
    if digest is not None and are_comparable(digest, last.digest):
        return digest != last.digest
    return False if write and write.at <= last.at else None


def _warnings(drift: Drift) -> Iterator[PlanWarning]:
    if drift.is_edited:
        by = f" by {printable(drift.edited_by)}" if drift.edited_by else ""
        on = f"{by} on {drift.edited_at:%Y-%m-%d %H:%M} UTC," if drift.edited_at else ""
        since = f"since its last import on {drift.last_import_at:%Y-%m-%d %H:%M} UTC"
        yield PlanWarning(
            code=WarningCode.EDITED_HERE,
            text=f"edited on this server{on} {since}",
            data={
                "at": time_text(drift.edited_at) if drift.edited_at else None,
                "by": drift.edited_by or None,
                "lastImportAt": time_text(drift.last_import_at),
            },
        )
    if drift.file_updated_at and drift.last_file_updated_at and drift.is_older:
        yield PlanWarning(
            code=WarningCode.OLDER_FILE,
            text="older than what was imported last: this file's is of "
            f"{drift.file_updated_at:%Y-%m-%d %H:%M:%S} UTC, the last import brought one of "
            f"{drift.last_file_updated_at:%Y-%m-%d %H:%M:%S} UTC",
            data={
                "fileUpdatedAt": time_text(drift.file_updated_at),
                "lastUpdatedAt": time_text(drift.last_file_updated_at),
            },
        )
