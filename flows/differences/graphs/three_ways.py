"""What was changed on a server since the last import, and would be lost by the next one. Pure.

Three states are compared: as the last import left it, now, and as the file has it. A change that
was made here is lost where the import changes the same value, or an outer or inner one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from flows.differences.graphs.graph import Graph, GraphDiff, NodeChange, NodeStatus, compare
from flows.differences.graphs.graph_view import PartId
from flows.differences.value_differences import ValueDifference


@dataclass(frozen=True, slots=True)
class LostPaths:
    """The dotted paths of values in a node or an edge; none for all of it."""

    paths: frozenset[str]
    outer: frozenset[str]
    """The paths that lead to these."""

    @classmethod
    def make(cls, paths: Iterable[str]) -> "LostPaths":
        listed = frozenset(paths)
        return cls(listed, frozenset(outer for path in listed for outer in _find_outer(path)))

    def meet(self, path: str) -> bool:
        """Return whether one of them is the path, or leads to it, or it leads to one of them."""
        if not self.paths or path in self.paths or path in self.outer:
            return True
        return any(outer in self.paths for outer in _find_outer(path))


def _find_outer(path: str) -> Iterator[str]:
    end = path.find(".")
    while end >= 0:
        yield path[:end]
        end = path.find(".", end + 1)


def find_lost(last: Graph, now: Graph, incoming: GraphDiff) -> dict[PartId, LostPaths]:
    """Return the parts that were changed since `last`, and that the import changes, with the paths.

    What was only moved here, or is only moved by the import, is no loss.
    """
    here = compare(last, now)
    found: dict[PartId, LostPaths] = {}
    for part, made, brought in (
        ("node", here.nodes, incoming.nodes),
        ("edge", here.edges, incoming.edges),
    ):
        for key, change in made.items():
            if (paths := _find_lost_paths(change, brought.get(key))) is not None:
                found[part, key] = paths
    return found


def is_lost(value: ValueDifference, paths: LostPaths) -> bool:
    """Return whether a value that the import changes was changed here, at one of these paths."""
    keys = takewhile(lambda step: isinstance(step, str), value.steps)
    return paths.meet(".".join(map(str, keys)))


def _find_lost_paths(made: NodeChange, brought: NodeChange | None) -> LostPaths | None:
    """Return the paths at which both changed a part, () for all of it; None if they did not."""
    if brought is None:
        # Removed here, and not in the file either.
        return None
    if not (_is_change(made) and _is_change(brought)):
        return None
    if not made.paths or not brought.paths:
        return LostPaths.make(())
    by_import = LostPaths.make(brought.paths)
    met = [path for path in made.paths if by_import.meet(path)]
    return LostPaths.make(met) if met else None


def _is_change(change: NodeChange) -> bool:
    return change.status not in {NodeStatus.SAME, NodeStatus.MOVED}
