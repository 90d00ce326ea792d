"""The words of an undo's plan, for a terminal. Its lines are made by plan_lines."""

from flows.content.fields import Kind
from flows.texts import quote
from imports.management.plan_lines import PlanWords, ResultStyle
from imports.management.warning_text import (
    ItemWarning,
    WarningDigest,
    format_warning_counts,
    make_digest,
)
from imports.plans.plan import UndoResult
from imports.undo.plans.plan import UndoChange, UndoPlan

_RESULT_STYLES: dict[UndoResult, ResultStyle] = {
    UndoResult.RESTORE: ("~", "restore", "yellow"),
    UndoResult.DELETE: ("-", "delete", "red"),
    UndoResult.KEEP: (" ", "keep", "dim"),
}
_COUNTED = {
    UndoResult.RESTORE: "to restore",
    UndoResult.DELETE: "to delete",
    UndoResult.KEEP: "to keep",
}


def word_undo(plan: UndoPlan) -> PlanWords[UndoChange]:
    """Return the plan of an undo with its words."""
    return PlanWords(
        plan=plan,
        title=f'{plan.name.undoing} on the server "{plan.server}":',
        summary=format_undo_summary(plan),
        digest=digest_undo_warnings(plan),
        styles=_RESULT_STYLES,
        counted=_COUNTED,
        changing=UndoResult.RESTORE,
        get_kind=_get_kind,
        format_name=_format_name,
        is_decided=_is_decided,
    )


def _get_kind(change: UndoChange) -> Kind:
    return change.kind


def _is_decided(change: UndoChange) -> bool:
    return change.writes or change.decision is not None


def format_undo_summary(plan: UndoPlan) -> str:
    """Return the counts in one line: `Plan: 3 to restore, 2 to delete, 1 to keep.`"""
    return f"Plan: {format_undo_counts(plan)}."


def format_undo_counts(plan: UndoPlan) -> str:
    """Return the number of rows of each result and of warnings, as a part of a sentence."""
    counts = plan.counts
    warnings = format_warning_counts(warning for change in plan for warning in change.all_warnings)
    shown = (f"{counts[result]} {text}" for result, text in _COUNTED.items())
    return f"{', '.join(shown)}{f'; {warnings}' if warnings else ''}"


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
