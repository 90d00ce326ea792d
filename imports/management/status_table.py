"""The status of a file as JSON, and as lines of text."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.content.representation import format_time
from flows.texts import make_printable
from imports.management.text_columns import format_columns
from imports.plans.drift import LastWrite
from imports.status.decide import FileStatus, ItemStatus, SyncState

_STYLES = {
    SyncState.IN_SYNC: "dim",
    SyncState.CHANGED_HERE: "yellow",
    SyncState.CHANGED_IN_FILE: "green",
    SyncState.BOTH: "red",
    SyncState.ONLY_HERE: "yellow",
    SyncState.ONLY_IN_FILE: "green",
    SyncState.DIFFERS: "red",
    SyncState.AMBIGUOUS: "red",
}
_WIDE, _NARROW = 130, 75  # columns of a terminal
_UUID_LENGTH = 36
_ITEM_WIDTH = 44


def make_status_data(status: FileStatus, *, without: Collection[SyncState] = ()) -> dict[str, Any]:
    """Return the status as a dict. Items of the states in `without` are counted but not listed."""
    return {
        "server": status.server,
        "fileSha256": status.file_sha256,
        "isInSync": status.is_in_sync,
        "counts": {state.value: status.counts[state] for state in SyncState},
        "items": [_make_item(item) for item in status.items if item.state not in without],
        "issues": [issue.as_dict() for issue in status.issues],
    }


def _make_item(item: ItemStatus) -> dict[str, Any]:
    write = item.last_write
    return {
        "kind": item.kind.value,
        "uuid": item.uuid,
        "name": item.name,
        "state": item.state.value,
        "targetUuid": item.row_uuid,
        "targetName": item.row_name,
        "changedKeys": list(item.changed_keys),
        "lastImportAt": _format_time(item.last_import_at),
        "lastWrittenAt": _format_time(write.at if write else None),
        "lastWrittenBy": (write.by or None) if write else None,
        "isOlder": item.is_older,
    }


def _format_time(at: datetime | None) -> str | None:
    return format_time(at) if at else None


def format_status(
    status: FileStatus, *, without: Collection[SyncState] = (), width: int | None = None
) -> RenderableType | None:
    """Return a line for each item, except for those of the states in `without`; None for no items.

    No column is wider than most items need. On a terminal of `width` columns, longer text is
    wrapped, and on a narrow one the uuid is below the name; without a width, longer text shifts the
    rest of its own line. Nothing is cut.
    """
    items = [item for item in status.items if item.state not in without]
    if not items:
        return None
    return Group(*_format_lines(items)) if width is None else _make_table(items, width)


def _format_lines(items: Sequence[ItemStatus]) -> Iterator[Text]:
    return format_columns(
        ("STATE", "ITEM", "UUID", "WHAT"),
        [
            (
                (item.state, _format_item(item), item.uuid, _format_remarks(item)),
                _STYLES[item.state],
            )
            for item in items
        ],
    )


def _make_table(items: Sequence[ItemStatus], width: int) -> Table:
    is_narrow = width < _WIDE
    has_room = width >= _NARROW
    table = Table(box=None, pad_edge=False)
    for heading in ("STATE", "ITEM", "WHAT") if is_narrow else ("STATE", "ITEM", "UUID", "WHAT"):
        is_item = heading == "ITEM"
        table.add_column(
            heading,
            no_wrap=heading == "STATE",
            overflow="fold",
            min_width=_UUID_LENGTH if is_item and is_narrow and has_room else None,
            max_width=_ITEM_WIDTH if is_item else None,
        )
    for item in items:
        item_text = _format_item(item)
        who = (f"{item_text}\n{item.uuid}",) if is_narrow else (item_text, item.uuid)
        cells = (item.state, *who, _format_remarks(item))
        table.add_row(*(Text(cell, style=_STYLES[item.state]) for cell in cells))
    return table


def _format_item(item: ItemStatus) -> str:
    return f"{item.kind} {make_printable(item.name) or '(no name)'}"


def format_summary(status: FileStatus) -> str:
    """Return the counts in one line, such as `3 in sync, 1 changed here.`."""
    counts = status.counts
    counts_text = ", ".join(f"{counts[state]} {state}" for state in SyncState if counts[state])
    return f"{counts_text or 'Nothing to compare'}."


def _format_remarks(item: ItemStatus) -> str:
    return "; ".join(_list_remarks(item))


def _list_remarks(item: ItemStatus) -> Iterator[str]:
    if item.row_uuid not in (None, item.uuid):
        yield f"here {item.row_uuid}"
    if item.changed_keys:
        yield ", ".join(item.changed_keys)
    if write := item.last_write:
        yield _format_write(write, is_edit=item.last_import_at is not None)
    if item.is_older:
        yield "older than what was imported last"


def _format_write(write: LastWrite, *, is_edit: bool) -> str:
    on = f"on {write.at:%Y-%m-%d %H:%M} UTC"
    if is_edit:
        return f"edited by {make_printable(write.by)} {on}" if write.by else f"edited {on}"
    # A row that an import created has the file's time of change, not the time it was written here.
    return (
        f"changed {on}; written here by {make_printable(write.by)}" if write.by else f"changed {on}"
    )
