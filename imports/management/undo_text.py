"""The text of an undo's plan, for a terminal."""

from rich.text import Text

from imports.errors import quote
from imports.management.plan_text import change_lines, framed, unfolded
from imports.management.warning_text import ItemWarning, WarningDigest, digest_of, warning_counts
from imports.plans.plan import UndoResult
from imports.undo.plans.plan import UndoChange, UndoPlan

_LOOKS = {
    UndoResult.RESTORE: ("~", "restore", "yellow"),
    UndoResult.DELETE: ("-", "delete", "red"),
    UndoResult.KEEP: (" ", "keep", "dim"),
}


def undo_text(plan: UndoPlan, *, lists_all: bool = False) -> Text:
    """Return the text of the plan: its rows with changes, conflicts and warnings, then the counts.

    The form is that of an import's plan: see imports.management.plan_text.
    """
    digest = undo_warnings(plan)
    folded = frozenset() if lists_all else digest.told_at_once
    lines: list[Text] = []
    unlisted = 0
    for change in plan:
        warnings = unfolded(change.kind, change.all_warnings, folded)
        if lists_all or warnings or change.writes or change.decision:
            looks = _LOOKS[change.result]
            lines += change_lines(looks, _named(change), change.fields, warnings)
        else:
            unlisted += 1
    title = f'{plan.name.undoing} on the server "{plan.server}":'
    return framed(title, lines, unlisted, digest, lists_all=lists_all, summary=undo_summary(plan))


def undo_summary(plan: UndoPlan) -> str:
    """Return the counts in one line: `Plan: 3 to restore, 2 to delete, 1 to keep.`"""
    return f"Plan: {undo_counts(plan)}."


def undo_counts(plan: UndoPlan) -> str:
    """Return the number of rows of each result and of warnings, as a part of a sentence."""
    counts = plan.counts
    warnings = warning_counts(warning for change in plan for warning in change.all_warnings)
    return (
        f"{counts[UndoResult.RESTORE]} to restore, {counts[UndoResult.DELETE]} to delete, "
        f"{counts[UndoResult.KEEP]} to keep{f'; {warnings}' if warnings else ''}"
    )


def undo_warnings(plan: UndoPlan) -> WarningDigest:
    """Return the warnings of the undo, for readers who do not see the plan."""
    return digest_of(
        ItemWarning(kind=change.kind, name=change.name, named=_named(change), warning=warning)
        for change in plan
        for warning in change.all_warnings
    )


def _named(change: UndoChange) -> str:
    renamed = change.target_name != change.name
    target = f" as {quote(change.target_name)}" if renamed else ""
    deleted = ", deleted again" if change.save and change.becomes_deleted else ""
    return f"{change.kind} {quote(change.name)}{target} ({change.uuid}{deleted})"
