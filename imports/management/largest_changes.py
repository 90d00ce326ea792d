"""The largest changes of a plan, each in a line: what of a row differs, and how much. Pure."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from flows.change_summary import summarize_change, summarize_fields
from flows.differences.value_differences import ValueDifference
from flows.differences.values import Difference
from imports.management.compared_changes import ComparedChange
from imports.plans.plan import FieldChange


class ChangeWithFields(Protocol):
    """A change of a plan that has the fields that change."""

    @property
    def fields(self) -> tuple[FieldChange, ...]: ...


C = TypeVar("C", bound=ChangeWithFields)

MOST_LARGEST = 10


class LargestChanges(Generic[C]):
    """Keeps the largest of the changes that pass through, each with its difference in words."""

    def __init__(self, most: int = MOST_LARGEST) -> None:
        self._most = most
        self._heap: list[tuple[int, int, C, str]] = []
        self.passed = 0
        """How many changes were measured."""

    def watch(self, compared: Iterable[ComparedChange[C]]) -> Iterator[ComparedChange[C]]:
        """Yield the changes as they are; of two that are as large, the first one is kept."""
        for each in compared:
            if each.difference and not (each.difference.is_new or each.difference.is_gone):
                self._add(each, each.difference)
            yield each

    def __iter__(self) -> Iterator[tuple[C, str]]:
        """Yield the largest changes, the largest first, each with its difference in words."""
        for _, _, change, words in sorted(self._heap, reverse=True, key=lambda each: each[:2]):
            yield change, words

    def _add(self, compared: ComparedChange[C], difference: Difference) -> None:
        self.passed += 1
        size = measure_difference(difference)
        if len(self._heap) == self._most and size <= self._heap[0][0]:
            return
        entry = (size, -self.passed, compared.change, _describe(compared, difference, size))
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)


def measure_difference(difference: Difference) -> int:
    """Return how many lines of texts and other values differ, but of what only moved."""
    size = 0
    for field in difference.fields:
        size += _measure_values(field.values) or (field.lines.changed if field.lines else 1)
    if graph := difference.graph:
        size += sum(_measure_values(part.values) for part in graph.changes)
    return size


def _measure_values(values: Iterable[ValueDifference]) -> int:
    return sum(value.lines.changed if value.lines else 1 for value in values)


def _describe(compared: ComparedChange[C], difference: Difference, size: int) -> str:
    """Return the difference in words: `2 nodes changed; timeout 60 -> 99; 12 lines and values`."""
    states = compared.states
    inside: tuple[str, ...] = ()
    if states and states.before and states.after:
        inside = summarize_change(difference.kind, states.before, states.after)
    words = summarize_fields(compared.change.fields, inside)
    return "; ".join([*words, "1 line or value" if size == 1 else f"{size} lines and values"])
