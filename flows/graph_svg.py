"""A graph as a picture: SVG text for a page, made on the server. Pure.

Nodes stand where they stand on the canvas. Empty stretches of it are shortened, so that a node
100,000 steps away does not make the others specks, and nodes without a position are lined up
below. The looks are the page's style sheet's: nothing here has a style of its own, which a strict
Content-Security-Policy would forbid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from flows.graph import Change, Edge, Graph, Node, Status

NODE_WIDTH = 180
NODE_HEIGHT = 56
_MARGIN = 24
# An empty stretch longer than this is drawn this long.
_LONGEST_GAP = 320
_GRID_COLUMNS = 6
_GRID_STEP = (NODE_WIDTH + 40, NODE_HEIGHT + 40)
_LABEL_LENGTH = 24
_TYPE_LENGTH = 28

_WORDS = {
    Status.SAME: "unchanged",
    Status.ADDED: "added",
    Status.REMOVED: "removed",
    Status.CHANGED: "changed",
    Status.MOVED: "moved",
}
_BADGES = {
    Status.ADDED: "+",
    Status.REMOVED: "\N{MINUS SIGN}",
    Status.CHANGED: "~",
    Status.MOVED: "\N{LEFT RIGHT ARROW}",
}


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    y: float


def draw(
    graph: Graph,
    *,
    title: str,
    prefix: str = "",
    changes: Mapping[str, Change] | None = None,
    edge_changes: Mapping[str, Change] | None = None,
) -> str:
    """The graph as an SVG element, with `title` as its name for those who cannot see it.

    `changes` and `edge_changes`, by key, mark nodes and edges; a marked node can be focused and
    carries its key as `data-node`. `prefix` keeps the ids of several pictures on one page apart.
    """
    places = place(graph.nodes)
    width = max((spot.x for spot in places.values()), default=0) + NODE_WIDTH + _MARGIN
    height = max((spot.y for spot in places.values()), default=0) + NODE_HEIGHT + _MARGIN
    marker = f"{prefix}arrow"
    parts = [
        f'<svg class="graph" role="group" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        'xmlns="http://www.w3.org/2000/svg">',
        f'<defs><marker id="{escape(marker)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
        *_edges(graph, places, edge_changes or {}, marker),
        *(_node(node, places[node.key], (changes or {}).get(node.key)) for node in graph.nodes),
        "</svg>",
    ]
    return "".join(parts)


def place(nodes: Sequence[Node]) -> dict[str, _Place]:
    """Where each node is drawn, by its key: from (margin, margin) to the right and down."""
    placed = [node for node in nodes if node.x is not None and node.y is not None]
    across = _shortened([node.x or 0 for node in placed], NODE_WIDTH)
    down = _shortened([node.y or 0 for node in placed], NODE_HEIGHT)
    places = {node.key: _Place(across[node.x or 0], down[node.y or 0]) for node in placed}
    top = max((spot.y + NODE_HEIGHT + 40 for spot in places.values()), default=_MARGIN)
    lost = [node for node in nodes if node.key not in places]
    for number, node in enumerate(lost):
        row, column = divmod(number, _GRID_COLUMNS)
        places[node.key] = _Place(_MARGIN + column * _GRID_STEP[0], top + row * _GRID_STEP[1])
    return places


def _shortened(values: Iterable[float], size: float) -> dict[float, float]:
    """Coordinates to drawn ones: the order and short distances stay, long gaps become shorter."""
    drawn: dict[float, float] = {}
    last: float | None = None
    for value in sorted(set(values)):
        if last is None:
            drawn[value] = _MARGIN
        else:
            drawn[value] = drawn[last] + min(value - last, size + _LONGEST_GAP)
        last = value
    return drawn


def _node(node: Node, spot: _Place, change: Change | None) -> str:
    status = change.status if change else Status.SAME
    told = f"{node.label or node.key}, {_WORDS[status]}" if change else node.label or node.key
    focus = ' tabindex="0"' if status is not Status.SAME else ""
    badge = _BADGES.get(status, "")
    return (
        f'<g class="node {status}" data-node="{escape(node.key)}" role="img" '
        f'aria-label="{escape(told)}"{focus} transform="translate({spot.x:.1f} {spot.y:.1f})">'
        f"<title>{escape(told)}</title>"
        f'<rect width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="8"/>'
        f'<text class="label" x="12" y="24">{escape(_cut(node.label, _LABEL_LENGTH))}</text>'
        f'<text class="type" x="12" y="43">{escape(_cut(node.type, _TYPE_LENGTH))}</text>'
        + (f'<text class="badge" x="{NODE_WIDTH - 10}" y="18">{badge}</text>' if badge else "")
        + "</g>"
    )


def _edges(
    graph: Graph, places: Mapping[str, _Place], changes: Mapping[str, Change], marker: str
) -> Iterable[str]:
    for edge in graph.edges:
        change = changes.get(edge.key)
        status = change.status if change else Status.SAME
        path, dangles = _path(edge, places)
        if path:
            classes = f"edge {status}" + (" dangling" if dangles else "")
            yield (
                f'<path class="{classes}" data-edge="{escape(edge.key)}" d="{path}" '
                f'marker-end="url(#{escape(marker)})"/>'
            )


def _path(edge: Edge, places: Mapping[str, _Place]) -> tuple[str, bool]:
    """The curve from the source's right side to the target's left, and whether an end is missing.

    Of an edge with one end a stump is drawn; of one with none, nothing.
    """
    source, target = places.get(edge.source), places.get(edge.target)
    if source and target:
        x1, y1 = source.x + NODE_WIDTH, source.y + NODE_HEIGHT / 2
        x2, y2 = target.x, target.y + NODE_HEIGHT / 2
        bend = max(40, abs(x2 - x1) / 2)
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
