"""The status of a file as JSON, and as a table for people."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.representation import time_text
from imports.drift import LastWrite
from imports.errors import printable
from imports.status import FileStatus, ItemStatus, State

_STYLES = {
    State.IN_SYNC: "dim",
    State.CHANGED_HERE: "yellow",
    State.CHANGED_IN_FILE: "green",
    State.BOTH: "red",
    State.ONLY_HERE: "yellow",
    State.ONLY_IN_FILE: "green",
    State.DIFFERS: "red",
    State.AMBIGUOUS: "red",
}
_WIDE, _NARROW = 130, 75  # columns of a terminal
_UUID_LENGTH = 36


def status_data(status: FileStatus, *, without: Collection[State] = ()) -> dict[str, Any]:
    """One plain dict. Items of the states in `without` are counted and not listed."""
    return {
        "server": status.server,
        "fileSha256": status.file_sha256,
        "isInSync": status.is_in_sync,
        "counts": {state.value: status.counts[state] for state in State},
        "items": [_item(item) for item in status.items if item.state not in without],
        "issues": [issue.as_dict() for issue in status.issues],
    }


def _item(item: ItemStatus) -> dict[str, Any]:
    write = item.last_write
    return {
        "kind": item.kind.value,
        "uuid": item.uuid,
        "name": item.name,
        "state": item.state.value,
        "targetUuid": item.row_uuid,
        "targetName": item.row_name,
        "changedKeys": list(item.changed_keys),
        "lastImportAt": _time(item.last_import_at),
        "lastWrittenAt": _time(write.at if write else None),
        "lastWrittenBy": (write.by or None) if write else None,
        "isOlder": item.is_older,
    }


def _time(at: datetime | None) -> str | None:
    return time_text(at) if at else None


def status_table(
    status: FileStatus, *, without: Collection[State] = (), width: int | None = None
) -> Table:
    """A line for each item; items of the states in `without` are left out.

    On a terminal of little width, the uuid stands below the name: nothing is cut anywhere.
    """
    is_narrow = width is not None and width < _WIDE
    room_for_uuid = _UUID_LENGTH if is_narrow and width and width >= _NARROW else None
    table = Table(box=None, pad_edge=False)
    for heading in ("STATE", "ITEM", "WHAT") if is_narrow else ("STATE", "ITEM", "UUID", "WHAT"):
        least = room_for_uuid if heading == "ITEM" else None
        table.add_column(heading, no_wrap=heading == "STATE", overflow="fold", min_width=least)
    for item in status.items:
        if item.state not in without:
            named = f"{item.kind} {printable(item.name) or '(no name)'}"
            who = (f"{named}\n{item.uuid}",) if is_narrow else (named, item.uuid)
            cells = (item.state, *who, _told(item))
            table.add_row(*(Text(cell, style=_STYLES[item.state]) for cell in cells))
    return table


def summary(status: FileStatus) -> str:
    """The counts in one line, such as `3 in sync, 1 changed here.`."""
    counts = status.counts
    told = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    return f"{told or 'Nothing to compare'}."


def _told(item: ItemStatus) -> str:
    return "; ".join(_parts(item))


def _parts(item: ItemStatus) -> Iterator[str]:
    if item.row_uuid not in (None, item.uuid):
        yield f"here {item.row_uuid}"
    if item.changed_keys:
        yield ", ".join(item.changed_keys)
    if write := item.last_write:
        yield _written(write, is_edit=item.last_import_at is not None)
    if item.is_older:
        yield "older than what was imported last"


def _written(write: LastWrite, *, is_edit: bool) -> str:
    on = f"on {write.at:%Y-%m-%d %H:%M} UTC"
    if is_edit:
        return f"edited by {printable(write.by)} {on}" if write.by else f"edited {on}"
    # A row that an import made has the file's time, which is not when its writer wrote it.
    return f"changed {on}, written by {printable(write.by)}" if write.by else f"changed {on}"
