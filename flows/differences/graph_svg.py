"""Draw a graph as a picture: SVG text for a page, made on the server. Pure.

The page's style sheet has all styles: inline ones would be refused by a strict
Content-Security-Policy. What a page's script needs to show another part of the picture is in it:
the size of the canvas, and which nodes are neighbours of what changed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flows.differences.graph import Edge, Graph, GraphDiff, Node, NodeStatus
from flows.differences.graph_edges import EdgeWay, find_way
from flows.differences.graph_layout import (
    NodePlace,
    Places,
    compute_size,
    place,
    place_pair,
)
from flows.differences.graph_looks import NodeLook, find_look, read_note
from flows.differences.graph_texts import cut, escape_text, put_on_one_line, wrap
from flows.differences.graph_view import (
    LEAST_SCALE,
    Focus,
    PartId,
    View,
    find_focus,
    find_opening,
)

_LABEL_WIDTH = 20
_TYPE_WIDTH = 24
_NAME_WIDTH = 80
# A note's letters are about this wide, and its lines this high.
_LETTER, _LINE = 6.6, 16

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """The changes of the parts of a picture, and the numbers of their entries on the page."""

    diff: GraphDiff
    numbers: Mapping[PartId, int]
    focus: Focus


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
    """The beginning of the ids in it: `before` or `after`."""
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
    marks = _Marks(diff=_NO_DIFF, numbers=numbers or {}, focus=_NO_FOCUS)
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
    old, new = place_pair(before, after)
    size = compute_size((*old.values(), *new.values()))
    marks = _Marks(diff=diff, numbers=numbers, focus=find_focus((before, after), diff, numbers))
    view = find_opening([old, new], marks.focus, size)
    first, second = (_Canvas(places=each, size=size, view=view) for each in (old, new))
    return (
        _make_picture(before, first, marks, title="Before", name="before"),
        _make_picture(after, second, marks, title="After", name="after"),
    )


def _make_picture(
    graph: Graph, canvas: _Canvas, marks: _Marks, *, title: str, name: str
) -> Picture:
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
    return Picture(name=name, svg=svg, whole=whole)


def _draw_parts(graph: Graph, canvas: _Canvas, marks: _Marks, prefix: str) -> Iterator[str]:
    """Yield what is behind others first: notes and frames, the larger ones before the smaller."""
    ways = [(edge, way) for edge in graph.edges if (way := find_way(edge, canvas.places))]
    names = {node.key: cut(node.label or node.key, _NAME_WIDTH) for node in graph.nodes}
    looks = [(node, find_look(node)) for node in graph.nodes]
    behind = [each for each in looks if each[1] is not NodeLook.BOX]
    behind.sort(key=lambda each: -canvas.places[each[0].key].width)
    nodes = _NodeDrawing(canvas.places, marks)
    edges = _EdgeDrawing(marks, f"{prefix}arrow", names)
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


@dataclass(frozen=True, slots=True)
class _NodeDrawing:
    """What draws the nodes of a picture."""

    places: Places
    marks: _Marks

    def draw(self, node: Node, look: NodeLook) -> str:
        """Return the node as an element: a link where it has an entry on the page."""
        spot = self.places[node.key]
        change = self.marks.diff.nodes.get(node.key)
        number = self.marks.numbers.get(("node", node.key))
        status = change.status if change else NodeStatus.SAME
        classes = ["node", *([] if look is NodeLook.BOX else [look]), status]
        if node.key in self.marks.focus.neighbours:
            classes.append("near")
        element = "a" if number else "g"
        # An element is named by its title; the text that a link shows must be part of that name.
        kind = f' href="#change-{number}" data-change="{number}"' if number else ' role="img"'
        if (rank := self.marks.focus.ranks.get(node.key)) is not None:
            kind += f' data-focus="{rank}"'
        title = _make_title(node, look) + (f", {WORDS[status]}" if change else "")
        radius = 8 if look is NodeLook.BOX else 3
        return (
            f'<{element} class="{" ".join(classes)}"{kind} '
            f'transform="translate({spot.x:.1f} {spot.y:.1f})"><title>{escape_text(title)}</title>'
            f'<rect width="{spot.width:.0f}" height="{spot.height:.0f}" rx="{radius}"/>'
            f"{self._draw_text(node, look, spot)}"
            f"{_draw_badge(BADGES.get(status, ''), spot.width - 4, 4)}</{element}>"
        )

    @staticmethod
    def _draw_text(node: Node, look: NodeLook, spot: NodePlace) -> str:
        if look is NodeLook.NOTE:
            return _draw_note(read_note(node), spot)
        if look is NodeLook.FRAME:
            lines = wrap(node.label, int((spot.width - 20) / _LETTER), 1)
            return _draw_lines(lines, "label", (10, 18))
        lines = wrap(node.label, _LABEL_WIDTH, 2)
        kind = escape_text(cut(node.type, _TYPE_WIDTH))
        return (
            f"{_draw_lines(lines, 'label', (12, 20 if len(lines) > 1 else 28))}"
            f'<text class="type" x="12" y="{54 if len(lines) > 1 else 47}">{kind}</text>'
        )


def _make_title(node: Node, look: NodeLook) -> str:
    if look is NodeLook.NOTE:
        return f"Note: {put_on_one_line(read_note(node))}"
    return put_on_one_line(node.label or node.key)


def _draw_note(text: str, spot: NodePlace) -> str:
    most = max(1, int((spot.height - 12) / _LINE))
    lines = wrap(text, max(4, int((spot.width - 20) / _LETTER)), most)
    return _draw_lines(lines, "note-text", (10, 20))


def _draw_lines(lines: Iterable[str], kind: str, start: tuple[float, float]) -> str:
    """Return an element of text for each line: one with several would be read as one word."""
    x, y = start
    return "".join(
        f'<text class="{kind}" x="{x}" y="{y + at * _LINE}">{escape_text(line)}</text>'
        for at, line in enumerate(lines)
        if line
    )


def _draw_badge(sign: str, x: float, y: float) -> str:
    if not sign:
        return ""
    return (
        f'<circle class="badge" cx="{x:.1f}" cy="{y:.1f}" r="11"/>'
        f'<text class="sign" x="{x:.1f}" y="{y + 5:.1f}">{sign}</text>'
    )


@dataclass(frozen=True, slots=True)
class _EdgeDrawing:
    """What draws the edges of a picture; `names` is of its nodes."""

    marks: _Marks
    marker: str
    names: Mapping[str, str]

    def draw(self, edge: Edge, way: EdgeWay) -> str:
        """Return the edge as an element: a link where it has an entry on the page."""
        change = self.marks.diff.edges.get(edge.key)
        number = self.marks.numbers.get(("edge", edge.key))
        status = change.status if change else NodeStatus.SAME
        classes = f"edge {status}" + (" dangling" if way.is_dangling else "")
        drawn = f'<path class="{classes}" d="{way.path}" marker-end="url(#{self.marker})"/>'
        if number is None:
            return drawn
        keys = (edge.source, edge.target)
        ends = (self.names.get(key) or cut(key, _NAME_WIDTH) for key in keys)
        title = " \N{RIGHTWARDS ARROW} ".join(ends) + (f", {WORDS[status]}" if change else "")
        # With the keyboard, its entry in the list is reached instead.
        return (
            f'<a class="edge-link {status}" href="#change-{number}" data-change="{number}" '
            f'tabindex="-1"><title>Edge {escape_text(title)}</title>{drawn}'
            f"{_draw_badge(BADGES.get(status, ''), *way.middle)}</a>"
        )
