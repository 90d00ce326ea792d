"""The changes of a plan with the differences that they make, one at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from flows.content.fields import Kind
from flows.differences.values import Difference, compare_contents
from flows.documents.packing import DamagedDocumentError
from imports.rows.states import RowStates, separate_documents

C = TypeVar("C")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedChange(Generic[C]):
    """A change of a plan with the difference of its row's states."""

    change: C
    difference: Difference | None = None
    """None where nothing is written, and where it was not asked for or cannot be told."""
    states: RowStates | None = None
    """What was compared."""
    problem: str = ""
    """Why the difference cannot be told."""


def compare_changes(
    states: Iterable[tuple[Kind, C, RowStates | None]], *, with_new: bool
) -> Iterator[ComparedChange[C]]:
    """Yield the changes with their differences.

    Those of rows that are made or deleted, which are all of their contents, only `with_new`.
    """
    for kind, change, states_of_row in states:
        if states_of_row is None or not (with_new or _are_two(states_of_row)):
            yield ComparedChange(change=change)
        else:
            yield _compare(kind, change, states_of_row)


def _are_two(states: RowStates) -> bool:
    return states.before is not None and states.after is not None


def _compare(kind: Kind, change: C, states: RowStates) -> ComparedChange[C]:
    try:
        difference = _compare_states(kind, states)
    except DamagedDocumentError as error:
        return ComparedChange(change=change, problem=f"cannot be compared: {error}")
    return ComparedChange(change=change, difference=difference, states=states)


def _compare_states(kind: Kind, states: RowStates) -> Difference:
    try:
        return compare_contents(kind, states.before, states.after, draws=False)
    except DamagedDocumentError:
        separate_documents(states.before, states.after)  # it may be that of another row
        return compare_contents(kind, states.before, states.after, draws=False)
