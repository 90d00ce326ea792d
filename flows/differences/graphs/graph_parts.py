"""Draw one node or edge of a picture as an SVG element. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.differences.graphs.graph import Edge, GraphDiff, Node, NodeStatus
from flows.differences.graphs.graph_edges import EdgeWay
from flows.differences.graphs.graph_layout import NodePlace, Places
from flows.differences.graphs.graph_looks import NodeLook, read_note
from flows.differences.graphs.graph_texts import cut, escape_text, put_on_one_line, wrap
from flows.differences.graphs.graph_view import Focus, PartId

_LABEL_WIDTH = 20
_TYPE_WIDTH = 24
NAME_WIDTH = 80
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


_LOST = ", changed here since the last import, which would be lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The changes of the parts of a picture, and the numbers of their entries on the page."""

    diff: GraphDiff
    numbers: Mapping[PartId, int]
    focus: Focus
    lost: frozenset[PartId] = frozenset()
    """The parts of which a change that was made here would be lost."""


@dataclass(frozen=True, slots=True)
class NodeDrawing:
    """What draws the nodes of a picture."""

    places: Places
    marks: Marks

    def draw(self, node: Node, look: NodeLook) -> str:
        """Return the node as an element: a link where it has an entry on the page."""
        spot = self.places[node.key]
        change = self.marks.diff.nodes.get(node.key)
        number = self.marks.numbers.get(("node", node.key))
        status = change.status if change else NodeStatus.SAME
        classes = ["node", *([] if look is NodeLook.BOX else [look]), status]
        if node.key in self.marks.focus.neighbours:
            classes.append("near")
        is_lost = ("node", node.key) in self.marks.lost
        element = "a" if number else "g"
        # An element is named by its title; the text that a link shows must be part of that name.
        kind = f' href="#change-{number}" data-change="{number}"' if number else ' role="img"'
        if (rank := self.marks.focus.ranks.get(node.key)) is not None:
            kind += f' data-focus="{rank}"'
        title = _make_title(node, look) + (f", {WORDS[status]}" if change else "")
        title += _LOST if is_lost else ""
        radius = 8 if look is NodeLook.BOX else 3
        return (
            f'<{element} class="{" ".join(classes)}"{kind} '
            f'transform="translate({spot.x:.1f} {spot.y:.1f})"><title>{escape_text(title)}</title>'
            f'<rect width="{spot.width:.0f}" height="{spot.height:.0f}" rx="{radius}"/>'
            f"{self._draw_text(node, look, spot)}"
            f"{_draw_badge(BADGES.get(status, ''), spot.width - 4, 4)}"
            f"{_draw_badge('!' if is_lost else '', spot.width - 30, 4)}</{element}>"
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
class EdgeDrawing:
    """What draws the edges of a picture; `names` is of its nodes."""

    marks: Marks
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
        ends = (self.names.get(key) or cut(key, NAME_WIDTH) for key in keys)
        title = " \N{RIGHTWARDS ARROW} ".join(ends) + (f", {WORDS[status]}" if change else "")
        title += _LOST if ("edge", edge.key) in self.marks.lost else ""
        # With the keyboard, its entry in the list is reached instead.
        return (
            f'<a class="edge-link {status}" href="#change-{number}" data-change="{number}" '
            f'tabindex="-1"><title>Edge {escape_text(title)}</title>{drawn}'
            f"{_draw_badge(BADGES.get(status, ''), *way.middle)}</a>"
        )
