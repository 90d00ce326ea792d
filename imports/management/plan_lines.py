"""The lines of a plan's text, whatever its run does. The words are of plan_text and undo_text."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from rich.text import Text

from flows.content.fields import Kind
from flows.counting import format_count
from imports.exportfile.warnings import PlanWarning
from imports.management.compared_changes import ComparedChange
from imports.management.difference_text import format_difference
from imports.management.largest_changes import LargestChanges
from imports.management.warning_text import (
    SERIOUS_STYLE,
    WARNING_STYLE,
    WarningDigest,
    format_digest,
    format_warnings,
)
from imports.plans.plan import FieldChange, RunPlan

LIST_ALL = "-v 2 lists all"

_SCREEN = 40  # lines of a terminal
_INDENT = 6

ResultStyle = tuple[str, str, str]
"""Symbol, verb and style of a result, as in Terraform's plans."""


class ShownChange(Protocol):
    """What is shown of any change of a plan."""

    @property
    def result(self) -> Any:
        """Return what happens to the row."""

    @property
    def writes(self) -> bool:
        """Return whether the row is written."""

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """Return the fields that change."""

    @property
    def all_warnings(self) -> tuple[PlanWarning, ...]:
        """Return all warnings."""


C = TypeVar("C", bound=ShownChange)
Described = tuple[C, Iterable[Text]]
"""A change, and the lines on what of it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWords(Generic[C]):
    """A plan with the words for its run."""

    plan: RunPlan[C, Any]
    title: str
    summary: str
    """The counts, in one line."""
    digest: WarningDigest
    styles: Mapping[Any, ResultStyle]
    counted: Mapping[Any, str]
    """The results in the order of the counts, each in words, such as `to create`."""
    changing: Any
    """The result of rows that exist and get other contents."""
    get_kind: Callable[[C], Kind]
    format_name: Callable[[C], str]
    is_decided: Callable[[C], bool]
    """Returns whether something happens to the row, or a decision prevents it."""


def describe_briefly(words: PlanWords[C]) -> Iterator[Described[C]]:
    """Yield the changes with the lines on their fields, without the values of long ones."""
    for change in words.plan:
        *_, style = words.styles[change.result]
        texts = format_fields(change.fields)
        yield change, [Text(f"{' ' * _INDENT}~ {text}", style=style) for text in texts]


def describe_differences(
    compared: Iterable[ComparedChange[C]], *, whole: bool
) -> Iterator[Described[C]]:
    """Yield the changes with the lines of their differences; see format_difference for `whole`."""
    for each in compared:
        if each.problem:
            yield each.change, [Text(f"{' ' * _INDENT}! {each.problem}", style=SERIOUS_STYLE)]
        elif each.difference:
            yield each.change, format_difference(each.difference, whole=whole, indent=_INDENT)
        else:
            yield each.change, ()


def format_plan(
    words: PlanWords[C], described: Iterable[Described[C]], *, lists_all: bool = False
) -> Iterator[Text]:
    """Yield the lines of the plan: its items with changes and warnings, then the counts.

    Without `lists_all`, items to which nothing happens are counted and not listed, unless that was
    decided for the item; and a warning that several items share is printed once. Serious warnings
    are repeated below the items.
    """
    yield Text(words.title, style="bold")
    body = _Paragraph(_format_items(words, described, lists_all=lists_all))
    yield from body
    digest = words.digest
    if body.count > _SCREEN:  # so that all warnings are near the prompt
        warning_lines = format_digest(digest, where="see the items above")
    else:
        warning_lines = format_warnings(digest.serious, () if lists_all else digest.of_several)
    yield from _Paragraph(warning_lines)
    yield from _Paragraph([Text(words.summary, style="bold")])


def format_large_plan(
    words: PlanWords[C], largest: LargestChanges[C], *, hint: str
) -> Iterator[Text]:
    """Yield the lines of a plan with too many changes to list: counts, the largest, warnings.

    `hint` says where all of them are.
    """
    yield Text(words.title, style="bold")
    yield from _Paragraph(_count_by_kind(words))
    yield from _Paragraph(chain(_format_largest(words, largest), [Text(f"  {hint}", style="dim")]))
    yield from _Paragraph(format_digest(words.digest, where=LIST_ALL))
    yield from _Paragraph([Text(words.summary, style="bold")])


class _Paragraph:
    """Lines after an empty one, if there are any; `count` is how many there were."""

    def __init__(self, lines: Iterable[Text]) -> None:
        self._lines = lines
        self.count = 0

    def __iter__(self) -> Iterator[Text]:
        for line in self._lines:
            if not self.count:
                yield Text("")
            self.count += 1
            yield line


def _format_items(
    words: PlanWords[C], described: Iterable[Described[C]], *, lists_all: bool
) -> Iterator[Text]:
    folded = frozenset() if lists_all else words.digest.keys_of_several
    unlisted = 0
    for change, lines in described:
        warnings = _list_unfolded(words.get_kind(change), change.all_warnings, folded)
        if lists_all or warnings or words.is_decided(change):
            yield _format_heading(words, change)
            yield from lines
            yield from map(_format_warning, warnings)
        else:
            unlisted += 1
    if unlisted:
        yield Text(f"    {format_count(unlisted, 'item')} not touched ({LIST_ALL})", style="dim")


def _format_heading(words: PlanWords[C], change: C) -> Text:
    symbol, verb, style = words.styles[change.result]
    return Text(f"  {symbol} {verb} {words.format_name(change)}", style=style)


def _format_warning(warning: PlanWarning) -> Text:
    style = SERIOUS_STYLE if warning.is_serious else WARNING_STYLE
    return Text(f"{' ' * _INDENT}! {warning.text}", style=style)


def _list_unfolded(
    kind: Kind, warnings: Iterable[PlanWarning], folded: Collection[tuple[Kind, str, str]]
) -> list[PlanWarning]:
    """Return the item's warnings that are printed with it, the most severe first."""
    unfolded = (
        warning
        for warning in warnings
        if warning.is_serious or (kind, warning.code, warning.text) not in folded
    )
    return sorted(unfolded, key=lambda warning: warning.rank)


def _count_by_kind(words: PlanWords[C]) -> Iterator[Text]:
    for kind in Kind:
        counts = Counter(change.result for change in words.plan.changes[kind])
        if total := counts.total():
            counted = [
                f"{counts[one]} {text}" for one, text in words.counted.items() if counts[one]
            ]
            yield Text(f"    {format_count(total, kind)}: {', '.join(counted)}")


def _format_largest(words: PlanWords[C], largest: LargestChanges[C]) -> Iterator[Text]:
    found = [*largest]
    if found:
        yield Text(f"  The {len(found)} largest of {format_count(largest.passed, 'changed row')}:")
    for change, difference in found:
        yield _format_heading(words, change)
        yield Text(f"{' ' * _INDENT}{difference}")
        serious = (warning for warning in change.all_warnings if warning.is_serious)
        yield from map(_format_warning, serious)


def format_fields(fields: Iterable[FieldChange]) -> Iterator[str]:
    """Yield a text for each field that can be shown, and one for all others."""
    hidden = []
    for field in fields:
        if field.before is None:
            hidden.append(field.key)
        else:
            yield format_field(field)
    if hidden:
        yield f"{', '.join(hidden)} (changed)"


def format_field(field: FieldChange) -> str:
    """Return the old and the new value of a field, if they may be shown."""
    if field.before is None:
        return f"{field.key} (changed)"
    return f"{field.key}: {field.before} -> {field.after}"
