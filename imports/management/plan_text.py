"""A plan as people read it in a terminal."""

from collections.abc import Collection, Iterable, Iterator

from rich.text import Text

from flows.content.fields import Kind
from flows.counting import number_of
from imports.errors import quoted
from imports.exportfile.warnings import PlanWarning
from imports.management.warning_text import (
    SERIOUS_STYLE,
    WARNING_STYLE,
    ItemWarning,
    WarningDigest,
    digest_lines,
    digest_of,
    warning_counts,
    warning_lines,
)
from imports.plans.plan import Change, FieldChange, Mode, Plan, Result

LIST_ALL = "-v 2 lists all"

_SCREEN = 40  # lines that a terminal shows at once

Looks = tuple[str, str, str]
"""Symbol, verb and style of a result, as in the plans of Terraform."""

# There is no "-": an import never deletes.
_LOOKS: dict[Result, Looks] = {
    Result.CREATE: ("+", "create", "green"),
    Result.OVERWRITE: ("~", "overwrite", "yellow"),
    Result.DUPLICATE: ("+", "duplicate", "green"),
    Result.SKIP: (" ", "skip", "dim"),
    Result.UNCHANGED: (" ", "unchanged", "dim"),
}


def plan_text(plan: Plan, *, lists_all: bool = False) -> Text:
    """What would happen, with what an overwrite changes and all warnings; counts last.

    Items to which nothing happens, because the mode or their content says so, are a number, and
    what several items have in common is told once, unless everything is listed. Serious warnings
    stand below the items once more, where nobody has to look for them.
    """
    digest = _digest(plan, is_done=False)
    folded = frozenset() if lists_all else digest.told_at_once
    lines: list[Text] = []
    unlisted = 0
    for change in plan:
        warnings = _unfolded(change, folded)
        if lists_all or warnings or _is_decided(change, plan.mode):
            lines += change_lines(
                _LOOKS[change.result], _named(change, is_done=False), change.fields, warnings
            )
        else:
            unlisted += 1
    title = f'Import into the server "{plan.server}", {plan.mode}:'
    return framed(title, lines, unlisted, digest, lists_all=lists_all, summary=summary(plan))


def framed(
    title: str,
    lines: Iterable[Text],
    unlisted: int,
    digest: WarningDigest,
    *,
    lists_all: bool,
    summary: str,
) -> Text:
    """A plan's items between its title and its counts, with what is told of several of them."""
    body = [*lines]
    if unlisted:
        body.append(
            Text(f"    {number_of(unlisted, 'item')} not touched ({LIST_ALL})", style="dim")
        )
    if len(body) > _SCREEN:  # who decides at its end sees all that is warned of
        told = [*digest_lines(digest, where="see the items above")]
    else:
        told = [*warning_lines(digest.serious, () if lists_all else digest.of_several)]
    parts = [[Text(title, style="bold")], body, told, [Text(summary, style="bold")]]
    return Text("\n\n").join(Text("\n").join(part) for part in parts if part)


def summary(plan: Plan) -> str:
    """The counts in one line, such as `Plan: 3 to create, 5 to overwrite, ...`."""
    return f"Plan: {plan_counts(plan)}."


def plan_counts(plan: Plan) -> str:
    """How many items have each result, and how many warnings there are, within a sentence."""
    counts = plan.counts
    copies = f"{counts[Result.DUPLICATE]} to duplicate, " if counts[Result.DUPLICATE] else ""
    warnings = warning_counts(warning for change in plan for warning in change.all_warnings)
    return (
        f"{counts[Result.CREATE]} to create, {copies}"
        f"{counts[Result.OVERWRITE]} to overwrite, {counts[Result.SKIP]} to skip, "
        f"{counts[Result.UNCHANGED]} unchanged{f'; {warnings}' if warnings else ''}"
    )


def plan_warnings(plan: Plan) -> WarningDigest:
    """What a plan that is done warns of, for whoever does not see the whole plan."""
    return _digest(plan, is_done=True)


def _digest(plan: Plan, *, is_done: bool) -> WarningDigest:
    return digest_of(
        ItemWarning(
            kind=change.item.kind,
            name=change.item.name,
            named=_named(change, is_done=is_done),
            warning=warning,
        )
        for change in plan
        for warning in change.all_warnings
    )


def _unfolded(change: Change, folded: Collection[tuple[Kind, str, str]]) -> list[PlanWarning]:
    return unfolded(change.item.kind, change.all_warnings, folded)


def unfolded(
    kind: Kind, warnings: Iterable[PlanWarning], folded: Collection[tuple[Kind, str, str]]
) -> list[PlanWarning]:
    """Those of an item's warnings that are told with the item, the gravest first."""
    told = (
        warning
        for warning in warnings
        if warning.is_serious or (kind, warning.code, warning.text) not in folded
    )
    return sorted(told, key=lambda warning: warning.rank)


def _is_decided(change: Change, mode: Mode) -> bool:
    """Whether something happens to the item, or somebody decided that nothing does."""
    is_skipped = change.result is Result.SKIP and mode is not Mode.SKIP
    return change.result.writes or is_skipped


def change_lines(
    looks: Looks, named: str, fields: Iterable[FieldChange], warnings: Iterable[PlanWarning]
) -> Iterator[Text]:
    """What happens to a row, named in words: its symbol and verb, what changes, its warnings."""
    symbol, verb, style = looks
    yield Text(f"  {symbol} {verb} {named}", style=style)
    for text in field_texts(fields):
        yield Text(f"      ~ {text}", style=style)
    for warning in warnings:
        style = SERIOUS_STYLE if warning.is_serious else WARNING_STYLE
        yield Text(f"      ! {warning.text}", style=style)


def _named(change: Change, *, is_done: bool) -> str:
    item = change.item
    target = "" if change.target_name == item.name else f" as {quoted(change.target_name)}"
    # A copy has no uuid before it is made.
    is_known = change.target_uuid != item.uuid and (is_done or change.result.has_known_uuid)
    row = f", here {change.target_uuid}" if is_known else ""
    return f"{item.kind} {quoted(item.name)}{target} ({item.uuid}{row})"


def field_texts(fields: Iterable[FieldChange]) -> Iterator[str]:
    """One text for each field that can be shown, and one for all others."""
    hidden = []
    for field in fields:
        if field.before is None:
            hidden.append(field.key)
        else:
            yield field_text(field)
    if hidden:
        yield f"{', '.join(hidden)} (changed)"


def field_text(field: FieldChange) -> str:
    """What a field changes from and to, as far as it may be shown."""
    if field.before is None:
        return f"{field.key} (changed)"
    return f"{field.key}: {field.before} -> {field.after}"
