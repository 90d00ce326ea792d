"""A plan as people read it in a terminal."""

from collections.abc import Iterable, Iterator

from rich.text import Text

from imports.errors import quoted
from imports.plan import Change, FieldChange, Plan, Result

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


def plan_text(plan: Plan) -> Text:
    """Every item with its symbol, what an overwrite changes and all warnings; counts last."""
    lines = [Text(f'Import into the server "{plan.server}", {plan.mode}:', style="bold"), Text()]
    for change in plan:
        lines += _item_lines(change)
    if len(lines) > 2:  # noqa: PLR2004 - the header and the line below it
        lines.append(Text())
    return Text("\n").join([*lines, Text(summary(plan), style="bold")])


def summary(plan: Plan) -> str:
    """The counts in one line, such as `Plan: 3 to create, 5 to overwrite, ...`."""
    counts = plan.counts
    copies = f"{counts[Result.DUPLICATE]} to duplicate, " if counts[Result.DUPLICATE] else ""
    return (
        f"Plan: {counts[Result.CREATE]} to create, {copies}"
        f"{counts[Result.OVERWRITE]} to overwrite, {counts[Result.SKIP]} to skip, "
        f"{counts[Result.UNCHANGED]} unchanged."
    )


def plan_warnings(plan: Plan) -> list[str]:
    """Each warning with its item, for whoever does not see the whole plan."""
    return [f"{_named(change)}: {warning}" for change in plan for warning in change.warnings]


def _item_lines(change: Change) -> Iterator[Text]:
    return change_lines(_LOOKS[change.result], _named(change), change.fields, change.warnings)


def change_lines(
    looks: Looks, named: str, fields: Iterable[FieldChange], warnings: Iterable[str]
) -> Iterator[Text]:
    """What happens to a row, named in words: its symbol and verb, what changes, its warnings."""
    symbol, verb, style = looks
    yield Text(f"  {symbol} {verb} {named}", style=style)
    for field in fields:
        yield Text(f"      ~ {field_text(field)}", style=style)
    for warning in warnings:
        yield Text(f"      ! {warning}", style="red")


def _named(change: Change) -> str:
    item = change.item
    target = "" if change.target_name == item.name else f" as {quoted(change.target_name)}"
    row = "" if change.target_uuid == item.uuid else f", here {change.target_uuid}"
    return f"{item.kind} {quoted(item.name)}{target} ({item.uuid}{row})"


def field_text(field: FieldChange) -> str:
    """What a field changes from and to, as far as it may be shown."""
    if field.before is None:
        return f"{field.key} (changed)"
    return f"{field.key}: {field.before} -> {field.after}"
