"""The order in which a person reads a flow's nodes: from where it starts, along its edges. Pure."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from flows.differences.graphs.graph import Edge

Place = tuple[float, float]


def order_nodes(
    keys: Iterable[str], edges: Sequence[Edge], places: Mapping[str, Place]
) -> list[str]:
    """Return the nodes in the flow's order; each one comes once, also where edges make a circle.

    A flow starts at the nodes that no edge leads to. From those on, nodes come by how many edges
    they are away; of several at once, the left and the upper ones first. Nodes that only lead to
    each other come last.
    """
    todo = sorted(keys, key=lambda key: places[key])
    known = set(todo)
    targets: dict[str, list[str]] = {}
    has_source = set()
    for edge in edges:
        if edge.source in known and edge.target in known and edge.source != edge.target:
            targets.setdefault(edge.source, []).append(edge.target)
            has_source.add(edge.target)
    starts = [key for key in todo if key not in has_source and key in targets]
    alone = [key for key in todo if key not in has_source and key not in targets]
    # Notes and other nodes without an edge are no start: they come after what is connected.
    ordered: dict[str, None] = {}
    for start in ([*starts], *([key] for key in todo if key in has_source), alone):
        _walk(start, targets, places, ordered)
    return list(ordered)


def _walk(
    starts: Sequence[str],
    targets: Mapping[str, Sequence[str]],
    places: Mapping[str, Place],
    ordered: dict[str, None],
) -> None:
    """Add the nodes that are reached from the starts, nearest first."""
    waiting = deque(key for key in starts if key not in ordered)
    ordered.update(dict.fromkeys(waiting))
    while waiting:
        # No set, whose order is another one in each process: nodes may be at one place.
        following = [key for key in targets.get(waiting.popleft(), ()) if key not in ordered]
        nearest = sorted(dict.fromkeys(following), key=lambda key: places[key])
        ordered.update(dict.fromkeys(nearest))
        waiting.extend(nearest)
