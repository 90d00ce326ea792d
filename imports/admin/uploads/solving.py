"""The problems of an upload on its page: the data of importing/problems.html and its parts."""

from collections.abc import Iterable
from typing import Any

from imports.models import PendingImport
from imports.planfile.page import PageItem, PlanPage
from imports.planfile.problems import (
    ITEMS_SHOWN,
    Cause,
    ProblemGroup,
    find_most_alike,
    find_solved,
    group_problems,
    is_ambiguous,
    may_create,
)
from imports.plans.decisions import read_decision_list

_CANDIDATES_OPEN = 4
_TITLES = {
    Cause.SEVERAL_ROWS: "of whose name there are several here",
    Cause.SEVERAL_ITEMS: "of one name in the file, and one of that name here",
    Cause.SEVERAL_OF_BOTH: "of one name in the file, and several of that name here",
    "locked": "locked here",
    "name-taken": "whose name another one has here",
    "uuid-taken": "that cannot be new, as the uuid is taken here",
    "unknown-target": "for which a row was chosen that is not here",
    "target-taken": "for which a row was chosen that another item is",
    "ambiguous-uuid": "whose uuid would mean two things",
    "key-collision": "in which two keys would become one",
}
_HINTS = {
    Cause.SEVERAL_ROWS: "Say which one is meant, or make a new one beside them.",
    Cause.SEVERAL_ITEMS: "One of the file's can be the one here; the others need another choice.",
    Cause.SEVERAL_OF_BOTH: "Each of the file's can be another one of those here, or a new one.",
    "locked": "Leave them as they are here, or choose to overwrite locked flows below.",
}


def describe_problems(pending: PendingImport, plan: PlanPage) -> dict[str, Any]:
    """Return what the page shows of problems, of those that are solved, and of "only these"."""
    groups = group_problems(plan)
    solved = find_solved(plan, read_decision_list(pending.decisions))
    return {
        "problem_groups": [_describe_group(group) for group in groups],
        "problem_count": sum(len(group.items) for group in groups),
        "refused_count": sum(bool(item.issues) for item in plan.items),
        "solved": {
            "items": _describe_items(solved[:ITEMS_SHOWN]),
            "count": len(solved),
            "more": max(len(solved) - ITEMS_SHOWN, 0),
        },
        "only": {
            "chosen": frozenset(pending.only),
            "count": len(pending.only),
            "left_out": sum(item.is_left_out for item in plan.items),
        },
    }


def _describe_group(group: ProblemGroup) -> dict[str, Any]:
    noun = group.kind if len(group.items) == 1 else group.kind.plural
    title = _TITLES.get(group.cause, f"with the problem {group.cause}")
    return {
        "group": group,
        "title": f"{len(group.items)} {noun} {title}",
        "hint": _HINTS.get(group.cause, ""),
        "alike": len(find_most_alike(group)) if group.is_ambiguous else 0,
        "may_create": group.is_ambiguous and all(map(may_create, group.items)),
        "items": _describe_items(group.shown),
    }


def _describe_items(items: Iterable[PageItem]) -> list[dict[str, Any]]:
    return [
        {
            "item": item,
            "name": f"solve:{item.kind}:{item.uuid}",
            "may_create": may_create(item),
            "is_ambiguous": is_ambiguous(item),
            "candidates": item.candidates[:_CANDIDATES_OPEN],
            "more_candidates": item.candidates[_CANDIDATES_OPEN:],
            "is_open": item.decided_target
            in [row.uuid for row in item.candidates[_CANDIDATES_OPEN:]],
        }
        for item in items
    ]
