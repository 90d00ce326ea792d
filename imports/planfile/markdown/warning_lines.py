"""The warnings of a plan as lines of Markdown: the red ones each, the others by code. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from flows.content.fields import Kind
from flows.counting import format_count, format_list
from imports.exportfile.warnings import PlanWarning
from imports.planfile.markdown.escaping import write_code, write_sentence
from imports.planfile.wording import OF_SEVERAL
from imports.plans.acknowledgement import RedWarning
from imports.plans.plan import Change, Plan

_NAMES_SHOWN = 5

WarningOf = tuple[Change, PlanWarning]


def find_serious(plan: Plan, unacknowledged: Iterable[RedWarning]) -> list[WarningOf]:
    """Return the red warnings of a plan other than those that must be acknowledged."""
    listed = {(red.change.item.path, red.text) for red in unacknowledged}
    return [
        (change, warning)
        for change in plan
        for warning in change.all_warnings
        if warning.is_serious and (change.item.path, warning.text) not in listed
    ]


def write_unacknowledged(warnings: Sequence[RedWarning]) -> list[str]:
    """Return a line for each warning that must be acknowledged, with its code."""
    return [
        f"- {write_code(red.code)}: {write_item(red.change)}: {write_sentence(red.text)}"
        for red in warnings
    ]


def write_serious(warnings: Sequence[WarningOf]) -> list[str]:
    """Return a line for each of the warnings."""
    return [
        f"- {write_item(change)}: {write_sentence(warning.text)}" for change, warning in warnings
    ]


def write_others(plan: Plan, unacknowledged: Collection[RedWarning]) -> list[str]:
    """Return a line for the warnings of each code and kind that are not red, the gravest first."""
    listed = {(red.change.item.path, red.text) for red in unacknowledged}
    groups: dict[tuple[int, str, Kind], list[WarningOf]] = defaultdict(list)
    for change in plan:
        for warning in change.all_warnings:
            if not warning.is_serious and (change.item.path, warning.text) not in listed:
                groups[warning.rank, warning.code, change.item.kind].append((change, warning))
    return [
        line
        for (_, code, kind), group in sorted(groups.items(), key=lambda pair: pair[0][0])
        for line in _write_group(code, kind, group)
    ]


def write_item(change: Change) -> str:
    """Return the kind of an item with its name, and the name that its row gets."""
    item = change.item
    target = "" if change.target_name == item.name else f" as {write_code(change.target_name)}"
    return f"{item.kind} {write_code(item.name)}{target}"


def _write_group(code: str, kind: Kind, group: Sequence[WarningOf]) -> Iterator[str]:
    items = {change.item.path: change for change, _ in group}
    words = OF_SEVERAL.get(code)
    if len(items) == 1 or words is None:
        first, warning = group[0]
        more = len(group) - 1
        told = f" ({format_count(more, 'more warning')} of this kind)" if more else ""
        yield f"- {write_item(first)}: {write_sentence(warning.text)}{told}"
        return
    names = [write_code(change.item.name) for change in [*items.values()][:_NAMES_SHOWN]]
    listed = format_list(names, more=len(items) - len(names))
    yield f"- {format_count(len(items), kind)} {words}: {listed}"
