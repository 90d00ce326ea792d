"""Draw a graph as a picture: SVG text for a page, made on the server. Pure.

The page's style sheet has all styles: inline ones would be refused by a strict
Content-Security-Policy. What a page's script needs to show another part of the picture is in it:
the size of the canvas, and which nodes are neighbours of what changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flows.differences.graphs.graph import Graph, GraphDiff, compare
from flows.differences.graphs.graph_edges import find_way
from flows.differences.graphs.graph_layout import (
    Places,
    compute_size,
    place,
    place_states,
)
from flows.differences.graphs.graph_looks import NodeLook, find_look
from flows.differences.graphs.graph_parts import NAME_WIDTH, EdgeDrawing, Marks, NodeDrawing
from flows.differences.graphs.graph_texts import cut, escape_text
from flows.differences.graphs.graph_view import (
    LEAST_SCALE,
    Focus,
    PartId,
    View,
    find_focus,
    find_opening,
)

_NO_DIFF = GraphDiff(nodes={}, edges={})
_NO_FOCUS = Focus(ranks={}, neighbours=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Canvas:
    """Where the nodes of a picture are, the size of all, and the part that is shown first."""

    places: Places
    size: tuple[float, float]
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A state of a graph as SVG elements."""

    name: str
    """The beginning of the ids in it, such as `before`."""
    title: str
    svg: str
    """The part of it that a page shows first."""
    whole: str
    """The whole of it at its full size, which repeats what `svg` draws."""


def draw(
    graph: Graph, *, title: str, name: str = "after", numbers: Mapping[PartId, int] | None = None
) -> Picture:
    """Return one state of a graph as a picture, with `title` as its accessible name.

    A part that has a number links to the element `change-NUMBER` of the page.
    """
    places = place(graph.nodes)
    size = compute_size(places.values())
    view = find_opening([places], _NO_FOCUS, size)
    marks = Marks(diff=_NO_DIFF, numbers=numbers or {}, focus=_NO_FOCUS)
    canvas = _Canvas(places=places, size=size, view=view)
    return _make_picture(graph, canvas, marks, title=title, name=name)


def draw_pair(
    before: Graph, after: Graph, diff: GraphDiff, *, numbers: Mapping[PartId, int]
) -> tuple[Picture, Picture]:
    """Return two states of a graph as two pictures of the same size, on one canvas.

    Nodes that did not move have the same position in both, and both show the same part of it: what
    changed, with its neighbours. A part that has a number links to the element `change-NUMBER` of
    the page.
    """
    states = (_State("before", "Before", before, diff), _State("after", "After", after, diff))
    first, second = _draw_states(states, diff, numbers, frozenset())
    return first, second


def draw_three(
    last: Graph,
    now: Graph,
    file: Graph,
    diff: GraphDiff,
    *,
    numbers: Mapping[PartId, int],
    lost: frozenset[PartId],
) -> tuple[Picture, ...]:
    """Return pictures as `draw_pair` does, before them how the last import left the graph.

    There, what was changed since is marked; in all, the parts of which that would be lost.
    """
    states = (
        _State("last", "Last import", last, compare(last, now)),
        _State("before", "Now", now, diff),
        _State("after", "File", file, diff),
    )
    return _draw_states(states, diff, numbers, lost)


@dataclass(frozen=True, slots=True)
class _State:
    """A state of a graph, and the changes that are marked in its picture."""

    name: str
    title: str
    graph: Graph
    diff: GraphDiff


def _draw_states(
    states: Sequence[_State],
    diff: GraphDiff,
    numbers: Mapping[PartId, int],
    lost: frozenset[PartId],
) -> tuple[Picture, ...]:
    graphs = [state.graph for state in states]
    places = place_states(graphs)
    size = compute_size([spot for each in places for spot in each.values()])
    focus = find_focus(graphs, diff, numbers)
    view = find_opening(places, focus, size)
    return tuple(
        _make_picture(
            state.graph,
            _Canvas(places=each, size=size, view=view),
            Marks(diff=state.diff, numbers=numbers, focus=focus, lost=lost),
            title=state.title,
            name=state.name,
        )
        for state, each in zip(states, places, strict=True)
    )


def _make_picture(graph: Graph, canvas: _Canvas, marks: Marks, *, title: str, name: str) -> Picture:
    view, (width, height) = canvas.view, canvas.size
    prefix = f"{name}-"
    svg = (
        f'<svg class="graph" role="group" aria-label="{escape_text(title)}" '
        f'viewBox="{view.x:.0f} {view.y:.0f} {view.width:.0f} {view.height:.0f}" '
        f'width="{view.width * LEAST_SCALE:.0f}" height="{view.height * LEAST_SCALE:.0f}" '
        f'data-canvas="{width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">'
        f"{_draw_definitions(prefix)}"
        f'<g id="{prefix}drawn">{"".join(_draw_parts(graph, canvas, marks, prefix))}</g></svg>'
    )
    whole = (
        f'<svg class="graph" role="img" aria-label="{escape_text(title)}, the whole picture" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'xmlns="http://www.w3.org/2000/svg"><use href="#{prefix}drawn"/></svg>'
    )
    return Picture(name=name, title=title, svg=svg, whole=whole)


def _draw_parts(graph: Graph, canvas: _Canvas, marks: Marks, prefix: str) -> Iterator[str]:
    """Yield what is behind others first: notes and frames, the larger ones before the smaller."""
    ways = [(edge, way) for edge in graph.edges if (way := find_way(edge, canvas.places))]
    names = {node.key: cut(node.label or node.key, NAME_WIDTH) for node in graph.nodes}
    looks = [(node, find_look(node)) for node in graph.nodes]
    behind = [each for each in looks if each[1] is not NodeLook.BOX]
    behind.sort(key=lambda each: -canvas.places[each[0].key].width)
    nodes = NodeDrawing(canvas.places, marks)
    edges = EdgeDrawing(marks, f"{prefix}arrow", names)
    yield from (nodes.draw(node, look) for node, look in behind)
    yield from (edges.draw(edge, way) for edge, way in ways if not way.is_above)
    yield from (nodes.draw(node, look) for node, look in looks if look is NodeLook.BOX)
    yield from (edges.draw(edge, way) for edge, way in ways if way.is_above)


def _draw_definitions(prefix: str) -> str:
    return (
        f'<defs><marker id="{prefix}arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" '
        'markerHeight="10" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
