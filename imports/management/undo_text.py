"""The text of an undo's plan, for a terminal."""

from rich.text import Text

from flows.texts import quote
from imports.management.plan_text import compose_plan_text, format_change, list_unfolded
from imports.management.warning_text import (
    ItemWarning,
    WarningDigest,
    format_warning_counts,
    make_digest,
)
from imports.plans.plan import UndoResult
from imports.undo.plans.plan import UndoChange, UndoPlan

_RESULT_STYLES = {
    UndoResult.RESTORE: ("~", "restore", "yellow"),
    UndoResult.DELETE: ("-", "delete", "red"),
    UndoResult.KEEP: (" ", "keep", "dim"),
}


def format_undo(plan: UndoPlan, *, lists_all: bool = False) -> Text:
    """Return the text of the plan: its rows with changes, conflicts and warnings, then the counts.

    The form is that of an import's plan: see imports.management.plan_text.
    """
    digest = digest_undo_warnings(plan)
    folded = frozenset() if lists_all else digest.keys_of_several
    lines: list[Text] = []
    unlisted = 0
    for change in plan:
        warnings = list_unfolded(change.kind, change.all_warnings, folded)
        if lists_all or warnings or change.writes or change.decision:
            result_style = _RESULT_STYLES[change.result]
            lines += format_change(result_style, _format_name(change), change.fields, warnings)
        else:
            unlisted += 1
    title = f'{plan.name.undoing} on the server "{plan.server}":'
    return compose_plan_text(
        title, lines, unlisted, digest, lists_all=lists_all, summary=format_undo_summary(plan)
    )


def format_undo_summary(plan: UndoPlan) -> str:
    """Return the counts in one line: `Plan: 3 to restore, 2 to delete, 1 to keep.`"""
    return f"Plan: {format_undo_counts(plan)}."


def format_undo_counts(plan: UndoPlan) -> str:
    """Return the number of rows of each result and of warnings, as a part of a sentence."""
    counts = plan.counts
    warnings = format_warning_counts(warning for change in plan for warning in change.all_warnings)
    return (
        f"{counts[UndoResult.RESTORE]} to restore, {counts[UndoResult.DELETE]} to delete, "
        f"{counts[UndoResult.KEEP]} to keep{f'; {warnings}' if warnings else ''}"
    )


def digest_undo_warnings(plan: UndoPlan) -> WarningDigest:
    """Return the warnings of the undo, for readers who do not see the plan."""
    return make_digest(
        ItemWarning(
            kind=change.kind, name=change.name, item_text=_format_name(change), warning=warning
        )
        for change in plan
        for warning in change.all_warnings
    )


def _format_name(change: UndoChange) -> str:
    renamed = change.target_name != change.name
    target = f" as {quote(change.target_name)}" if renamed else ""
    deleted = ", deleted again" if change.save and change.becomes_deleted else ""
    return f"{change.kind} {quote(change.name)}{target} ({change.uuid}{deleted})"
