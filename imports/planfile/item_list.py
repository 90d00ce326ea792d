"""The items of a plan's page as a person goes through them: filtered, in order, reviewed. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

import msgspec

from imports.planfile.page import PageItem
from imports.plans.plan import Result


class Show(StrEnum):
    """Which items a list shows."""

    CHANGES = "changes"
    """Those that are written or refused, that somebody decided on, or that differ from before."""
    ALL = "all"
    ATTENTION = "attention"
    """With a warning, a problem, or a difference from the plan that was shown before."""
    REFUSED = "refused"
    NEWS = "news"
    """Different from the plan that was shown before."""
    UNREVIEWED = "unreviewed"
    """Of the changes, those that nobody reviewed yet."""
    REST = "rest"
    """Those that are not written: UNCHANGED and SKIP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """The conditions of a list; `text` is searched in names and uuids."""

    show: Show = Show.CHANGES
    result: Result | None = None
    text: str = ""


def list_items(
    items: Iterable[PageItem], chosen: ListFilter, *, reviewed: Collection[str] = ()
) -> list[PageItem]:
    """Return the items that meet all conditions, what needs a decision first.

    First those with a problem, then those with a serious warning, then the others, each in the
    file's order, then the rows that are pruned.
    """
    part = chosen.text.casefold()
    listed = [
        item
        for item in items
        if (chosen.result is None or item.result is chosen.result)
        and _is_shown(item, chosen.show, reviewed)
        and (not part or _has_text(item, part))
    ]
    return sorted(listed, key=find_group)


def is_change(item: PageItem) -> bool:
    """Return whether the item is written, or cannot be: whether it is to be reviewed."""
    return item.result.writes or bool(item.issues)


def find_group(item: PageItem) -> int:
    """Return 0 for an item with a problem, 1 for one with a serious warning, 2 for any other.

    3 for a row that is pruned, unless it has a problem.
    """
    if item.issues:
        return 0
    return 3 if item.is_pruned else 1 if item.alarms else 2


def make_review_mark(item: PageItem) -> str:
    """Return the mark of an item as it was reviewed: another one where the plan differs in it.

    That the plan says it differs from the one before is no part of it, nor what is known of other
    rows that the item may be.
    """
    shown = msgspec.structs.replace(item, difference="", candidates=())
    return blake2b(msgspec.json.encode(shown), digest_size=8).hexdigest()


def _is_shown(item: PageItem, show: Show, reviewed: Collection[str]) -> bool:
    if show is Show.UNREVIEWED:
        return is_change(item) and make_review_mark(item) not in reviewed
    return _CONDITIONS[show](item)


_CONDITIONS: Mapping[Show, Callable[[PageItem], bool]] = {
    Show.CHANGES: lambda item: is_change(item) or _is_decided(item) or bool(item.difference),
    Show.ALL: lambda _: True,
    Show.ATTENTION: lambda item: item.needs_attention,
    Show.REFUSED: lambda item: bool(item.issues),
    Show.NEWS: lambda item: bool(item.difference),
    Show.REST: lambda item: not is_change(item),
}


def _is_decided(item: PageItem) -> bool:
    return bool(item.decision)


def _has_text(item: PageItem, part: str) -> bool:
    names = (item.name, item.target_name, item.uuid, item.target_uuid)
    return any(part in name.casefold() for name in names)
