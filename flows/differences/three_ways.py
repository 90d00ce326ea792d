"""What was changed on a server since the last import, and would be lost by the next one. Pure.

Three states are compared: as the last import left it, now, and as the file has it. A change that
was made here is lost where the import changes the same value, or an outer or inner one.
"""

from collections.abc import Iterable
from itertools import takewhile

from flows.differences.graph import Graph, GraphDiff, NodeChange, NodeStatus, compare
from flows.differences.graph_view import PartId
from flows.differences.value_differences import ValueDifference

Paths = tuple[str, ...]
"""Dotted paths of values in a node or an edge; none for all of it."""


def find_lost(last: Graph, now: Graph, incoming: GraphDiff) -> dict[PartId, Paths]:
    """Return the parts that were changed since `last`, and that the import changes, with the paths.

    What was only moved here, or is only moved by the import, is no loss.
    """
    here = compare(last, now)
    found: dict[PartId, Paths] = {}
    for part, made, brought in (
        ("node", here.nodes, incoming.nodes),
        ("edge", here.edges, incoming.edges),
    ):
        for key, change in made.items():
            if (paths := _find_lost_paths(change, brought.get(key))) is not None:
                found[part, key] = paths
    return found


def is_lost(value: ValueDifference, paths: Paths) -> bool:
    """Return whether a value that the import changes was changed here, at one of these paths."""
    keys = takewhile(lambda step: isinstance(step, str), value.steps)
    return not paths or any(_meet(".".join(map(str, keys)), path) for path in paths)


def _find_lost_paths(made: NodeChange, brought: NodeChange | None) -> Paths | None:
    """Return the paths at which both changed a part, () for all of it; None if they did not."""
    if brought is None:
        # Removed here, and not in the file either.
        return None
    if not (_is_change(made) and _is_change(brought)):
        return None
    if not made.paths or not brought.paths:
        return ()
    met = tuple(path for path in made.paths if _meets_any(path, brought.paths))
    return met or None


def _is_change(change: NodeChange) -> bool:
    return change.status not in {NodeStatus.SAME, NodeStatus.MOVED}


def _meets_any(path: str, others: Iterable[str]) -> bool:
    return any(_meet(path, other) for other in others)


def _meet(one: str, other: str) -> bool:
    """Return whether two paths are the same, or one leads into the other."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
