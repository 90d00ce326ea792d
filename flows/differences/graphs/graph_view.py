"""Which part of a picture is shown when a page opens: what changed, large enough to be read. Pure.

A page's script fits it to the window again; without it, this part is what is seen first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from flows.differences.graphs.graph import Graph, GraphDiff, NodeStatus
from flows.differences.graphs.graph_layout import MARGIN, NodePlace, Places

LEAST_SCALE = 0.7
"""The scale at which labels, which are 13 px high at 100 %, are at least 9 px high."""
# The most and the least that is shown, in the units of the canvas.
_MOST = (840.0, 560.0)
_LEAST = (600.0, 400.0)
# With more boxes, those that come first say where a picture opens.
_MOST_BOXES = 2_000

PartId = tuple[str, str]
"""`node` or `edge`, and its key."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of the canvas."""

    x: float
    y: float
    width: float
    height: float

    def join(self, other: "View") -> "View":
        """Return the smallest part with both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return View(x, y, right - x, bottom - y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """The nodes that a picture opens with, by their keys: those that changed, and their neighbours.

    What only moved counts where nothing else changed.
    """

    ranks: Mapping[str, int]
    """Of what changed: the first of the page has 0."""
    neighbours: frozenset[str]


def find_focus(graphs: Sequence[Graph], diff: GraphDiff, numbers: Mapping[PartId, int]) -> Focus:
    """Return what the pictures of several states of a graph open with."""
    ids = sorted(numbers, key=numbers.__getitem__)
    changes = {"node": diff.nodes, "edge": diff.edges}
    strong = [
        (part, key)
        for part, key in ids
        if key in changes[part] and changes[part][key].status is not NodeStatus.MOVED
    ]
    chosen = set(strong or ids)
    nodes = [key for part, key in strong or ids if part == "node"]
    ends = [
        end
        for graph in graphs
        for edge in graph.edges
        if ("edge", edge.key) in chosen
        for end in (edge.source, edge.target)
    ]
    changed = list(dict.fromkeys((*nodes, *ends)))
    ranks = {key: rank for rank, key in enumerate(changed)}
    return Focus(ranks=ranks, neighbours=_find_neighbours(graphs, frozenset(changed)))


def _find_neighbours(graphs: Sequence[Graph], keys: frozenset[str]) -> frozenset[str]:
    edges = [edge for graph in graphs for edge in graph.edges]
    following = {edge.target for edge in edges if edge.source in keys}
    leading = {edge.source for edge in edges if edge.target in keys}
    return frozenset((following | leading) - keys)


def find_opening(places: Sequence[Places], focus: Focus, size: tuple[float, float]) -> View:
    """Return the part of the canvas to begin with.

    It holds what is focused, as far as that can be read at once; else what comes first of it.
    Without a focus it begins where the graph begins.
    """
    boxes = list(islice(_find_boxes(places, focus), _MOST_BOXES))
    first = boxes[0] if boxes else _find_first(places)
    view = View(first.x, first.y, min(first.width, _MOST[0]), min(first.height, _MOST[1]))
    for box in boxes[1:]:
        wider = view.join(box)
        if wider.width <= _MOST[0] and wider.height <= _MOST[1]:
            view = wider
    return _fit_into(_widen(view), size)


def _find_boxes(places: Sequence[Places], focus: Focus) -> Iterable[View]:
    for key in (*focus.ranks, *sorted(focus.neighbours)):
        for each in places:
            if place := each.get(key):
                yield _make_view(place)


def _find_first(places: Sequence[Places]) -> View:
    """Return the whole graph where it can be read at once, else its left end."""
    listed = [place for each in places for place in each.values()]
    if not listed:
        return View(0, 0, *_LEAST)
    first = min(listed, key=lambda place: (place.x, place.y))
    whole = _make_view(first)
    for place in listed:
        whole = whole.join(_make_view(place))
    fits = whole.width <= _MOST[0] and whole.height <= _MOST[1]
    return whole if fits else _make_view(first)


def _make_view(place: NodePlace) -> View:
    space = MARGIN / 2
    return View(place.x - space, place.y - space, place.width + 2 * space, place.height + 2 * space)


def _widen(view: View) -> View:
    width, height = max(view.width, _LEAST[0]), max(view.height, _LEAST[1])
    return View(
        view.x - (width - view.width) / 2, view.y - (height - view.height) / 2, width, height
    )


def _fit_into(view: View, size: tuple[float, float]) -> View:
    """Return the view moved so that as much of it as can be is on the canvas."""
    x, y = (
        (total - length) / 2 if total <= length else min(max(start, 0), total - length)
        for start, length, total in (
            (view.x, view.width, size[0]),
            (view.y, view.height, size[1]),
        )
    )
    return View(x, y, view.width, view.height)
