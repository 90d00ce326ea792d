"""The text of a plan, for a terminal."""

from collections.abc import Collection, Iterable, Iterator

from rich.text import Text

from flows.content.fields import Kind
from flows.counting import format_count
from flows.texts import quote
from imports.exportfile.warnings import PlanWarning
from imports.management.warning_text import (
    SERIOUS_STYLE,
    WARNING_STYLE,
    ItemWarning,
    WarningDigest,
    format_digest,
    format_warning_counts,
    format_warnings,
    make_digest,
)
from imports.plans.plan import Change, FieldChange, Mode, Plan, Result

LIST_ALL = "-v 2 lists all"

_SCREEN = 40  # lines of a terminal

ResultStyle = tuple[str, str, str]
"""Symbol, verb and style of a result, as in Terraform's plans."""

# There is no "-": an import never deletes.
_RESULT_STYLES: dict[Result, ResultStyle] = {
    Result.CREATE: ("+", "create", "green"),
    Result.OVERWRITE: ("~", "overwrite", "yellow"),
    Result.DUPLICATE: ("+", "duplicate", "green"),
    Result.SKIP: (" ", "skip", "dim"),
    Result.UNCHANGED: (" ", "unchanged", "dim"),
}


def format_plan(plan: Plan, *, lists_all: bool = False) -> Text:
    """Return the text of the plan: its items with changes and warnings, then the counts.

    Without `lists_all`, items to which nothing happens are counted and not listed, unless that was
    decided for the item; and a warning that several items share is printed once. Serious warnings
    are repeated below the items.
    """
    digest = _make_digest(plan, is_done=False)
    folded = frozenset() if lists_all else digest.keys_of_several
    lines: list[Text] = []
    unlisted = 0
    for change in plan:
        warnings = _list_unfolded(change, folded)
        if lists_all or warnings or _is_decided(change, plan.mode):
            lines += format_change(
                _RESULT_STYLES[change.result],
                _format_name(change, is_done=False),
                change.fields,
                warnings,
            )
        else:
            unlisted += 1
    title = f'Import into the server "{plan.server}", {plan.mode}:'
    return compose_plan_text(
        title, lines, unlisted, digest, lists_all=lists_all, summary=format_summary(plan)
    )


def compose_plan_text(
    title: str,
    lines: Iterable[Text],
    unlisted: int,
    digest: WarningDigest,
    *,
    lists_all: bool,
    summary: str,
) -> Text:
    """Return the text of a plan: title, items, warnings of several items, counts."""
    body = [*lines]
    if unlisted:
        body.append(
            Text(f"    {format_count(unlisted, 'item')} not touched ({LIST_ALL})", style="dim")
        )
    if len(body) > _SCREEN:  # so that all warnings are near the prompt
        warning_lines = [*format_digest(digest, where="see the items above")]
    else:
        warning_lines = [*format_warnings(digest.serious, () if lists_all else digest.of_several)]
    parts = [[Text(title, style="bold")], body, warning_lines, [Text(summary, style="bold")]]
    return Text("\n\n").join(Text("\n").join(part) for part in parts if part)


def format_summary(plan: Plan) -> str:
    """Return the counts in one line, such as `Plan: 3 to create, 5 to overwrite, ...`."""
    return f"Plan: {format_plan_counts(plan)}."


def format_plan_counts(plan: Plan) -> str:
    """Return the number of items of each result and of warnings, as a part of a sentence."""
    counts = plan.counts
    copies = f"{counts[Result.DUPLICATE]} to duplicate, " if counts[Result.DUPLICATE] else ""
    warnings = format_warning_counts(warning for change in plan for warning in change.all_warnings)
    return (
        f"{counts[Result.CREATE]} to create, {copies}"
        f"{counts[Result.OVERWRITE]} to overwrite, {counts[Result.SKIP]} to skip, "
        f"{counts[Result.UNCHANGED]} unchanged{f'; {warnings}' if warnings else ''}"
    )


def digest_plan_warnings(plan: Plan) -> WarningDigest:
    """Return the warnings of a plan that is done, for readers who do not see the plan."""
    return _make_digest(plan, is_done=True)


def _make_digest(plan: Plan, *, is_done: bool) -> WarningDigest:
    return make_digest(
        ItemWarning(
            kind=change.item.kind,
            name=change.item.name,
            item_text=_format_name(change, is_done=is_done),
            warning=warning,
        )
        for change in plan
        for warning in change.all_warnings
    )


def _list_unfolded(change: Change, folded: Collection[tuple[Kind, str, str]]) -> list[PlanWarning]:
    return list_unfolded(change.item.kind, change.all_warnings, folded)


def list_unfolded(
    kind: Kind, warnings: Iterable[PlanWarning], folded: Collection[tuple[Kind, str, str]]
) -> list[PlanWarning]:
    """Return the item's warnings that are printed with it, the most severe first."""
    unfolded = (
        warning
        for warning in warnings
        if warning.is_serious or (kind, warning.code, warning.text) not in folded
    )
    return sorted(unfolded, key=lambda warning: warning.rank)


def _is_decided(change: Change, mode: Mode) -> bool:
    """Return whether something happens to the item, or a decision prevents it."""
    is_skipped = change.result is Result.SKIP and mode is not Mode.SKIP
    return change.result.writes or is_skipped


def format_change(
    result_style: ResultStyle,
    item_text: str,
    fields: Iterable[FieldChange],
    warnings: Iterable[PlanWarning],
) -> Iterator[Text]:
    """Yield what happens to a row: its symbol and verb, its changes, its warnings."""
    symbol, verb, style = result_style
    yield Text(f"  {symbol} {verb} {item_text}", style=style)
    for text in format_fields(fields):
        yield Text(f"      ~ {text}", style=style)
    for warning in warnings:
        style = SERIOUS_STYLE if warning.is_serious else WARNING_STYLE
        yield Text(f"      ! {warning.text}", style=style)


def _format_name(change: Change, *, is_done: bool) -> str:
    item = change.item
    target = "" if change.target_name == item.name else f" as {quote(change.target_name)}"
    # The uuid of a copy is unknown before it is made.
    is_known = change.target_uuid != item.uuid and (is_done or change.result.has_known_uuid)
    row = f", here {change.target_uuid}" if is_known else ""
    return f"{item.kind} {quote(item.name)}{target} ({item.uuid}{row})"


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
