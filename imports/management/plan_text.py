"""The words of an import's plan, for a terminal. Its lines are made by plan_lines."""

from functools import partial

from flows.content.fields import Kind
from flows.texts import quote
from imports.management.plan_lines import PlanWords, ResultStyle
from imports.management.warning_text import (
    ItemWarning,
    WarningDigest,
    format_warning_counts,
    make_digest,
)
from imports.planfile.wording import COUNTED, count_results
from imports.plans.plan import Change, Mode, Plan, Result

_RESULT_STYLES: dict[Result, ResultStyle] = {
    Result.CREATE: ("+", "create", "green"),
    Result.OVERWRITE: ("~", "overwrite", "yellow"),
    Result.DUPLICATE: ("+", "duplicate", "green"),
    Result.SKIP: (" ", "skip", "dim"),
    Result.UNCHANGED: (" ", "unchanged", "dim"),
    Result.AMBIGUOUS: ("?", "ambiguous", "bold red"),
    Result.PRUNE: ("-", "prune", "red"),
}
_ONLY_WHERE_SOME = (Result.DUPLICATE, Result.PRUNE, Result.AMBIGUOUS)
_MOST_LEFT_OUT = 10  # more are counted, and not listed: `--only` leaves out most of a file


def word_plan(plan: Plan) -> PlanWords[Change]:
    """Return the plan of an import with its words."""
    lists_left_out = sum(change.is_left_out for change in plan) <= _MOST_LEFT_OUT
    return PlanWords(
        plan=plan,
        title=f'Import into the server "{plan.server}", {plan.mode}:',
        summary=format_summary(plan),
        digest=_make_digest(plan, is_done=False),
        styles=_RESULT_STYLES,
        counted=COUNTED,
        changing=Result.OVERWRITE,
        get_kind=_get_kind,
        format_name=partial(_format_name, is_done=False),
        is_decided=partial(_is_decided, mode=plan.mode, lists_left_out=lists_left_out),
    )


def _get_kind(change: Change) -> Kind:
    return change.item.kind


def format_summary(plan: Plan) -> str:
    """Return the counts in one line, such as `Plan: 3 to create, 5 to overwrite, ...`."""
    return f"Plan: {format_plan_counts(plan)}."


def format_plan_counts(plan: Plan) -> str:
    """Return the number of items of each result and of warnings, as a part of a sentence."""
    counts, left_out = count_results(plan)
    shown = [
        f"{counts[result]} {text}"
        for result, text in COUNTED.items()
        if counts[result] or result not in _ONLY_WHERE_SOME
    ]
    if left_out:
        shown.insert(-1, f"{left_out} left out")
    warnings = format_warning_counts(warning for change in plan for warning in change.all_warnings)
    return f"{', '.join(shown)}{f'; {warnings}' if warnings else ''}"


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


def _is_decided(change: Change, *, mode: Mode, lists_left_out: bool) -> bool:
    """Return whether something happens to the item, or a decision prevents it or is missing."""
    if change.is_left_out:
        return lists_left_out
    is_skipped = change.result is Result.SKIP and mode is not Mode.SKIP
    is_ambiguous = change.result is Result.AMBIGUOUS
    return change.result.writes or is_skipped or is_ambiguous


def _format_name(change: Change, *, is_done: bool) -> str:
    item = change.item
    target = "" if change.target_name == item.name else f" as {quote(change.target_name)}"
    # The uuid of a copy is unknown before it is made.
    is_known = change.target_uuid != item.uuid and (is_done or change.result.has_known_uuid)
    row = f", here {change.target_uuid}" if is_known else ""
    row = ", left out" if change.is_left_out else row
    return f"{item.kind} {quote(item.name)}{target} ({item.uuid}{row})"
