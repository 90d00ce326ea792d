"""Find the differences between an earlier plan and one that is made now. Pure.

The rows must be those of the earlier plan with the same content, and the items must have the same
results, unless a decision made since changes them. A saved plan, the page of an upload, a second
tab and an undo all get their differences, with the same texts, from `find_changes_since`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flows.content.fields import Kind
from flows.texts import make_printable, quote
from imports.errors import Issue
from imports.planfile.snapshot import ItemKey, ItemSnapshot, PlanSnapshot, RowSnapshot
from imports.plans.drift import LastWrite
from imports.plans.plan import Result


class ChangeOf(StrEnum):
    """The part of a plan in which a difference is."""

    ITEMS = "items"
    """The plans are not for the same items: nothing else is compared."""
    ROW = "row"
    MATCH = "match"
    """The row that an item matches."""
    SOLVED = "solved"
    """An item that could not be applied, and now can."""
    REFUSED = "refused"
    """An item that could be applied, and now cannot."""
    RESULT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange:
    """One difference between two plans, with the item to show it at."""

    of: ChangeOf
    issue: Issue
    key: ItemKey | None = None
    """The item; None where the plan does not have it."""


_Pairs = Sequence[tuple[ItemSnapshot, ItemSnapshot]]


def find_changes_since(before: PlanSnapshot, after: PlanSnapshot) -> list[PlanChange]:
    """Return the differences in `after`, once for each row and item: rows first, in file order.

    `after.rows` must have those rows of the earlier plan that still exist.
    """
    if [item.key for item in _get_items(before)] != [item.key for item in _get_items(after)]:
        message = "The plan's items are not those of the file."
        return [PlanChange(of=ChangeOf.ITEMS, issue=Issue(code="other-items", message=message))]
    pairs = _pair(before, after)
    return [
        *_find_row_changes(before, after, pairs),
        *_find_item_changes(before, after, pairs),
        *_find_changes_of_pruned(before, after),
    ]


def _get_items(plan: PlanSnapshot) -> list[ItemSnapshot]:
    return [item for item in plan.items if not item.is_pruned]


def _pair(before: PlanSnapshot, after: PlanSnapshot) -> _Pairs:
    """Return each item, and each row that both plans prune, as it was and as it is now."""
    pruned = {item.key: item for item in after.items if item.is_pruned}
    both = (item for item in before.items if item.is_pruned and item.key in pruned)
    return [
        *zip(_get_items(before), _get_items(after), strict=True),
        *((item, pruned[item.key]) for item in both),
    ]


def find_edited_rows(before: PlanSnapshot, rows: Mapping[ItemKey, RowSnapshot]) -> set[ItemKey]:
    """Return the keys of the rows whose content differs from that in the earlier plan."""
    return {
        (item.kind, was.uuid)
        for item in before.items
        for was in item.rows
        if (now := rows.get((item.kind, was.uuid))) and _is_edited(was, now)
    }


def _is_edited(was: RowSnapshot, now: RowSnapshot) -> bool:
    return None not in {was.content, now.content} and was.content != now.content


def _find_row_changes(
    before: PlanSnapshot, after: PlanSnapshot, pairs: _Pairs
) -> Iterator[PlanChange]:
    known = {(item.kind, row.uuid) for item in before.items for row in item.rows}
    unseen = set(known)
    for item, planned in pairs:
        for row in item.rows:
            if (key := (item.kind, row.uuid)) in unseen:
                unseen.remove(key)
                yield from _find_changes_of_row(item, row, after.rows.get(key))
        for row in planned.rows:
            if (key := (item.kind, row.uuid)) not in known:
                known.add(key)
                if item.is_left_out:  # its rows were not looked for
                    continue
                yield _make_row_change(
                    item,
                    "row-appeared",
                    f"{_name_row(item.kind, row)} is on the server now, and was not when the plan "
                    "was made.",
                )


def _find_changes_of_row(
    item: ItemSnapshot, was: RowSnapshot, now: RowSnapshot | None
) -> Iterator[PlanChange]:
    row = _name_row(item.kind, was)
    if now is None:
        yield _make_row_change(item, "row-gone", f"{row} is not there any more.")
    elif now.is_deleted and not was.is_deleted:
        yield _make_row_change(item, "row-deleted", f"{row} was deleted since.")
    elif was.is_deleted and not now.is_deleted:
        yield _make_row_change(item, "row-restored", f"{row} was deleted, and is there again.")
    elif was.name != now.name:
        yield _make_row_change(item, "row-renamed", f"{row} is named {quote(now.name)} now.")
    elif _is_edited(was, now):
        yield _make_row_change(
            item, "row-edited", f"{row} was edited since{_describe_writer(now.last_write)}."
        )


def _find_changes_of_pruned(before: PlanSnapshot, after: PlanSnapshot) -> Iterator[PlanChange]:
    """Yield the differences of rows that only one of the plans prunes."""
    keys, now = ({item.key for item in plan.items if item.is_pruned} for plan in (before, after))
    for item in before.items:
        if not item.is_pruned or item.key in now:
            continue
        changes = [
            change
            for row in item.rows
            for change in _find_changes_of_row(item, row, after.rows.get((item.kind, row.uuid)))
        ]
        message = f"The {item.kind} {quote(item.name)} was to be pruned, and is not any more."
        yield from changes or (_make_change(ChangeOf.RESULT, item, "other-result", message),)
    for item in after.items:
        if item.is_pruned and item.key not in keys:
            message = f"The {item.kind} {quote(item.name)} would be pruned now, and was not to be."
            yield _make_change(ChangeOf.RESULT, item, "other-result", message)


def _find_item_changes(
    before: PlanSnapshot, after: PlanSnapshot, pairs: _Pairs
) -> Iterator[PlanChange]:
    """Yield the differences of items that are not due to their rows."""
    had, has = ({issue.path for issue in plan.issues} for plan in (before, after))
    is_decided = any(was.decision != now.decision for was, now in pairs)
    if not is_decided:  # with decisions, the reason is known
        keys = {was.path: was.key for was in before.items}
        yield from (
            _make_solved_change(issue, keys.get(issue.path))
            for issue in before.issues
            if issue.path not in has
        )
    for was, now in pairs:
        if now.path in had:  # an item that could not be applied has no result to compare
            continue
        if now.path in has:
            yield _make_refused_change(was, now)
        else:
            yield from _find_plan_changes(was, now, is_decided=is_decided)


def _make_solved_change(issue: Issue, key: ItemKey | None) -> PlanChange:
    message = f"{issue.path} could not be done when the plan was made, and could be done now."
    return PlanChange(
        of=ChangeOf.SOLVED,
        key=key,
        issue=Issue(
            code="other-result",
            path=issue.path,
            uuid=issue.uuid,
            name=issue.name,
            message=message,
        ),
    )


def _make_refused_change(was: ItemSnapshot, now: ItemSnapshot) -> PlanChange:
    message = f"{_name_item(now)} could be done when the plan was made, and cannot be done now."
    return _make_change(ChangeOf.REFUSED, was, "other-result", message)


def _find_plan_changes(
    was: ItemSnapshot, now: ItemSnapshot, *, is_decided: bool
) -> Iterator[PlanChange]:
    chose_row = was.chosen_row != now.chosen_row or was.action is not now.action
    chose_row |= was.is_left_out is not now.is_left_out
    if _get_uuid(was.row) != _get_uuid(now.row) and not chose_row:
        message = f"{_name_item(now)} would be {_describe(now.row)}, not {_describe(was.row)}."
        yield _make_change(ChangeOf.MATCH, was, "other-row", message)
        return
    is_decided_anew = was.decision != now.decision and was.result is not now.result
    if is_decided and _changes_less(was, now):  # such as a reference to a row chosen since
        return
    if not (chose_row or is_decided_anew) and (message := _describe_difference(was, now)):
        advice = (
            " It may follow from what was decided of other items: plan again with these decisions."
            if is_decided
            else ""
        )
        yield _make_change(ChangeOf.RESULT, was, "other-result", message + advice)


def _changes_less(was: ItemSnapshot, now: ItemSnapshot) -> bool:
    """Return whether the same row is overwritten in less than was shown, or is the same now.

    Where the same keys change, something else does than a decision can account for.
    """
    if was.result is not Result.OVERWRITE or now.result not in (Result.OVERWRITE, Result.UNCHANGED):
        return False
    sends_more = not set(now.destinations or ()) <= set(was.destinations or ())
    return (
        set(now.changed_keys or ()) < set(was.changed_keys or ())
        and now.target_name == was.target_name
        and (was.retargets or not now.retargets)
        and (was.destinations is None or not sends_more)
    )


def _describe_difference(was: ItemSnapshot, now: ItemSnapshot) -> str:
    item = _name_item(now)
    if was.result is not now.result:
        return f"{item} was to be {was.result}, and would be {now.result}."
    if was.target_name != now.target_name:
        name, other = quote(was.target_name), quote(now.target_name)
        return f"{item} was to be named {name}, and would be {other}."
    if was.retargets is not now.retargets:
        return f"Whether {item} sends a stored secret to another destination is different."
    if None not in {was.destinations, now.destinations} and was.destinations != now.destinations:
        return f"Where {item} sends a stored secret is different."
    if None not in {was.changed_keys, now.changed_keys} and was.changed_keys != now.changed_keys:
        return f"{item} would change other keys."
    return ""


def _describe_writer(write: LastWrite | None) -> str:
    if write is None:
        return ""
    by = f" by {make_printable(write.by)}" if write.by else ""
    return f", last{by} on {write.at:%Y-%m-%d %H:%M} UTC"


def _name_row(kind: Kind, row: RowSnapshot) -> str:
    return f"The {kind} {quote(row.name)} ({row.uuid})"


def _name_item(item: ItemSnapshot) -> str:
    return f"{item.path} {quote(item.name)}"


def _describe(row: RowSnapshot | None) -> str:
    return f"the row {quote(row.name)} ({row.uuid})" if row else "a new row"


def _get_uuid(row: RowSnapshot | None) -> str | None:
    return row.uuid if row else None


def _make_row_change(item: ItemSnapshot, code: str, message: str) -> PlanChange:
    return _make_change(ChangeOf.ROW, item, code, message)


def _make_change(of: ChangeOf, item: ItemSnapshot, code: str, message: str) -> PlanChange:
    return PlanChange(
        of=of,
        key=item.key,
        issue=Issue(code=code, message=message, path=item.path, uuid=item.uuid, name=item.name),
    )
