"""The text of a plan's warnings, for a terminal: the most severe first, repeated ones once.

A serious warning is always printed by itself. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from flows.content.fields import Kind
from flows.counting import format_count, format_list
from flows.texts import make_printable, quote
from imports.exportfile.warnings import PlanWarning, WarningCode
from imports.planfile.wording import OF_SEVERAL
from imports.undo.plans.plan import ConflictCode

SERIOUS_STYLE = "bold red"
WARNING_STYLE = "yellow"

# The text for several items, after their number and their kind.
_OF_SEVERAL: dict[str, str] = {
    **OF_SEVERAL,
    ConflictCode.GONE: "are not on this server any more",
    ConflictCode.NO_SAVE: "have no readable named save any more from before the run",
    ConflictCode.DELETED_SINCE: "were deleted since",
    ConflictCode.RESTORED_SINCE: "were brought back since",
    ConflictCode.OVERWRITTEN_SINCE: "were written again since",
    ConflictCode.EDITED_SINCE: "were edited since",
    ConflictCode.USED: "are used by others",
    ConflictCode.NAME_TAKEN: "cannot have their names again, which are others' now",
}
# For these codes, a repeated text is more precise than the one for several items.
_TEXT_SAYS_MORE = {
    WarningCode.LEFTOVER_FILES,
    WarningCode.DANGLING_REFERENCE,
    WarningCode.INVISIBLE_CHARACTERS,
    WarningCode.EDITED_HERE,
    WarningCode.OLDER_FILE,
    WarningCode.RENAMES,
    WarningCode.SHARED_NAME,
}
# With more different texts, one text for several items is printed in their place.
_MOST_SINGLE_TEXTS = 5
_NAMES_SHOWN = 10
_WARNINGS_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWarning:
    """A warning with its item."""

    kind: Kind
    name: str
    item_text: str
    """The item's name in a plan's text."""
    warning: PlanWarning

    @property
    def line(self) -> str:
        """Return the warning with its item's name."""
        return f"{self.item_text}: {self.warning.text}"

    @property
    def key(self) -> tuple[Kind, str, str]:
        """Return what is equal for warnings that are printed as one."""
        return self.kind, self.warning.code, self.warning.text


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningDigest:
    """All warnings of a plan, in as few lines as possible."""

    serious: tuple[str, ...]
    others: tuple[str, ...]
    """The most severe first, whether of one item or of several."""
    of_several: tuple[str, ...]
    """Those of `others` that are of several items."""
    keys_of_several: frozenset[tuple[Kind, str, str]]
    """The keys of the warnings in `of_several`."""


def make_digest(warnings: Iterable[ItemWarning]) -> WarningDigest:
    """Return the lines for these warnings, which are in the plan's order."""
    serious: list[str] = []
    groups: dict[tuple[int, str, Kind], list[ItemWarning]] = defaultdict(list)
    for one in warnings:
        if one.warning.is_serious:
            serious.append(one.line)
        else:
            groups[one.warning.rank, one.warning.code, one.kind].append(one)
    others: list[str] = []
    of_several: list[str] = []
    keys_of_several: set[tuple[Kind, str, str]] = set()
    for _, group in sorted(groups.items(), key=lambda pair: pair[0][0]):
        for together in _group_warnings(group):
            others.append(_format_line(together))
            if len(together) > 1:
                of_several.append(others[-1])
                keys_of_several.update(one.key for one in together)
    return WarningDigest(
        serious=tuple(serious),
        others=tuple(others),
        of_several=tuple(of_several),
        keys_of_several=frozenset(keys_of_several),
    )


def format_warnings(serious: Iterable[str], others: Iterable[str]) -> Iterator[Text]:
    """Yield the lines in the colours of their severity."""
    for lines, style in ((serious, SERIOUS_STYLE), (others, WARNING_STYLE)):
        yield from (Text(f"! {line}", style=style) for line in lines)


def format_digest(warnings: WarningDigest, *, where: str) -> Iterator[Text]:
    """Yield all serious warnings and the 50 most severe others; `where` says where the rest is."""
    yield from format_warnings(warnings.serious, warnings.others[:_WARNINGS_SHOWN])
    if (more := len(warnings.others) - _WARNINGS_SHOWN) > 0:
        yield Text(f"and {format_count(more, 'more warning')}: {where}", style=WARNING_STYLE)


def format_warning_counts(warnings: Iterable[PlanWarning]) -> str:
    """Return the counts, such as `2 serious warnings, 75 warnings`; "" for none."""
    counts = {True: 0, False: 0}
    for warning in warnings:
        counts[warning.is_serious] += 1
    nouns = {True: "serious warning", False: "warning"}
    return ", ".join(format_count(counts[key], nouns[key]) for key in nouns if counts[key])


def _group_warnings(group: Sequence[ItemWarning]) -> Iterator[Sequence[ItemWarning]]:
    """Group the warnings of one kind and code by text, or all together if the texts are many."""
    by_text: dict[str, list[ItemWarning]] = defaultdict(list)
    for one in group:
        by_text[one.warning.text].append(one)
    if len(by_text) > _MOST_SINGLE_TEXTS and group[0].warning.code in _OF_SEVERAL:
        yield group
    else:
        yield from by_text.values()


def _format_line(together: Sequence[ItemWarning]) -> str:
    first = together[0]
    if len(together) == 1:
        return first.line
    names = {one.item_text: one for one in together}  # an item may have several warnings
    if len(names) == 1:
        return f"{first.line} ({len(together) - 1} more like this)"
    items = format_count(len(names), first.kind)
    is_repeated = all(one.warning.text == first.warning.text for one in together)
    of_several = _OF_SEVERAL.get(first.warning.code)
    if is_repeated and (of_several is None or first.warning.code in _TEXT_SAYS_MORE):
        text = f"{items}: {first.warning.text}"
    else:
        text = f"{items} {of_several}"
    names_text = _format_names(list(names.values()))
    return f"{text}: {names_text}" if names_text else text


def _format_names(together: Sequence[ItemWarning]) -> str:
    """Return the first names, each once with how many have it, or "" if there are none."""
    counts = Counter(
        make_printable(one.name) if one.kind is Kind.SECRET else quote(one.name)
        for one in together
        if one.name
    )
    shown = list(counts.items())[:_NAMES_SHOWN]
    names = [name if count == 1 else f"{name} ({count} of that name)" for name, count in shown]
    more = len(together) - sum(count for _, count in shown)
    return format_list(names, more=more) if names else ""
