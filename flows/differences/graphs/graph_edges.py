"""The way of an edge from one node to another, so that it is seen wherever the two stand. Pure."""

from dataclasses import dataclass

from flows.differences.graphs.graph import Edge
from flows.differences.graphs.graph_layout import NodePlace, Places

# With less space between two nodes, an edge does not fit between them.
_NEAR = 24
_STUMP = 24
# How far from its ends an edge is drawn towards the side at which it leaves a node.
_BEND = 40
_ARC = 46

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeWay:
    """The way of an edge as the `d` of an SVG path, and a point in the middle of it."""

    path: str
    middle: Point
    is_dangling: bool = False
    is_above: bool = False
    """Whether it goes round two nodes that leave no space between them, and is drawn over them."""


def find_way(edge: Edge, places: Places) -> EdgeWay | None:
    """Return the way of an edge: a stump if one of its ends is missing, None if both are."""
    source, target = places.get(edge.source), places.get(edge.target)
    if source and target:
        return _connect(source, target)
    if source:
        x, y = source.right, _get_middle(source)
        return _make_stump(x, y)
    if target:
        return _make_stump(target.x - _STUMP, _get_middle(target))
    return None


def _make_stump(x: float, y: float) -> EdgeWay:
    path = f"M{x:.1f} {y:.1f}h{_STUMP}"
    return EdgeWay(path=path, middle=(x + _STUMP / 2, y), is_dangling=True)


def _connect(source: NodePlace, target: NodePlace) -> EdgeWay:
    space = target.x - source.right
    if space >= _NEAR:
        start = (source.right, _get_middle(source))
        end = (target.x, _get_middle(target))
        bend = max(_BEND, space / 2)
        return _make_curve(start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end)
    if source is not target and target.x < source.right and source.x < target.right:
        if target.y - source.bottom >= _NEAR:
            return _go_down(source, target)
        if source.y - target.bottom >= _NEAR:
            return _go_up(source, target)
    is_beside = source.x - target.right < _NEAR
    return _go_above(source, target) if is_beside else _go_back(source, target)


def _go_down(source: NodePlace, target: NodePlace) -> EdgeWay:
    start, end = (_get_centre(source), source.bottom), (_get_centre(target), target.y)
    bend = max(_NEAR, (end[1] - start[1]) / 2)
    return _make_curve(start, (start[0], start[1] + bend), (end[0], end[1] - bend), end)


def _go_up(source: NodePlace, target: NodePlace) -> EdgeWay:
    start, end = (_get_centre(source), source.y), (_get_centre(target), target.bottom)
    bend = max(_NEAR, (start[1] - end[1]) / 2)
    return _make_curve(start, (start[0], start[1] - bend), (end[0], end[1] + bend), end)


def _go_above(source: NodePlace, target: NodePlace) -> EdgeWay:
    """Return the way over the tops of two nodes that overlap, or stand side by side."""
    start, end = (source.right - 24, source.y), (target.x + 24, target.y)
    top = min(start[1], end[1]) - _ARC
    return _make_curve(start, (start[0] + 12, top), (end[0] - 12, top), end, is_above=True)


def _go_back(source: NodePlace, target: NodePlace) -> EdgeWay:
    """Return the way to a node further left: below both."""
    start, end = (_get_centre(source), source.bottom), (_get_centre(target), target.bottom)
    low = max(start[1], end[1]) + _ARC
    return _make_curve(start, (start[0], low), (end[0], low), end)


def _make_curve(
    start: Point, first: Point, second: Point, end: Point, *, is_above: bool = False
) -> EdgeWay:
    middle = (
        (start[0] + 3 * first[0] + 3 * second[0] + end[0]) / 8,
        (start[1] + 3 * first[1] + 3 * second[1] + end[1]) / 8,
    )
    points = " ".join(f"{x:.1f} {y:.1f}" for x, y in (first, second, end))
    path = f"M{start[0]:.1f} {start[1]:.1f}C{points}"
    return EdgeWay(path=path, middle=middle, is_above=is_above)


def _get_middle(place: NodePlace) -> float:
    return place.y + place.height / 2


def _get_centre(place: NodePlace) -> float:
    return place.x + place.width / 2
