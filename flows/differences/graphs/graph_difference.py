"""Compare two graphs of one flow for people: two pictures, and a list of changes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flows.counting import format_count
from flows.differences.graphs.chosen_parts import write_part
from flows.differences.graphs.flow_order import order_nodes
from flows.differences.graphs.graph import (
    LAYOUT_KEYS,
    Edge,
    Graph,
    GraphDiff,
    Node,
    NodeChange,
    NodeStatus,
    compare,
    count_changes,
    read_graph,
)
from flows.differences.graphs.graph_layout import place_pair
from flows.differences.graphs.graph_parts import BADGES, WORDS
from flows.differences.graphs.graph_svg import Picture, draw, draw_pair, draw_three
from flows.differences.graphs.graph_view import PartId
from flows.differences.graphs.three_ways import LostPaths, find_lost, is_lost
from flows.differences.matching import Budget
from flows.differences.pieces import Pieces, make_pieces, make_visible
from flows.differences.value_differences import ValueDifference, compare_values, find_values

_LONGEST_LABEL = 80
_COUNTED = (
    NodeStatus.ADDED,
    NodeStatus.REMOVED,
    NodeStatus.CHANGED,
    NodeStatus.MOVED,
    NodeStatus.SAME,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """A changed node or edge; `number` is that of its links in both pictures."""

    number: int
    part: str
    """`node` or `edge`."""
    key: Pieces
    """Its id, numbered where others have the same; of an edge without one, its ends."""
    label: str
    type: str
    status: NodeStatus
    values: tuple[ValueDifference, ...]
    """Every value of it that differs."""
    is_lost: bool = False
    """Whether a change that was made here since the last import would be lost."""

    @property
    def sign(self) -> str:
        """Return its badge in the pictures."""
        return BADGES.get(self.status, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many nodes and edges have a status."""

    status: NodeStatus
    nodes: int
    edges: int

    @property
    def sign(self) -> str:
        """Return their badge in the pictures."""
        return BADGES.get(self.status, "=")

    @property
    def words(self) -> str:
        """Return the counts in words, such as `2 nodes and 1 edge changed`."""
        counted = ((self.nodes, "node"), (self.edges, "edge"))
        parts = [format_count(count, noun) for count, noun in counted if count]
        return f"{' and '.join(parts) or 'nothing'} {WORDS[self.status]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDifference:
    """The pictures, and the changes: of a flow that is new or gone, there is one picture."""

    pictures: tuple[Picture, ...]
    counts: tuple[Count, ...]
    changes: tuple[PartChange, ...]
    layout: tuple[PartChange, ...]
    """Nodes and edges at another position, or shown differently, with the same function."""

    @property
    def only_order(self) -> bool:
        """Return whether only the order of nodes or edges differs."""
        return not self.changes and not self.layout

    @property
    def has_layout(self) -> bool:
        """Return whether something moved, so that hiding it makes a difference."""
        return any(count.status is NodeStatus.MOVED for count in self.counts)

    @property
    def chosen_parts(self) -> str:
        """Return the changes of a flow that is new or gone as HTML: see chosen_parts."""
        return "".join(
            write_part(each.number, f"{each.label} {each.type or each.part}", each.values)
            for each in self.changes
        )

    @property
    def last(self) -> int:
        """Return the number of the last change, those of the layout included."""
        return len(self.changes) + len(self.layout)


Documents = tuple[str, ...]
"""A flow's nodes and edges, as canonical JSON."""


def compare_graphs(
    before: Documents | None,
    after: Documents | None,
    budget: Budget,
    *,
    last: Documents | None = None,
    draws: bool = True,
) -> GraphDifference:
    """Return the differences between a flow's nodes and edges in two states.

    `last` is how the last import left it: changes that were made since, and would be lost, are
    marked, and it has a picture of its own. Without `draws` there are no pictures, which take half
    of the time.
    """
    old, new = (read_graph(*side) if side else _NOTHING for side in (before, after))
    diff = compare(old, new)
    imported = read_graph(*last) if last else None
    lost = find_lost(imported, old, diff) if imported else {}
    listed = _find_parts_in_order(old, new, diff)
    changed = [part for part in listed if part.change.status is not NodeStatus.MOVED]
    moved = [part for part in listed if part.change.status is NodeStatus.MOVED]
    numbers = {part.id: number for number, part in enumerate((*changed, *moved), start=1)}
    compared = _make_part_changes((*changed, *moved), _make_labels(old, new), lost, budget)
    graphs = (imported, old if before else None, new if after else None)
    return GraphDifference(
        pictures=_draw_pictures(graphs, diff, numbers, frozenset(lost)) if draws else (),
        counts=_count_changes(diff),
        changes=compared[: len(changed)],
        layout=compared[len(changed) :],
    )


_NOTHING = Graph(nodes=(), edges=())


def _draw_pictures(
    graphs: tuple[Graph | None, Graph | None, Graph | None],
    diff: GraphDiff,
    numbers: Mapping[PartId, int],
    lost: frozenset[PartId],
) -> tuple[Picture, ...]:
    last, before, after = graphs
    if last and before and after:
        return draw_three(last, before, after, diff, numbers=numbers, lost=lost)
    if before and after:
        return draw_pair(before, after, diff, numbers=numbers)
    # All of it is new, or gone: marks would say nothing.
    if after:
        return (draw(after, title="The flow", name="after", numbers=numbers),)
    title = "The flow as it was"
    return (draw(before or _NOTHING, title=title, name="before", numbers=numbers),)


@dataclass(frozen=True, slots=True)
class _Part:
    """A node or edge that differs, as it was and as it is."""

    id: PartId
    change: NodeChange
    before: Node | Edge | None
    after: Node | Edge | None

    @property
    def shown(self) -> Node | Edge:
        part = self.after or self.before
        assert part  # noqa: S101 - a change is one of something
        return part


def _find_parts_in_order(old: Graph, new: Graph, diff: GraphDiff) -> list[_Part]:
    """Return the nodes that differ, in the order of the flow, and then the edges."""
    before, after = place_pair(old, new)
    places = {key: (spot.x, spot.y) for key, spot in {**before, **after}.items()}
    order = order_nodes(diff.nodes, (*new.edges, *old.edges), places)
    rank = {key: number for number, key in enumerate(order)}
    nodes = _find_differing("node", diff.nodes, old.nodes, new.nodes)
    return [
        *sorted(nodes, key=lambda part: rank[part.id[1]]),
        *_find_differing("edge", diff.edges, old.edges, new.edges),
    ]


def _find_differing(
    part: str,
    changes: Mapping[str, NodeChange],
    old: Sequence[Node] | Sequence[Edge],
    new: Sequence[Node] | Sequence[Edge],
) -> list[_Part]:
    before = {each.key: each for each in old}
    after = {each.key: each for each in new}
    return [
        _Part((part, key), change, before.get(key), after.get(key))
        for key, change in changes.items()
        if change.status is not NodeStatus.SAME
    ]


def _make_labels(old: Graph, new: Graph) -> dict[str, str]:
    """Return each node's label on one line, by its key: any number of edges may refer to it."""
    return {node.key: _put_on_one_line(node.label) for node in (*old.nodes, *new.nodes)}


def _make_part_changes(
    parts: Sequence[_Part],
    labels: Mapping[str, str],
    lost: Mapping[PartId, LostPaths],
    budget: Budget,
) -> tuple[PartChange, ...]:
    return tuple(
        PartChange(
            number=number,
            part=part.id[0],
            key=make_pieces(part.id[1]),
            label=_make_label(part.shown, labels),
            type=_put_on_one_line(part.shown.type) if isinstance(part.shown, Node) else "",
            status=part.change.status,
            is_lost=part.id in lost,
            values=tuple(
                replace(value, is_lost=True)
                if part.id in lost and is_lost(value, lost[part.id])
                else value
                for value in _compare_part(part, budget)
            ),
        )
        for number, part in enumerate(parts, start=1)
    )


def _compare_part(part: _Part, budget: Budget) -> list[ValueDifference]:
    if part.before and part.after:
        found = compare_values(dict(part.before.value), dict(part.after.value), budget)
        return [replace(each, is_layout=True) if _is_layout(each) else each for each in found]
    return find_values(dict(part.shown.value), budget, is_new=part.after is not None)


def _is_layout(value: ValueDifference) -> bool:
    return bool(value.steps) and value.steps[0] in LAYOUT_KEYS


def _make_label(part: Node | Edge, labels: Mapping[str, str]) -> str:
    if isinstance(part, Node):
        return _put_on_one_line(part.label or part.key)
    source, target = (
        labels[key] if key in labels else _put_on_one_line(key)
        for key in (part.source, part.target)
    )
    return f"{source} \N{RIGHTWARDS ARROW} {target}"


def _put_on_one_line(text: str) -> str:
    line = " ".join(text.split())
    return make_visible(line if len(line) <= _LONGEST_LABEL else f"{line[:_LONGEST_LABEL]}\u2026")


def _count_changes(diff: GraphDiff) -> tuple[Count, ...]:
    """Return the counts; what moved and changed counts as both."""
    nodes, edges = (count_changes(changes.values()) for changes in (diff.nodes, diff.edges))
    return tuple(
        Count(status=status, nodes=nodes[status], edges=edges[status])
        for status in _COUNTED
        if nodes[status] or edges[status]
    )
