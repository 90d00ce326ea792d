"""Read a flow's nodes and edges as a graph that can be drawn and compared. Pure.

Real flows have null positions, several nodes with one id, edges without an end. None of these
raises: a node that repeats an id gets a key of its own, an edge without an end is kept and listed
as dangling.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flows.content import canonical

# Keys of a node for where and how it is shown, not what it does.
LAYOUT_KEYS = frozenset(
    {
        "position",
        "positionAbsolute",
        "width",
        "height",
        "measured",
        "selected",
        "dragging",
        "zIndex",
    }
)
_DEEPEST_PATH = 6
# Of a longer key, a path has the beginning: there may be very many paths with one long key.
_LONGEST_KEY = 100


class NodeStatus(StrEnum):
    """The change of a node or an edge between two graphs."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    """At another position, or shown differently, with the same function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node: its key is its id, with a number after it where it repeats one."""

    key: str
    label: str
    type: str
    x: float | None
    y: float | None
    value: Mapping[str, Any]
    """The node in the flow's JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An edge between two nodes, by their ids. `key` is its id, or its ends, made unique."""

    key: str
    source: str
    target: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The nodes and edges of a flow, in its order."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def dangling(self) -> list[Edge]:
        """Return the edges with an end that is no node of the graph."""
        ids = {node.key for node in self.nodes}
        return [edge for edge in self.edges if edge.source not in ids or edge.target not in ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChange:
    """The change of one node or edge, with the paths of the values that differ."""

    key: str
    status: NodeStatus
    paths: tuple[str, ...] = ()
    is_moved: bool = False
    """Whether its layout differs, also where its function does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDiff:
    """Two graphs compared: by key, the change of every node and edge of either."""

    nodes: Mapping[str, NodeChange]
    edges: Mapping[str, NodeChange]

    @property
    def counts(self) -> Counter[NodeStatus]:
        """Return how many nodes and edges have each status."""
        changes = (*self.nodes.values(), *self.edges.values())
        return Counter(change.status for change in changes)


def read_graph(nodes: str, edges: str) -> Graph:
    """Return the graph of two documents of canonical JSON; any content is accepted."""
    read_nodes = _add_keys(_read_objects(nodes), lambda value: _read_text(value.get("id")))
    read_edges = _add_keys(_read_objects(edges), _make_edge_key)
    return Graph(
        nodes=tuple(_read_node(key, value) for key, value in read_nodes),
        edges=tuple(
            Edge(
                key=key,
                source=_read_text(value.get("source")),
                target=_read_text(value.get("target")),
                value=value,
            )
            for key, value in read_edges
        ),
    )


def compare(before: Graph, after: Graph) -> GraphDiff:
    """Return the changes from one graph to the other, node by node and edge by edge."""
    return GraphDiff(
        nodes=_find_changes(before.nodes, after.nodes),
        edges=_find_changes(before.edges, after.edges),
    )


def count_changes(changes: Iterable[NodeChange]) -> Counter[NodeStatus]:
    """Return how many nodes or edges have each status; what moved and changed counts as both."""
    return Counter(
        status
        for change in changes
        for status in {change.status, NodeStatus.MOVED if change.is_moved else change.status}
    )


def find_differing_paths(before: Any, after: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the dotted paths at which two JSON values differ, down to a depth.

    The path of the whole value is "". Very long keys are cut.
    """
    if canonical.encode(before) == canonical.encode(after):
        return
    if depth < _DEEPEST_PATH and isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            short_key = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}..."
            inner = f"{path}.{short_key}" if path else short_key
            if key not in before or key not in after:
                yield inner
            else:
                yield from find_differing_paths(before[key], after[key], inner, depth + 1)
    else:
        yield path


def _find_changes(
    before: Sequence[Node] | Sequence[Edge], after: Sequence[Node] | Sequence[Edge]
) -> dict[str, NodeChange]:
    old = {part.key: part.value for part in before}
    new = {part.key: part.value for part in after}
    changes = {
        key: _compare_part(key, old[key], new[key])
        if key in new
        else NodeChange(key=key, status=NodeStatus.REMOVED)
        for key in old
    }
    added = (key for key in new if key not in old)
    return {**changes, **{key: NodeChange(key=key, status=NodeStatus.ADDED) for key in added}}


def _compare_part(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> NodeChange:
    paths = tuple(find_differing_paths(dict(old), dict(new)))
    if not paths:
        return NodeChange(key=key, status=NodeStatus.SAME)
    layout = [path.partition(".")[0] in LAYOUT_KEYS for path in paths]
    status = NodeStatus.MOVED if all(layout) else NodeStatus.CHANGED
    return NodeChange(key=key, status=status, paths=paths, is_moved=any(layout))


def _read_objects(text: str) -> list[dict[str, Any]]:
    values = canonical.decode(text)
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def _add_keys(values: Iterable[dict[str, Any]], name: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each value with its name as the key; the second of the same name is `NAME #2`."""
    seen: Counter[str] = Counter()
    for value in values:
        key = first = name(value)
        while key in seen:
            seen[first] += 1
            key = f"{first} #{seen[first]}"
        seen[key] += 1
        yield key, value


def _read_node(key: str, value: dict[str, Any]) -> Node:
    data, position = _read_object(value.get("data")), _read_object(value.get("position"))
    label = next((data[name] for name in ("label", "name", "title") if data.get(name)), key)
    x, y = _read_number(position.get("x")), _read_number(position.get("y"))
    return Node(
        key=key,
        label=_read_text(label),
        type=_read_text(value.get("type")),
        x=x if y is not None else None,
        y=y if x is not None else None,
        value=value,
    )


def _read_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _make_edge_key(value: dict[str, Any]) -> str:
    if value.get("id") not in (None, ""):
        return _read_text(value["id"])
    ends = (
        _read_text(value.get(name)) for name in ("source", "sourceHandle", "target", "targetHandle")
    )
    return " ".join(ends)


def _read_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical.encode(value)


def _read_number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
