"""The form of the problems of an upload: from a browser's data to decisions on its items.

solve:KIND:UUID      the uuid of a row, create, leave-out, skip, or undecided
solve_all:GROUP      one of these words, or most-alike, for each item of the group
chosen               KIND:UUID of an item that is ticked, any number of times
only                 chosen, more or all: what becomes of the items that are not ticked
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.http import QueryDict

from flows.content.fields import Kind
from imports.planfile.page import PageItem, PlanPage
from imports.planfile.problems import (
    group_problems,
    make_decision,
    solve_group,
    solve_group_by_likeness,
)
from imports.plans.decisions import ItemAction, ItemDecision
from imports.plans.plan import Mode

UNDECIDED = "undecided"
MOST_ALIKE = "most-alike"
_SOLVE = "solve:"
_SOLVE_ALL = "solve_all:"
_CHOSEN = "chosen"
_ONLY = "only"

Solutions = Mapping[tuple[Kind, str], ItemDecision]
_WORDS: Mapping[str, Mode | ItemAction | None] = {
    UNDECIDED: None,
    Mode.SKIP.value: Mode.SKIP,
    **{action.value: action for action in ItemAction},
}


def read_solutions(sent: QueryDict, page: PlanPage, decisions: Solutions) -> Solutions:
    """Return the decisions with those that solve problems: for single items, then for groups.

    What is as it was, or for an item that the page does not have, is ignored. Raises ValueError for
    a value that is neither a word nor a uuid.
    """
    items = {_name_item(item): item for item in page.items}
    solutions = dict(decisions)
    for name in sent:
        value = str(sent.get(name))
        item = items.get(name.removeprefix(_SOLVE)) if name.startswith(_SOLVE) else None
        if item and value and value != get_solution(item):
            key = item.kind, item.uuid
            solutions[key] = make_decision(solutions.get(key, item.decision), _read_solution(value))
    for group in group_problems(page):
        word = sent.get(f"{_SOLVE_ALL}{group.key}")
        if word == MOST_ALIKE:
            solutions |= solve_group_by_likeness(page, group.key)
        elif word and word not in _WORDS:
            raise ValueError(word)
        elif word:
            solutions |= solve_group(page, group.key, _WORDS[word])
    return solutions


def get_solution(item: PageItem) -> str:
    """Return the value of the choice that is in effect for an item; "" where there is none."""
    return item.decided_action or item.decided_target or ""


def read_only(sent: QueryDict, page: PlanPage, earlier: Iterable[str]) -> list[tuple[Kind, str]]:
    """Return the items to import with what they use, of those that the page has; empty for all.

    `earlier` are those of now, as `kind:uuid`. Raises ValueError where no item is ticked.
    """
    words = sent.getlist(_CHOSEN)
    if sent[_ONLY] == "all":
        return []
    if not words:
        raise ValueError(_CHOSEN)
    if sent[_ONLY] == "more":
        words += earlier
    wanted = set(words)
    return [(item.kind, item.uuid) for item in page.items if _name_item(item) in wanted]


def asks_for_only(sent: QueryDict) -> bool:
    """Return whether a button for "only these" was pressed."""
    return _ONLY in sent


def _read_solution(value: str) -> Mode | ItemAction | str | None:
    return _WORDS[value] if value in _WORDS else str(UUID(value))


def _name_item(item: PageItem) -> str:
    return f"{item.kind}:{item.uuid}"
