"""What is different between a plan that was saved and the one that would be made now. Pure.

Rows must be those that the plan was made for, and hold what they held; items must come to the same,
unless somebody decided since that something else comes of them.
"""

from collections.abc import Iterator, Mapping

from flows.content.fields import Kind
from imports.errors import Issue, printable, quoted
from imports.planfile.shape import (
    SavedFile,
    SavedIssue,
    SavedItem,
    SavedPlan,
    SavedRow,
    SavedServer,
)
from imports.plans.drift import LastWrite

Rows = Mapping[tuple[Kind, str], SavedRow]
"""By kind and uuid, rows as they are now."""

LastWrites = Mapping[tuple[Kind, str], LastWrite]
"""By kind and uuid, who wrote rows last."""


def origin_changes(saved: SavedPlan, *, file: SavedFile, server: SavedServer) -> list[Issue]:
    """An issue where the plan was made for another file or another server."""
    issues = []
    if (saved.file.sha256, saved.file.size) != (file.sha256, file.size):
        issues.append(
            Issue(
                code="other-file",
                message=f"The plan is for another file: {quoted(saved.file.name)} of "
                f"{saved.file.size:,} bytes, SHA-256 {saved.file.sha256}. This one has "
                f"{file.size:,} bytes, SHA-256 {file.sha256}.",
            )
        )
    if saved.server.name != server.name:
        issues.append(
            Issue(
                code="other-server",
                message=f"The plan is for the server {quoted(saved.server.name)}, not for "
                f"{quoted(server.name)}.",
            )
        )
    elif saved.server.identity != server.identity:
        issues.append(
            Issue(
                code="other-database",
                message=f"The plan is for another database: the server {quoted(server.name)} has "
                "a new one, or another server bears its name.",
            )
        )
    return issues


def edited_rows(saved: SavedPlan, rows: Rows) -> set[tuple[Kind, str]]:
    """Those of the rows that hold something else than they did when the plan was made."""
    return {
        (item.kind, was.uuid)
        for item in saved.items
        for was in item.rows
        if (now := rows.get((item.kind, was.uuid))) and now.content_hash != was.content_hash
    }


def row_changes(
    saved: SavedPlan, now: SavedPlan, rows: Rows, last_writes: LastWrites
) -> list[Issue]:
    """An issue for each row that is not what it was, or was not there, in the file's order.

    `now` is the plan as it would be made now, with the saved plan's decisions; `rows` has each row
    of the saved plan that is still there, `last_writes` who wrote one since and when, where known.
    """
    if [item.key for item in saved.items] != [item.key for item in now.items]:
        return [Issue(code="other-items", message="The plan's items are not those of the file.")]
    planned = {item.key: item for item in now.items}
    told = {(item.kind, row.uuid) for item in saved.items for row in item.rows}
    unseen = set(told)
    issues: list[Issue] = []
    for item in saved.items:
        for row in item.rows:
            if (item.kind, row.uuid) in unseen:
                unseen.remove((item.kind, row.uuid))
                key = item.kind, row.uuid
                issues += _changes_of_row(item, row, rows.get(key), last_writes.get(key))
        for row in planned[item.key].rows:
            if (item.kind, row.uuid) not in told:
                told.add((item.kind, row.uuid))
                issues.append(_new_row(item, row))
    return issues


def other_results(saved: SavedPlan, now: SavedPlan) -> list[Issue]:
    """An issue for each item of which something else would come, though its rows are the same.

    `now` is a plan that nothing stands against.
    """
    planned = {item.key: item for item in now.items}
    undecided = {issue.path for issue in saved.issues}
    is_edited = any(item.is_edited for item in saved.items)
    if undecided and not is_edited:  # so that the server has decided, and nobody who looked at it
        return [_solved(issue) for issue in saved.issues]
    return [
        issue
        for item in saved.items
        if item.path not in undecided  # what could not be applied has no result to hold to
        for issue in _other_plan(item, planned[item.key], is_edited=is_edited)
    ]


def _solved(issue: SavedIssue) -> Issue:
    return Issue(
        code="other-result",
        path=issue.path,
        uuid=issue.uuid,
        name=issue.name,
        message=f"{issue.path} could not be done when the plan was made, and could be done now.",
    )


def _changes_of_row(
    item: SavedItem, was: SavedRow, now: SavedRow | None, write: LastWrite | None
) -> Iterator[Issue]:
    row = f"The {item.kind} {quoted(was.name)} ({was.uuid})"
    if now is None:
        yield _issue(item, "row-gone", f"{row} is not there any more.")
    elif now.is_deleted and not was.is_deleted:
        yield _issue(item, "row-deleted", f"{row} was deleted since.")
    elif was.is_deleted and not now.is_deleted:
        yield _issue(item, "row-restored", f"{row} was deleted, and is there again.")
    elif was.name != now.name:
        yield _issue(item, "row-renamed", f"{row} is named {quoted(now.name)} now.")
    elif was.content_hash != now.content_hash:
        yield _issue(item, "row-edited", f"{row} was edited since{_told_write(write)}.")


def _told_write(write: LastWrite | None) -> str:
    if write is None:
        return ""
    by = f" by {printable(write.by)}" if write.by else ""
    return f", last{by} on {write.at:%Y-%m-%d %H:%M} UTC"


def _new_row(item: SavedItem, row: SavedRow) -> Issue:
    return _issue(
        item,
        "row-appeared",
        f"The {item.kind} {quoted(row.name)} ({row.uuid}) is on the server now, and was not when "
        "the plan was made.",
    )


def _other_plan(was: SavedItem, now: SavedItem, *, is_edited: bool) -> Iterator[Issue]:
    """What would come of the item otherwise than it was planned."""
    if _uuid_of(was.row) != _uuid_of(now.row) and not was.chose_row:
        told = f"{_named(was)} would be {_told(now.row)}, not {_told(was.row)}."
        yield _issue(was, "other-row", told)
    elif not _is_decided_anew(was, now) and (difference := _difference(was, now)):
        advice = (
            " It may follow from what was decided of other items: plan again with these decisions."
            if is_edited
            else ""
        )
        yield _issue(was, "other-result", difference + advice)


def _is_decided_anew(was: SavedItem, now: SavedItem) -> bool:
    """Whether a decision made something else of the item than was looked at."""
    return was.chose_row or (was.is_edited and was.result is not now.result)


def _difference(was: SavedItem, now: SavedItem) -> str:
    item = _named(was)
    if was.result is not now.result:
        return f"{item} was to be {was.result}, and would be {now.result}."
    if was.target_name != now.target_name:
        name, other = quoted(was.target_name), quoted(now.target_name)
        return f"{item} was to be named {name}, and would be {other}."
    if was.retargets is not now.retargets:
        return f"Whether {item} sends a stored secret to another destination is different."
    if was.changed_keys != now.changed_keys:
        return f"{item} would change other keys."
    return ""


def _named(item: SavedItem) -> str:
    return f"{item.path} {quoted(item.name)}"


def _uuid_of(row: SavedRow | None) -> str | None:
    return row.uuid if row else None


def _told(row: SavedRow | None) -> str:
    return f"the row {quoted(row.name)} ({row.uuid})" if row else "a new row"


def _issue(item: SavedItem, code: str, message: str) -> Issue:
    return Issue(code=code, message=message, path=item.path, uuid=item.uuid, name=item.name)
