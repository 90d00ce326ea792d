"""Draw a graph as a picture: SVG text for a page, made on the server. Pure.

Nodes are drawn at their positions in the flow. Long empty stretches are shortened, so that a node
100,000 units away does not make the others tiny, and nodes without a position are drawn in rows
below. The page's style sheet has all styles: inline ones would be refused by a strict
Content-Security-Policy.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from flows.differences.graph import Edge, Graph, GraphDiff, Node, NodeStatus

NODE_WIDTH = 180
NODE_HEIGHT = 56
_MARGIN = 36
# An empty stretch longer than this is drawn this long.
_LONGEST_GAP = 320
_GRID_COLUMNS = 6
# The largest factor by which overlapping nodes are moved apart, and the most nodes to compare.
_WIDEST_SPREAD = 2.5
_SPACE = 24
_MOST_MEASURED = 500
_GRID_STEP = (NODE_WIDTH + 40, NODE_HEIGHT + 40)
_LABEL_LENGTH = 21
_TYPE_LENGTH = 25
_TITLE_LENGTH = 200

WORDS = {
    NodeStatus.SAME: "unchanged",
    NodeStatus.ADDED: "added",
    NodeStatus.REMOVED: "removed",
    NodeStatus.CHANGED: "changed",
    NodeStatus.MOVED: "moved",
}
BADGES = {
    NodeStatus.ADDED: "+",
    NodeStatus.REMOVED: "\N{MINUS SIGN}",
    NodeStatus.CHANGED: "~",
    NodeStatus.MOVED: "\N{LEFT RIGHT ARROW}",
}


@dataclass(frozen=True, slots=True)
class NodePlace:
    """The position at which the upper left corner of a node is drawn."""

    x: float
    y: float


PartId = tuple[str, str]
"""`node` or `edge`, and its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """The changes of the parts of a picture, and the numbers of their entries on the page."""

    diff: GraphDiff
    numbers: Mapping[PartId, int]


_UNMARKED = _Marks(diff=GraphDiff(nodes={}, edges={}), numbers={})


def draw(graph: Graph, *, title: str) -> str:
    """Return the graph as an SVG element, with `title` as its accessible name."""
    [places] = _place_all([graph.nodes])
    return _draw_svg(graph, places, _compute_size(places), _UNMARKED, title=title, prefix="")


def draw_pair(
    before: Graph, after: Graph, diff: GraphDiff, *, numbers: Mapping[PartId, int]
) -> tuple[str, str]:
    """Return two states of a graph as two pictures of the same size, on one canvas.

    Nodes that did not move have the same position in both. A part that has a number links to the
    element `change-NUMBER` of the page.
    """
    old, new = place_pair(before, after)
    size = _compute_size({**{("old", key): spot for key, spot in old.items()}, **new})
    marks = _Marks(diff=diff, numbers=numbers)
    return (
        _draw_svg(before, old, size, marks, title="Before", prefix="before-"),
        _draw_svg(after, new, size, marks, title="After", prefix="after-"),
    )


def place(nodes: Sequence[Node]) -> dict[str, NodePlace]:
    """Return where each node is drawn, by its key: from (margin, margin) to the right and down."""
    return _place_all([nodes])[0]


def place_pair(before: Graph, after: Graph) -> tuple[dict[str, NodePlace], dict[str, NodePlace]]:
    """Return where the nodes of two states of a graph are drawn on their common canvas."""
    old, new = _place_all([before.nodes, after.nodes])
    return old, new


def _place_all(graphs: Sequence[Sequence[Node]]) -> list[dict[str, NodePlace]]:
    placed = [node for nodes in graphs for node in nodes if _has_position(node)]
    wider, higher = _compute_spreads(graphs)
    across = _shorten_gaps([node.x or 0 for node in placed], NODE_WIDTH, wider)
    down = _shorten_gaps([node.y or 0 for node in placed], NODE_HEIGHT, higher)
    top = max((spot + NODE_HEIGHT + 40 for spot in down.values()), default=_MARGIN)
    lost = (node.key for nodes in graphs for node in nodes if not _has_position(node))
    grid = {key: _place_in_grid(number, top) for number, key in enumerate(dict.fromkeys(lost))}
    return [
        {
            node.key: NodePlace(across[node.x or 0], down[node.y or 0])
            if _has_position(node)
            else grid[node.key]
            for node in nodes
        }
        for nodes in graphs
    ]


def _has_position(node: Node) -> bool:
    return node.x is not None and node.y is not None


def _place_in_grid(number: int, top: float) -> NodePlace:
    row, column = divmod(number, _GRID_COLUMNS)
    return NodePlace(_MARGIN + column * _GRID_STEP[0], top + row * _GRID_STEP[1])


def _compute_size(places: Mapping[Any, NodePlace]) -> tuple[float, float]:
    return (
        max((spot.x for spot in places.values()), default=0) + NODE_WIDTH + _MARGIN,
        max((spot.y for spot in places.values()), default=0) + NODE_HEIGHT + _MARGIN,
    )


def _draw_svg(
    graph: Graph,
    places: Mapping[str, NodePlace],
    size: tuple[float, float],
    marks: _Marks,
    *,
    title: str,
    prefix: str,
) -> str:
    """Return the picture; `prefix` makes the ids of several pictures on one page distinct."""
    width, height = size
    marker = f"{prefix}arrow"
    parts = [
        f'<svg class="graph" role="group" aria-label="{_escape(title)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        'xmlns="http://www.w3.org/2000/svg">',
        f'<defs><marker id="{marker}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" '
        'markerHeight="10" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker>'
        f'<clipPath id="{prefix}inside"><rect width="{NODE_WIDTH - 8}" height="{NODE_HEIGHT}"/>'
        "</clipPath></defs>",
        *_draw_edges(graph, places, marks, marker),
        *(_draw_node(node, places[node.key], marks, prefix) for node in graph.nodes),
        "</svg>",
    ]
    return "".join(parts)


def _compute_spreads(graphs: Sequence[Sequence[Node]]) -> tuple[float, float]:
    """Return the factors by which graphs are made wider and higher, so that few nodes overlap.

    In the editor of these graphs nodes are smaller. Of two that would overlap, the axis that
    needs less counts; two at the same position there may overlap here.
    """
    needs: tuple[list[float], list[float]] = ([], [])
    for nodes in graphs:
        spots = sorted((node.x or 0, node.y or 0) for node in nodes if _has_position(node))
        for at, (x, y) in enumerate(spots[:_MOST_MEASURED]):
            for other_x, other_y in spots[at + 1 : at + 1 + _MOST_MEASURED]:
                if other_x - x >= NODE_WIDTH:
                    break
                if abs(other_y - y) < NODE_HEIGHT:
                    wider = (NODE_WIDTH + _SPACE) / max(1, other_x - x)
                    higher = (NODE_HEIGHT + _SPACE) / max(1, abs(other_y - y))
                    if min(wider, higher) <= _WIDEST_SPREAD:
                        needs[higher < wider].append(min(wider, higher))
    wider, higher = (sorted(need)[len(need) * 9 // 10] if need else 1 for need in needs)
    return wider, higher


def _shorten_gaps(values: Iterable[float], size: float, spread: float) -> dict[float, float]:
    """Map coordinates to drawn ones: order and short distances stay, long gaps get shorter."""
    drawn: dict[float, float] = {}
    last: float | None = None
    for value in sorted(set(values)):
        if last is None:
            drawn[value] = _MARGIN
        else:
            drawn[value] = drawn[last] + min((value - last) * spread, size + _LONGEST_GAP)
        last = value
    return drawn


def _draw_node(node: Node, spot: NodePlace, marks: _Marks, prefix: str) -> str:
    change, number = marks.diff.nodes.get(node.key), marks.numbers.get(("node", node.key))
    status = change.status if change else NodeStatus.SAME
    title = _escape(_cut(node.label or node.key, _TITLE_LENGTH))
    if change:
        title = f"{title}, {WORDS[status]}"
    element = "a" if number else "g"
    # A link is named by its title; the text that it shows must be part of that name.
    kind = (
        f' href="#change-{number}" data-change="{number}"'
        if number
        else f' role="img" aria-label="{title}"'
    )
    badge = BADGES.get(status, "")
    return (
        f'<{element} class="node {status}"{kind} '
        f'transform="translate({spot.x:.1f} {spot.y:.1f})"><title>{title}</title>'
        f'<rect width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="8"/>'
        f'<g clip-path="url(#{prefix}inside)">'
        f'<text class="label" x="12" y="24">{_escape(_cut(node.label, _LABEL_LENGTH))}</text>'
        f'<text class="type" x="12" y="43">{_escape(_cut(node.type, _TYPE_LENGTH))}</text></g>'
        + (_draw_badge(badge) if badge else "")
        + f"</{element}>"
    )


def _draw_badge(sign: str) -> str:
    return (
        f'<circle class="badge" cx="{NODE_WIDTH - 4}" cy="4" r="11"/>'
        f'<text class="sign" x="{NODE_WIDTH - 4}" y="9">{sign}</text>'
    )


def _draw_edges(
    graph: Graph, places: Mapping[str, NodePlace], marks: _Marks, marker: str
) -> Iterable[str]:
    for edge in graph.edges:
        change, number = marks.diff.edges.get(edge.key), marks.numbers.get(("edge", edge.key))
        status = change.status if change else NodeStatus.SAME
        path, dangles = _draw_path(edge, places)
        if path:
            classes = f"edge {status}" + (" dangling" if dangles else "")
            drawn = f'<path class="{classes}" d="{path}" marker-end="url(#{marker})"/>'
            yield _draw_edge_link(drawn, status, number) if number else drawn


def _draw_edge_link(drawn: str, status: NodeStatus, number: int) -> str:
    """Return an edge as a link; with the keyboard, its entry in the list is reached instead."""
    return (
        f'<a href="#change-{number}" data-change="{number}" tabindex="-1" '
        f'aria-label="edge, {WORDS[status]}">{drawn}</a>'
    )


def _draw_path(edge: Edge, places: Mapping[str, NodePlace]) -> tuple[str, bool]:
    """Return the curve from the source's right to the target's left, and whether an end is missing.

    An edge with one end is drawn as a stump, one with none not at all.
    """
    source, target = places.get(edge.source), places.get(edge.target)
    if source and target:
        x1, y1 = source.x + NODE_WIDTH, source.y + NODE_HEIGHT / 2
        x2, y2 = target.x, target.y + NODE_HEIGHT / 2
        # The bend of a backward edge is at most the margin, to stay inside the picture.
        bend = max(40, (x2 - x1) / 2)
        curve = f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
        return f"M{x1:.1f} {y1:.1f}{curve}", False
    if source:
        x, y = source.x + NODE_WIDTH, source.y + NODE_HEIGHT / 2
        return f"M{x:.1f} {y:.1f}h24", True
    if target:
        x, y = target.x, target.y + NODE_HEIGHT / 2
        return f"M{x - 24:.1f} {y:.1f}h24", True
    return "", True


def _cut(text: str, length: int) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= length else f"{line[: length - 1]}\N{HORIZONTAL ELLIPSIS}"


def _escape(text: str) -> str:
    """Return the text escaped for SVG, without characters that XML does not allow."""
    return escape("".join(char if char.isprintable() else " " for char in text))
