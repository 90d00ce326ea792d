"""The plan of an undo as people read it in a terminal."""

from collections.abc import Iterator

from rich.text import Text

from imports.errors import quoted
from imports.plan import UndoResult
from imports.plan_text import change_lines
from imports.undo.plan import UndoChange, UndoPlan

_LOOKS = {
    UndoResult.RESTORE: ("~", "restore", "yellow"),
    UndoResult.DELETE: ("-", "delete", "red"),
    UndoResult.KEEP: (" ", "keep", "dim"),
}


def undo_text(plan: UndoPlan) -> Text:
    """Every row with its symbol, what a restore changes and what stands against it; counts last."""
    title = f'{plan.name.undoing} on the server "{plan.server}":'
    lines = [Text(title, style="bold"), Text()]
    for change in plan:
        lines += _item_lines(change)
    return Text("\n").join([*lines, Text(), Text(undo_summary(plan), style="bold")])


def undo_summary(plan: UndoPlan) -> str:
    """The counts in one line: `Plan: 3 to restore, 2 to delete, 1 to keep.`"""
    counts = plan.counts
    return (
        f"Plan: {counts[UndoResult.RESTORE]} to restore, {counts[UndoResult.DELETE]} to delete, "
        f"{counts[UndoResult.KEEP]} to keep."
    )


def undo_warnings(plan: UndoPlan) -> list[str]:
    """Each warning with its row, for whoever does not see the whole plan."""
    return [f"{_named(change)}: {warning}" for change in plan for warning in change.warnings]


def _item_lines(change: UndoChange) -> Iterator[Text]:
    return change_lines(_LOOKS[change.result], _named(change), change.fields, change.warnings)


def _named(change: UndoChange) -> str:
    renamed = change.target_name != change.name
    target = f" as {quoted(change.target_name)}" if renamed else ""
    deleted = ", deleted again" if change.save and change.becomes_deleted else ""
    return f"{change.kind} {quoted(change.name)}{target} ({change.uuid}{deleted})"
