"""Find the conflicts of an undo: later changes of a row that it would lose. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from flows.content.representation import format_time
from flows.texts import make_printable, quote
from imports.exportfile.warnings import make_users_data
from imports.plans.plan import are_comparable, differ
from imports.undo.plans.inputs import LaterRun, OtherRow, PresentRow, WrittenRow
from imports.undo.plans.plan import Conflict, ConflictCode

_USERS_SHOWN = 3


def find_conflicts(written: WrittenRow, record: int, finished_at: datetime) -> Iterator[Conflict]:
    """Yield the conflicts of a single row. `finished_at` is when the run of that record ended."""
    if written.is_as_before:
        return
    the_row = f"The {written.kind} {quote(written.name)}"
    if written.row is None:
        yield Conflict(
            code=ConflictCode.GONE,
            text=f"{the_row} is not on this server any more: it was purged.",
            data=_make_data(written),
            may_restore=False,
        )
        return
    if not written.is_new and written.saved is None:
        yield Conflict(
            code=ConflictCode.NO_SAVE,
            text=f"{the_row} has no readable named save any more from before run {record}.",
            data={**_make_data(written), "record": record},
            may_restore=False,
        )
    yield from _find_deletions(the_row, written, written.row)
    yield from _find_writes(the_row, written, written.row, finished_at)


def _find_deletions(the_row: str, written: WrittenRow, row: PresentRow) -> Iterator[Conflict]:
    last, data = _describe_last_write(row), {**_make_data(written), **_make_last_write_data(row)}
    if row.is_deleted and not written.left_deleted:
        text = f"{the_row} was deleted since{last}."
        yield Conflict(code=ConflictCode.DELETED_SINCE, text=text, data=data)
    if written.left_deleted and not row.is_deleted:
        text = f"{the_row} was brought back since{last}."
        yield Conflict(code=ConflictCode.RESTORED_SINCE, text=text, data=data)


def _find_writes(
    the_row: str, written: WrittenRow, row: PresentRow, finished_at: datetime
) -> Iterator[Conflict]:
    is_changed = _is_changed(written, row, finished_at)
    later = written.later
    # A later import may write the same content again and still be in effect. An undo that writes it
    # puts this run back into effect.
    if later and _is_left_by(later, row) and (is_changed or not later.is_undo):
        yield Conflict(
            code=ConflictCode.OVERWRITTEN_SINCE,
            text=f"{the_row} was written again by {_describe_run(later)}.",
            data={**_make_data(written), **_make_run_data(later)},
        )
    elif is_changed:
        yield Conflict(
            code=ConflictCode.EDITED_SINCE,
            text=f"{the_row} was edited since{_describe_last_write(row)}.",
            data={**_make_data(written), **_make_last_write_data(row)},
        )


def make_used_by_conflict(written: WrittenRow, users: Sequence[OtherRow]) -> Conflict:
    """Return the conflict of a row that would be deleted and that others use."""
    shown = users[:_USERS_SHOWN]
    names = ", ".join(f"the {user.kind} {quote(user.name)}" for user in shown)
    more = len(users) - len(shown)
    return Conflict(
        code=ConflictCode.USED,
        text=f"The {written.kind} {quote(written.name)} is used by {names}"
        f"{f' and {more} more' if more else ''}, which would refer to nothing.",
        data={
            **_make_data(written),
            **make_users_data(((user.kind, user.uuid, user.name) for user in shown), more=more),
        },
        described_kinds=frozenset(user.kind for user in users),
    )


def make_name_taken_conflict(written: WrittenRow, name: str, owner: OtherRow) -> Conflict:
    """Return the conflict of a secret whose previous name another live secret has now."""
    return Conflict(
        code=ConflictCode.NAME_TAKEN,
        text=f"The secret {quote(written.name)} cannot be named {quote(name)} again: "
        f"that is the name of the secret {owner.uuid} now.",
        data={
            **_make_data(written),
            "to": name,
            "others": [{"kind": owner.kind.value, "uuid": owner.uuid}],
        },
        may_restore=False,
    )


def _is_changed(written: WrittenRow, row: PresentRow, finished_at: datetime) -> bool:
    """Return whether the content differs from what the run left.

    Where the digests are not comparable, because the record is older than digests or than a column
    of content, any write after the run counts. An undo restores a row's time of writing, too.
    """
    if are_comparable(written.digest, row.digest):
        return written.digest != row.digest
    later = written.later
    return row.updated_at > finished_at or (later is not None and not later.is_undo)


def _is_left_by(later: LaterRun, row: PresentRow) -> bool:
    return not differ(later.digest, row.digest)


def _describe_last_write(row: PresentRow) -> str:
    by = f" by {make_printable(row.updated_by)}" if row.updated_by else ""
    return f", last{by} on {_format_time(row.updated_at)}"


def _make_data(written: WrittenRow) -> dict[str, Any]:
    return {"kind": written.kind.value, "name": written.name}


def _make_last_write_data(row: PresentRow) -> dict[str, Any]:
    return {"at": format_time(row.updated_at), "by": row.updated_by or None}


def _make_run_data(later: LaterRun) -> dict[str, Any]:
    return {
        "record": later.record,
        "isUndo": later.is_undo,
        "at": format_time(later.at),
        "by": later.user_name,
    }


def _describe_run(later: LaterRun) -> str:
    run = "the undo" if later.is_undo else "the import"
    return f"{run} {later.record} of {make_printable(later.user_name)} on {_format_time(later.at)}"


def _format_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
