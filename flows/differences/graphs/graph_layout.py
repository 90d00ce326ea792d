"""Where the nodes of a graph are drawn. Pure.

Nodes are drawn at their positions in the flow. Long empty stretches are shortened, so that a node
100,000 units away does not make the others tiny, and nodes without a position are drawn in rows
below. A note or a frame covers the same nodes as in its editor.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flows.differences.graphs.graph import Graph, Node
from flows.differences.graphs.graph_looks import NODE_HEIGHT, NODE_WIDTH, find_area

MARGIN = 36
# An empty stretch longer than this is drawn this long.
_LONGEST_GAP = 320
_GRID_COLUMNS = 6
# The largest factor by which overlapping nodes are moved apart, and the most nodes to compare.
_WIDEST_SPREAD = 2.5
_SPACE = 24
_MOST_MEASURED = 500
_GRID_STEP = (NODE_WIDTH + 40, NODE_HEIGHT + 40)
# Between the edge of a note or frame and a node that stands in it.
_PADDING = 12


@dataclass(frozen=True, slots=True)
class NodePlace:
    """The position at which the upper left corner of a node is drawn, and its size."""

    x: float
    y: float
    width: float = NODE_WIDTH
    height: float = NODE_HEIGHT

    @property
    def right(self) -> float:
        """Return the position of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Return the position of the lower side."""
        return self.y + self.height


Places = Mapping[str, NodePlace]
"""Where nodes are drawn, by their keys."""


def place(nodes: Sequence[Node]) -> dict[str, NodePlace]:
    """Return where each node is drawn, by its key: from (margin, margin) to the right and down."""
    return _place_all([nodes])[0]


def place_pair(before: Graph, after: Graph) -> tuple[dict[str, NodePlace], dict[str, NodePlace]]:
    """Return where the nodes of two states of a graph are drawn on their common canvas."""
    old, new = _place_all([before.nodes, after.nodes])
    return old, new


def place_states(graphs: Sequence[Graph]) -> list[dict[str, NodePlace]]:
    """Return where the nodes of several states of a graph are drawn on their common canvas."""
    return _place_all([graph.nodes for graph in graphs])


def compute_size(places: Iterable[NodePlace]) -> tuple[float, float]:
    """Return the width and height of the canvas on which all the places are."""
    listed = list(places)
    return (
        max((each.right for each in listed), default=NODE_WIDTH) + MARGIN,
        max((each.bottom for each in listed), default=NODE_HEIGHT) + MARGIN,
    )


@dataclass(frozen=True, slots=True)
class _Spot:
    """A node that has a position in the flow, with the area that it covers there."""

    node: Node
    x: float
    y: float
    area: tuple[float, float] | None


def _place_all(graphs: Sequence[Sequence[Node]]) -> list[dict[str, NodePlace]]:
    spots = [
        [
            _Spot(node, node.x, node.y, find_area(node))
            for node in nodes
            if node.x is not None and node.y is not None
        ]
        for nodes in graphs
    ]
    placed = [spot for each in spots for spot in each]
    wider, higher = _compute_spreads(spots)
    across = _shorten_gaps(_list_ends((each.x, each.area, 0) for each in placed), NODE_WIDTH, wider)
    down = _shorten_gaps(_list_ends((each.y, each.area, 1) for each in placed), NODE_HEIGHT, higher)
    found = [_place_spots(each, across, down) for each in spots]
    lower = max((each.bottom + 40 for drawn in found for each in drawn.values()), default=MARGIN)
    keys = (node.key for nodes in graphs for node in nodes if node.x is None or node.y is None)
    grid = {key: _place_in_grid(at, lower) for at, key in enumerate(dict.fromkeys(keys))}
    return [
        {node.key: drawn.get(node.key) or grid[node.key] for node in nodes}
        for nodes, drawn in zip(graphs, found, strict=True)
    ]


def _list_ends(ends: Iterable[tuple[float, tuple[float, float] | None, int]]) -> list[float]:
    """Return the coordinates of one axis: where nodes begin, and where areas end."""
    found: list[float] = []
    for start, area, axis in ends:
        found.append(start)
        if area:
            found.append(start + area[axis])
    return found


def _place_spots(
    spots: Sequence[_Spot], across: Mapping[float, float], down: Mapping[float, float]
) -> dict[str, NodePlace]:
    boxes = sorted(
        ((each.x, each.y) for each in spots if each.area is None),
    )
    return {
        each.node.key: _cover(each, each.area, boxes, across, down)
        if each.area
        else NodePlace(across[each.x], down[each.y])
        for each in spots
    }


def _cover(
    spot: _Spot,
    area: tuple[float, float],
    boxes: Sequence[tuple[float, float]],
    across: Mapping[float, float],
    down: Mapping[float, float],
) -> NodePlace:
    """Return the place of a note or frame: it ends behind the nodes that stand in it."""
    x, y = across[spot.x], down[spot.y]
    end_x, end_y = spot.x + area[0], spot.y + area[1]
    right, bottom = across[end_x], down[end_y]
    start = bisect_left(boxes, (spot.x,))
    for box_x, box_y in boxes[start : start + _MOST_MEASURED]:
        if box_x >= end_x:
            break
        if spot.y <= box_y < end_y:
            right = max(right, across[box_x] + NODE_WIDTH + _PADDING)
            bottom = max(bottom, down[box_y] + NODE_HEIGHT + _PADDING)
    return NodePlace(x, y, right - x, bottom - y)


def _place_in_grid(number: int, top: float) -> NodePlace:
    row, column = divmod(number, _GRID_COLUMNS)
    return NodePlace(MARGIN + column * _GRID_STEP[0], top + row * _GRID_STEP[1])


def _compute_spreads(graphs: Sequence[Sequence[_Spot]]) -> tuple[float, float]:
    """Return the factors by which graphs are made wider and higher, so that few nodes overlap.

    In the editor of these graphs nodes are smaller. Of two that would overlap, the axis that
    needs less counts; two at the same position there may overlap here.
    """
    needs: tuple[list[float], list[float]] = ([], [])
    for spots in graphs:
        ends = sorted((spot.x, spot.y) for spot in spots if spot.area is None)
        for at, (x, y) in enumerate(ends[:_MOST_MEASURED]):
            for other_x, other_y in ends[at + 1 : at + 1 + _MOST_MEASURED]:
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
            drawn[value] = MARGIN
        else:
            drawn[value] = drawn[last] + min((value - last) * spread, size + _LONGEST_GAP)
        last = value
    return drawn
