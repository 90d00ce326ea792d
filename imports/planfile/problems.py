"""The problems of a plan's page, grouped by their cause, and what solves them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flows.content.fields import Kind
from imports.planfile.page import PageItem, PlanPage
from imports.plans.decisions import ItemAction, ItemDecision
from imports.plans.matching import MatchMethod
from imports.plans.plan import Mode, Result

ITEMS_SHOWN = 50
"""The most items of a group that are shown one by one; a decision for the group is for all."""


class Cause(StrEnum):
    """Why a name does not say which row an item is."""

    SEVERAL_ROWS = "several-rows"
    """Several rows on the server have the name of one item."""
    SEVERAL_ITEMS = "several-items"
    """Several items of the file have the name of one row."""
    SEVERAL_OF_BOTH = "several-of-both"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemGroup:
    """The items of a kind that have one problem for one cause."""

    kind: Kind
    cause: str
    """A Cause, or the code of the issue."""
    items: tuple[PageItem, ...]

    @property
    def key(self) -> str:
        """Return the text that names the group in a form."""
        return f"{self.kind}:{self.cause}"

    @property
    def shown(self) -> tuple[PageItem, ...]:
        """Return the items to show one by one."""
        return self.items[:ITEMS_SHOWN]

    @property
    def more(self) -> int:
        """Return how many items are not shown."""
        return len(self.items) - len(self.shown)

    @property
    def is_ambiguous(self) -> bool:
        """Return whether a choice of rows solves it."""
        return self.cause in set(Cause)

    @property
    def can_skip(self) -> bool:
        """Return whether leaving the matched rows alone solves it."""
        return self.cause == "locked"

    @property
    def can_take_back(self) -> bool:
        """Return whether taking a decision back may solve it."""
        return any(item.decision for item in self.items)


def group_problems(page: PlanPage) -> list[ProblemGroup]:
    """Return the items with a problem, grouped by cause and kind, ambiguous names first.

    Not the rows that are pruned, of which nothing is decided one by one.
    """
    refused = [item for item in page.items if item.issues and not item.is_pruned]
    ambiguous = Counter((item.kind, item.name) for item in refused if is_ambiguous(item))
    groups: dict[tuple[bool, Kind, str], list[PageItem]] = defaultdict(list)
    for item in refused:
        if is_ambiguous(item):
            cause = _find_cause(item, ambiguous[item.kind, item.name])
            groups[False, item.kind, cause].append(item)
        else:
            code = item.issue_codes[0] if item.issue_codes else "other"
            groups[True, item.kind, code].append(item)
    ordered = sorted(groups, key=lambda key: key[0])  # else in the order of the plan
    return [ProblemGroup(kind=key[1], cause=key[2], items=tuple(groups[key])) for key in ordered]


def is_ambiguous(item: PageItem) -> bool:
    """Return whether nobody decided yet which row the item is."""
    # A plan of an earlier release has another result.
    return item.result is Result.AMBIGUOUS or (bool(item.candidates) and not item.decision)


def _find_cause(item: PageItem, rivals: int) -> Cause:
    if rivals == 1:
        return Cause.SEVERAL_ROWS
    return Cause.SEVERAL_ITEMS if len(item.candidates) == 1 else Cause.SEVERAL_OF_BOTH


def may_create(item: PageItem) -> bool:
    """Return whether the item can become a new row beside its namesakes."""
    return item.kind is not Kind.SECRET and (
        item.result is Result.AMBIGUOUS
        or item.method is MatchMethod.NAME
        or item.decided_action is not None
        or bool(item.candidates)
    )


def find_solved(page: PlanPage, decided: Iterable[tuple[Kind, str]]) -> list[PageItem]:
    """Return those of the decided items without a problem that a row or an action is chosen for."""
    keys = set(decided)
    return [
        item
        for item in page.items
        if (item.kind, item.uuid) in keys
        and not item.issues
        and (item.decided_target or item.decided_action)
    ]


def find_most_alike(group: ProblemGroup) -> dict[tuple[Kind, str], str]:
    """Return the uuid of the row that is most alike, by item, where there is one such row.

    None for an item of which two rows are as alike, nor for items that have the same one.
    """
    best = {
        (item.kind, item.uuid): item.candidates[0].uuid
        for item in group.items
        if _has_best_candidate(item)
    }
    times = Counter(best.values())
    return {key: uuid for key, uuid in best.items() if times[uuid] == 1}


def _has_best_candidate(item: PageItem) -> bool:
    shares = [row.share or 0 for row in item.candidates]
    return bool(shares) and shares[0] > max(shares[1:], default=0)


def solve_group(
    page: PlanPage, key: str, solution: Mode | ItemAction | None
) -> Mapping[tuple[Kind, str], ItemDecision]:
    """Return the same decision for each item of a group; an empty one for None.

    Empty where there is no such group.
    """
    items = next((group.items for group in group_problems(page) if group.key == key), ())
    return {(item.kind, item.uuid): make_decision(item.decision, solution) for item in items}


def solve_group_by_likeness(page: PlanPage, key: str) -> Mapping[tuple[Kind, str], ItemDecision]:
    """Return the decision for the most alike row, for each item of a group that has one."""
    group = next((group for group in group_problems(page) if group.key == key), None)
    best = find_most_alike(group) if group and group.is_ambiguous else {}
    items = {(item.kind, item.uuid): item for item in group.items} if group else {}
    return {each: make_decision(items[each].decision, uuid) for each, uuid in best.items()}


def make_decision(earlier: ItemDecision, solution: Mode | ItemAction | str | None) -> ItemDecision:
    """Return a decision: a mode, an action, the uuid of the item's row, or none; added to another.

    A chosen mode keeps the row, and a chosen row or action keeps the mode.
    """
    if solution is None:
        return ItemDecision()
    if isinstance(solution, Mode):
        return ItemDecision(mode=solution, target_uuid=earlier.target_uuid)
    if isinstance(solution, ItemAction):
        return ItemDecision(mode=earlier.mode, action=solution)
    return ItemDecision(mode=earlier.mode, target_uuid=solution)
