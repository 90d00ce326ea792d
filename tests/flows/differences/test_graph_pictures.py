"""What a picture shows, and how: notes, labels, edges, and the part with which a page opens."""

import itertools
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical
from flows.differences.graphs.graph import Graph, compare, read_graph
from flows.differences.graphs.graph_edges import find_way
from flows.differences.graphs.graph_layout import NodePlace, compute_size, place
from flows.differences.graphs.graph_looks import NODE_WIDTH, NodeLook, find_look, read_note
from flows.differences.graphs.graph_svg import draw, draw_pair
from flows.differences.graphs.graph_texts import cut, wrap
from flows.differences.graphs.graph_view import LEAST_SCALE, find_focus, find_opening

SVG = "{http://www.w3.org/2000/svg}"
STICKY = {
    "id": "note", "type": "stickyNote", "position": {"x": -40, "y": -60}, "width": 700, "height": 300,
    "data": {"name": "Sticky Note", "parameters": {"content": "## How it works\nAsk first."}},
}  # fmt: skip


def node(key: str, x: float = 0, y: float = 0, **data: Any) -> dict[str, Any]:
    return {"id": key, "type": "action", "position": {"x": x, "y": y}, "data": data}


def edge(source: str, target: str, **keys: Any) -> dict[str, Any]:
    return {"id": f"{source}-{target}", "source": source, "target": target, **keys}


def graph_of(nodes: list[Any], edges: list[Any] = ()) -> Graph:
    return read_graph(canonical.encode(list(nodes)), canonical.encode(list(edges)))


def parts_of(graph: Graph) -> list[ElementTree.Element]:
    """The parts of its picture in their order: what comes later is drawn over what was before."""
    return list(ElementTree.fromstring(draw(graph, title="Picture").svg).iterfind(f"{SVG}g/*"))


def texts_of(part: ElementTree.Element, kind: str) -> list[str | None]:
    return [each.text for each in part.iter(f"{SVG}text") if each.get("class") == kind]


# --- Notes and frames


def test_a_note_is_drawn_with_its_text_behind_edges_and_nodes() -> None:
    graph = graph_of([node("a"), STICKY, node("b", 300)], [edge("a", "b")])
    note, drawn_edge, *nodes = parts_of(graph)
    assert note.get("class") == "node note same"
    assert texts_of(note, "note-text") == ["## How it works", "Ask first."]
    assert note.findtext(f"{SVG}title") == "Note: ## How it works Ask first."
    assert drawn_edge.get("class") == "edge same"
    assert [each.get("class") for each in nodes] == ["node same", "node same"]


def test_a_note_covers_the_nodes_that_stand_in_it() -> None:
    # In its editor a node is smaller than here: the one at 600 ends at 700, where the note ends.
    places = place(graph_of([STICKY, node("a"), node("b", 600), node("beside", 900)]).nodes)
    note = places["note"]
    for key in ("a", "b"):
        assert note.x <= places[key].x
        assert places[key].right <= note.right
    assert note.right < places["beside"].right


def test_a_note_that_covers_all_moves_no_nodes_apart() -> None:
    apart = place(graph_of([node("a"), node("b", 200)]).nodes)
    noted = place(graph_of([STICKY, node("a"), node("b", 200)]).nodes)
    assert noted["b"].x - noted["a"].x == apart["b"].x - apart["a"].x == 200


@pytest.mark.parametrize(
    ("odd", "text"),
    [
        ({"type": "noteNode", "data": {"node": {"description": "Why"}}}, "Why"),
        ({"type": "comment", "data": {"name": "Title", "parameters": {"info": "Why"}}}, "Title\nWhy"),
        ({"type": "stickyNote", "data": {"label": "Why", "parameters": {"content": " "}}}, "Why"),
        ({"type": "sticky-note", "data": {"inputs": {"note": "Why"}}}, "Why"),
        ({"type": "stickyNote", "data": None}, "x"),
    ],
)  # fmt: skip
def test_the_text_of_a_note_is_found_where_its_editor_keeps_it(
    odd: dict[str, Any], text: str
) -> None:
    [read] = graph_of([{"id": "x", "position": {"x": 0, "y": 0}, **odd}]).nodes
    assert find_look(read) is NodeLook.NOTE
    assert read_note(read) == text


def test_a_group_is_a_frame_behind_its_nodes() -> None:
    group = {**node("g", -20, -20, name="Block A"), "type": "group", "width": 500, "height": 200}
    frame, inner = parts_of(graph_of([node("a"), group]))
    assert (frame.get("class"), texts_of(frame, "label")) == ("node frame same", ["Block A"])
    assert inner.get("class") == "node same"


@pytest.mark.parametrize("size", [None, "9", -1, 0, True, 10**400, float("1e308")])
def test_an_odd_size_of_a_note_is_drawn_all_the_same(size: Any) -> None:
    odd = {**STICKY, "width": size, "height": size}
    places = place(graph_of([odd, node("a")]).nodes)
    assert 0 < places["note"].width < 10_000
    assert len(parts_of(graph_of([odd]))) == 1


# --- Labels


def test_a_long_label_has_two_lines_and_its_full_text_as_a_title() -> None:
    label = "Fetch all orders of the last seven days from the shop, then sort them by customer"
    [drawn] = parts_of(graph_of([node("a", label=label)]))
    first, second = texts_of(drawn, "label")
    assert first
    assert second
    assert label.startswith(first)
    assert second.endswith("…")
    assert drawn.findtext(f"{SVG}title") == label


def test_a_short_label_has_one_line() -> None:
    [drawn] = parts_of(graph_of([node("a", label="Send")]))
    assert texts_of(drawn, "label") == ["Send"]


@given(st.text(), st.integers(1, 30), st.integers(1, 5))
def test_wrapped_lines_are_the_beginning_of_their_text(text: str, width: int, most: int) -> None:
    lines = wrap(text, width, most)
    assert len(lines) <= most
    assert all(len(line) <= 2 * width + 1 for line in lines)
    shown = "".join("".join(lines).split())
    plain = "".join("".join(char if char.isprintable() else " " for char in text).split())
    assert plain.startswith(shown.removesuffix("…")) or plain == shown
    assert shown == plain or lines[-1].endswith("…") or not shown


def test_wide_letters_take_two_places() -> None:
    assert cut("漢字漢字漢字", 6) == "漢字…"


# --- Edges


def is_seen(way: Any, places: dict[str, NodePlace]) -> bool:
    """Whether a part of the curve lies outside of all nodes, or it is drawn over them."""
    numbers = way.path.replace("M", " ").replace("C", " ").split()
    points = [float(each) for each in numbers]
    xs, ys = points[0::2], points[1::2]
    for at in range(1, 20):
        t = at / 20
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        x, y = (sum(w * each for w, each in zip(weights, axis, strict=True)) for axis in (xs, ys))
        if not any(
            spot.x < x < spot.right and spot.y < y < spot.bottom for spot in places.values()
        ):
            return True
    return False


@pytest.mark.parametrize("dx", [-400, -200, -180, -100, -3, 0, 3, 100, 179, 180, 185, 200, 400])
@pytest.mark.parametrize("dy", [-200, -70, -64, -30, 0, 1, 30, 64, 70, 200])
def test_an_edge_is_seen_wherever_its_nodes_stand(dx: float, dy: float) -> None:
    graph = graph_of([node("a"), node("b")], [edge("a", "b")])
    places = {"a": NodePlace(500, 500), "b": NodePlace(500 + dx, 500 + dy)}
    way = find_way(graph.edges[0], places)
    assert way
    assert is_seen(way, places)


def test_an_edge_from_a_node_to_itself_is_seen() -> None:
    graph = graph_of([node("a")], [edge("a", "a")])
    places = {"a": NodePlace(500, 500)}
    way = find_way(graph.edges[0], places)
    assert way
    assert way.is_above
    assert is_seen(way, places)


def test_a_changed_edge_is_drawn_as_such_and_leads_to_its_change() -> None:
    nodes = [node("a"), node("b", 300)]
    before = graph_of(nodes, [edge("a", "b", label="yes")])
    after = graph_of(nodes, [edge("a", "b", label="no")])
    diff = compare(before, after)
    for drawing in draw_pair(before, after, diff, numbers={("edge", "a-b"): 1}):
        [link] = ElementTree.fromstring(drawing.svg).iter(f"{SVG}a")
        assert link.get("href") == "#change-1"
        assert link.findtext(f"{SVG}title") == "Edge a → b, changed"
        assert [each.get("class") for each in link.iter(f"{SVG}path")] == ["edge changed"]
        assert texts_of(link, "sign") == ["~"]


# --- The part with which a page opens


def row(count: int, **changed: Any) -> tuple[Graph, Graph]:
    keys = [f"n{at}" for at in range(count)]
    edges = [edge(*ends) for ends in itertools.pairwise(keys)]
    nodes = [node(key, at * 240) for at, key in enumerate(keys)]
    other = [{**each, "data": changed.get(each["id"], {})} for each in nodes]
    return graph_of(nodes, edges), graph_of(other, edges)


def view_of(before: Graph, after: Graph, numbers: dict[tuple[str, str], int]) -> list[float]:
    drawing = draw_pair(before, after, compare(before, after), numbers=numbers)[1]
    root = ElementTree.fromstring(drawing.svg)
    return [float(each) for each in (root.get("viewBox") or "").split()]


def test_a_page_opens_with_what_changed_and_its_neighbours() -> None:
    before, after = row(40, n20={"label": "New"})
    x, _, width, _ = view_of(before, after, {("node", "n20"): 1})
    places = place(after.nodes)
    for key in ("n19", "n20", "n21"):
        assert x <= places[key].x
        assert places[key].x + NODE_WIDTH <= x + width


def test_of_changes_far_apart_a_page_opens_with_the_first() -> None:
    before, after = row(40, n5={"label": "New"}, n30={"label": "New"})
    x, _, width, _ = view_of(before, after, {("node", "n30"): 1, ("node", "n5"): 2})
    place_of_first = place(after.nodes)["n30"]
    assert x <= place_of_first.x
    assert place_of_first.right <= x + width


def test_a_page_opens_with_the_ends_of_a_changed_edge() -> None:
    before, _ = row(40)
    after = graph_of(
        [each.value for each in before.nodes], [each.value for each in before.edges[:-1]]
    )
    x, _, width, _ = view_of(before, after, {("edge", "n38-n39"): 1})
    assert x + width >= place(after.nodes)["n39"].right


@given(
    st.lists(st.tuples(st.integers(-3000, 3000), st.integers(-3000, 3000)), min_size=1, max_size=30),
    st.data(),
)  # fmt: skip
def test_what_a_page_opens_with_can_be_read_and_has_the_first_change(
    spots: list[tuple[int, int]], data: st.DataObject
) -> None:
    before = graph_of([node(str(at), x, y) for at, (x, y) in enumerate(spots)])
    changed = data.draw(st.sets(st.integers(0, len(spots) - 1), min_size=1))
    after = graph_of([
        node(str(at), x, y, **({"new": 1} if at in changed else {})) for at, (x, y) in enumerate(spots)
    ])  # fmt: skip
    numbers = {("node", str(at)): number for number, at in enumerate(sorted(changed), start=1)}
    focus = find_focus((before, after), compare(before, after), numbers)
    places = place(after.nodes)
    view = find_opening([places], focus, compute_size(places.values()))
    assert view.width * LEAST_SCALE <= 590
    assert view.height * LEAST_SCALE <= 400
    first = places[str(min(changed))]
    assert view.x <= first.x
    assert first.right <= view.x + view.width
    assert view.y <= first.y
    assert first.bottom <= view.y + view.height
