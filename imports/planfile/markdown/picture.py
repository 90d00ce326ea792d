"""A picture of what changes in a flow, as a flowchart of mermaid. Pure.

It has the nodes that change and those beside them, not the whole flow.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from flows.counting import format_count
from flows.differences.graphs.graph import Edge, Graph, NodeChange, NodeStatus, compare
from flows.differences.graphs.graph_looks import NodeLook, find_look
from imports.planfile.markdown.blocks import MarkdownBlock
from imports.planfile.markdown.escaping import write_label

MOST_NODES = 40
MOST_EDGES = 120

_EMPTY = Graph(nodes=(), edges=())
_CLASSES = {
    NodeStatus.ADDED: "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    NodeStatus.REMOVED: "fill:#ffebe9,stroke:#cf222e,color:#1f2328,stroke-dasharray:4 3",
    NodeStatus.CHANGED: "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
}
_ARROWS = {NodeStatus.ADDED: "==>", NodeStatus.REMOVED: "-.->"}
_SIGNS = {NodeStatus.ADDED: "+ ", NodeStatus.REMOVED: "- ", NodeStatus.CHANGED: "~ "}


def draw_change(before: Graph, after: Graph) -> MarkdownBlock | None:
    """Return the picture of a flow that changes; None where it would be one node without an edge.

    An edge that comes is thick, one that goes is dotted.
    """
    diff = compare(before, after)
    edges = {edge.key: edge for edge in (*before.edges, *after.edges)}
    nodes = _find_changed(diff.nodes)
    ends = [end for key in _find_changed(diff.edges) for end in _get_ends(edges[key])]
    changed = dict.fromkeys([*nodes, *(end for end in ends if end in diff.nodes)])
    near = [
        end
        for edge in edges.values()
        if changed.keys() & set(_get_ends(edge))
        for end in _get_ends(edge)
        if end in diff.nodes
    ]
    shown = list(dict.fromkeys([*changed, *near]))
    return _draw(before, after, shown, diff.nodes, diff.edges) if len(shown) > 1 else None


def draw_new(flow: Graph) -> MarkdownBlock | None:
    """Return the picture of a flow that is new, without its notes; None for less than two nodes."""
    keys = [node.key for node in flow.nodes if find_look(node) is NodeLook.BOX]
    return _draw(_EMPTY, flow, keys, {}, {}) if len(keys) > 1 else None


def _find_changed(changes: Mapping[str, NodeChange]) -> list[str]:
    return [key for key, change in changes.items() if change.status in _CLASSES]


def _get_ends(edge: Edge) -> tuple[str, str]:
    return edge.source, edge.target


def _draw(
    before: Graph,
    after: Graph,
    keys: list[str],
    nodes: Mapping[str, NodeChange],
    edges: Mapping[str, NodeChange],
) -> MarkdownBlock:
    names = {key: f"n{number}" for number, key in enumerate(keys[:MOST_NODES], start=1)}
    labels = {node.key: node.label or node.key for node in (*before.nodes, *after.nodes)}
    inside = {
        edge.key: edge
        for edge in (*before.edges, *after.edges)
        if edge.source in names and edge.target in names
    }
    statuses = {key: change.status for key, change in nodes.items()}
    lines = [
        "flowchart LR",
        *_write_nodes(names, labels, statuses),
        *_write_edges(names, islice(inside.values(), MOST_EDGES), edges),
        *_write_classes({statuses.get(key) for key in names}),
    ]
    return MarkdownBlock(
        head=_count_left_out(len(keys) - len(names), len(inside) - MOST_EDGES),
        language="mermaid",
        lines=tuple(lines),
        is_divisible=False,
    )


def _write_nodes(
    names: Mapping[str, str], labels: Mapping[str, str], statuses: Mapping[str, NodeStatus]
) -> Iterator[str]:
    for key, name in names.items():
        status = statuses.get(key, NodeStatus.SAME)
        label = write_label(f"{_SIGNS.get(status, '')}{labels[key]}")
        yield f"  {name}[{label}]{f':::{status}' if status in _CLASSES else ''}"


def _write_edges(
    names: Mapping[str, str], inside: Iterable[Edge], edges: Mapping[str, NodeChange]
) -> Iterator[str]:
    for edge in inside:
        change = edges.get(edge.key)
        arrow = _ARROWS.get(change.status, "-->") if change else "-->"
        yield f"  {names[edge.source]} {arrow} {names[edge.target]}"


def _write_classes(used: Iterable[NodeStatus | None]) -> Iterator[str]:
    used = set(used)
    for status, style in _CLASSES.items():
        if status in used:
            yield f"  classDef {status} {style}"


def _count_left_out(nodes: int, edges: int) -> str:
    counted = [
        format_count(count, f"more {noun}")
        for count, noun in ((nodes, "node"), (edges, "edge"))
        if count > 0
    ]
    return f"{' and '.join(counted)} not in the picture" if counted else ""
