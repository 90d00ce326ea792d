"""A plan that is no longer what would happen: it is refused before anything is written."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from flows.counting import format_others
from flows.destinations.warnings import DestinationWarning
from imports.errors import Issue, PlanRefused, StalePlan, UndoRefused
from imports.planfile.changes import PlanChange
from imports.plans.plan import get_destination_keys

P = TypeVar("P")


def make_stale_error(why: str, *, again: str, issues: Sequence[Issue] = ()) -> StalePlan:
    """Return the error for a plan that can no longer be applied; `again` says what to do."""
    return StalePlan("stale-plan", why, tuple(issues), remedy=f"Nothing was written. {again}")


def plan_again(
    plan: Callable[[], P],
    expected: str | None,
    *,
    make_token: Callable[[P], str],
    find_changes: Callable[[P], Iterable[PlanChange]],
    again: str,
) -> P:
    """Return the plan that is made now. Raises what `plan` does, or StalePlan.

    Raises StalePlan where the plan's confirmation token is not `expected`, which is None where no
    plan was confirmed. For a confirmed plan, PlanRefused and UndoRefused become StalePlan.
    `find_changes` returns the differences from the confirmed plan, as far as that is known.
    """
    try:
        planned = plan()
    except (PlanRefused, UndoRefused) as refusal:
        if expected is None:
            raise
        why = f"What was shown cannot be done any more. {refusal}"
        raise make_stale_error(why, again=again, issues=refusal.issues) from None
    if expected is not None and expected != make_token(planned):
        issues = [change.issue for change in find_changes(planned)]
        first = f" {issues[0].message}{format_others(issues, 'difference')}" if issues else ""
        why = f"What would happen is no longer what was shown.{first}"
        raise make_stale_error(why, again=again, issues=issues)
    return planned


def check_destinations(
    planned: Iterable[Iterable[DestinationWarning]],
    found: Iterable[Iterable[DestinationWarning]],
    *,
    again: str,
) -> None:
    """Raise StalePlan where the warnings found now are of destinations that the planned ones lack.

    Call it in the transaction of the writes, after `lock_destinations`.
    """
    now = {key for warnings in found for key in get_destination_keys(warnings)}
    if not now <= {key for warnings in planned for key in get_destination_keys(warnings)}:
        why = "A secret got a value or another name meanwhile, or is sent elsewhere."
        raise make_stale_error(why, again=again)
