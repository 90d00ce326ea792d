"""A flow as a graph: read whatever is in it, compared, and drawn as SVG."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from flows.content import canonical
from flows.differences.graphs.graph import (
    Graph,
    NodeChange,
    NodeStatus,
    compare,
    find_differing_paths,
    read_graph,
)
from flows.differences.graphs.graph_layout import place, place_pair
from flows.differences.graphs.graph_looks import NODE_HEIGHT, NODE_WIDTH
from flows.differences.graphs.graph_svg import draw, draw_pair
from tests.support.factories import FlowFactory

SVG = "{http://www.w3.org/2000/svg}"


def drawn(graph: Graph, title: str = "Picture") -> ElementTree.Element:
    return ElementTree.fromstring(draw(graph, title=title).svg)


def drawn_nodes(picture: ElementTree.Element) -> list[ElementTree.Element]:
    return [each for each in picture.iter() if (each.get("class") or "").split()[:1] == ["node"]]


def links_of(picture: ElementTree.Element) -> list[ElementTree.Element]:
    return list(picture.iter(f"{SVG}a"))


def graph_of(nodes: list[Any], edges: list[Any] = ()):
    return read_graph(canonical.encode(list(nodes)), canonical.encode(list(edges)))


def node(key: Any, x: Any = 0, y: Any = 0, **data: Any) -> dict[str, Any]:
    return {"id": key, "type": "action", "position": {"x": x, "y": y}, "data": data}


def test_a_node_is_labelled_by_its_data_or_else_by_its_id() -> None:
    nodes = graph_of([node("a", label="Send"), node("b", name="Receive"), node("c")]).nodes
    assert [each.label for each in nodes] == ["Send", "Receive", "c"]


def test_nodes_that_share_an_id_have_keys_of_their_own() -> None:
    assert [each.key for each in graph_of([node("a"), node("a"), node("b"), node("a")]).nodes] == [
        "a", "a #2", "b", "a #3",
    ]  # fmt: skip


def test_an_edge_without_its_end_dangles() -> None:
    edges = [{"id": "1", "source": "a", "target": "b"}, {"id": "2", "source": "a", "target": "x"}]
    graph = graph_of([node("a"), node("b")], edges)
    assert [edge.key for edge in graph.dangling] == ["2"]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"id": None, "position": None, "data": None},
        {"id": {"a": 1}, "position": {"x": "1", "y": 2}},
        {"id": 3, "position": [1, 2], "data": "text", "type": 5},
        {"id": "a", "position": {"x": True, "y": 1e300}},
    ],
    ids=str,
)
def test_an_odd_node_is_drawn_all_the_same(odd: dict[str, Any]) -> None:
    assert len(drawn_nodes(drawn(graph_of([odd, node("b")])))) == 2


def test_what_changed_is_told_node_by_node_and_edge_by_edge() -> None:
    before = graph_of(
        [node("same"), node("moved"), node("changed", label="Old"), node("gone")],
        [{"id": "e", "source": "same", "target": "gone"}],
    )
    after = graph_of([node("same"), node("moved", x=50), node("changed", label="New"), node("new")])
    diff = compare(before, after)
    assert diff.nodes == {
        "same": NodeChange(key="same", status=NodeStatus.SAME),
        "moved": NodeChange(
            key="moved", status=NodeStatus.MOVED, paths=("position.x",), is_moved=True
        ),
        "changed": NodeChange(key="changed", status=NodeStatus.CHANGED, paths=("data.label",)),
        "gone": NodeChange(key="gone", status=NodeStatus.REMOVED),
        "new": NodeChange(key="new", status=NodeStatus.ADDED),
    }
    assert diff.edges == {"e": NodeChange(key="e", status=NodeStatus.REMOVED)}
    assert diff.counts == {
        NodeStatus.SAME: 1, NodeStatus.MOVED: 1, NodeStatus.CHANGED: 1, NodeStatus.REMOVED: 2, NodeStatus.ADDED: 1,
    }  # fmt: skip


def test_paths_of_differences_name_keys_that_are_on_one_side_only() -> None:
    assert list(find_differing_paths({"a": {"b": 1, "c": 2}}, {"a": {"b": 1.0, "d": [1]}})) == [
        "a.c", "a.d",
    ]  # fmt: skip


def test_long_gaps_are_shortened_and_the_order_stays() -> None:
    places = place(graph_of([node("a", 0), node("b", 300), node("far", 100_000)]).nodes)
    assert places["b"].x - places["a"].x == 300
    assert places["b"].x < places["far"].x <= places["b"].x + NODE_WIDTH + 320


def test_nodes_without_a_position_stand_below_the_others() -> None:
    lost = {"id": "lost", "position": None}
    places = place(graph_of([node("a", 0, 500), lost]).nodes)
    assert places["lost"].y > places["a"].y


def test_text_from_a_flow_is_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    edge = {"id": evil, "source": evil, "target": evil}
    picture = draw(graph_of([node(evil, label=evil, type=evil)], [edge]), title=evil).svg
    assert "<script" not in picture
    assert ElementTree.fromstring(picture).get("aria-label") == evil


def pair(before: Graph, after: Graph, numbers: dict[tuple[str, str], int] | None = None):
    pictures = draw_pair(before, after, compare(before, after), numbers=numbers or {})
    return [ElementTree.fromstring(picture.svg) for picture in pictures]


def spots(picture: ElementTree.Element) -> dict[str, str]:
    """Where the nodes of a picture stand, by the name that they tell."""
    return {
        each.findtext(f"{SVG}title", ""): each.get("transform", "") for each in drawn_nodes(picture)
    }


def test_what_did_not_move_stands_at_the_same_place_in_both_pictures() -> None:
    same = [node("same", 500, 300), {"id": "lost", "position": None}]
    before = graph_of([node("gone", -900, 0), *same, {"id": "lost too"}])
    after = graph_of([{"id": "new and lost"}, *same, node("new", 9000, 9000)])
    old, new = pair(before, after)
    assert spots(old)["same, unchanged"] == spots(new)["same, unchanged"]
    assert spots(old)["lost, unchanged"] == spots(new)["lost, unchanged"]
    assert old.get("viewBox") == new.get("viewBox")
    assert spots(new)["new and lost, added"] not in spots(old).values()


def test_a_node_that_moved_stands_elsewhere_and_says_so() -> None:
    old, new = pair(
        graph_of([node("a"), node("b", 300)]), graph_of([node("a", 50), node("b", 300)])
    )
    assert spots(old)["a, moved"] == "translate(36.0 36.0)"
    assert spots(new)["a, moved"] == "translate(86.0 36.0)"


def test_a_changed_node_links_to_its_entry_by_number() -> None:
    before, after = graph_of([node("a", label="Old")]), graph_of([node("a", label="New")])
    for picture, told in zip(
        pair(before, after, {("node", "a"): 7}), ("Old, changed", "New, changed"), strict=True
    ):
        [link] = links_of(picture)
        assert (link.get("href"), link.get("data-change"), link.get("class")) == (
            "#change-7", "7", "node changed",
        )  # fmt: skip
        assert link.findtext(f"{SVG}title") == told
        assert [each.text for each in link.iter() if each.get("class") == "sign"] == ["~"]


def test_a_changed_edge_links_to_its_entry_and_is_no_stop_of_the_keyboard() -> None:
    edge = {"id": "e", "source": "a", "target": "b"}
    before, after = graph_of([node("a"), node("b")], [edge]), graph_of([node("a"), node("b")])
    old, new = pair(before, after, {("edge", "e"): 2})
    [link] = links_of(old)
    assert (link.get("href"), link.get("tabindex")) == ("#change-2", "-1")
    assert link.findtext(f"{SVG}title") == "Edge a \N{RIGHTWARDS ARROW} b, removed"
    assert [path.get("class") for path in link.iter(f"{SVG}path")] == ["edge removed"]
    assert [each.text for each in link.iter() if each.get("class") == "sign"] == ["\N{MINUS SIGN}"]
    assert links_of(new) == []


def test_the_ids_of_two_pictures_differ() -> None:
    graph = graph_of([node("a")])
    ids = [each.get("id") for picture in pair(graph, graph) for each in picture.iter()]
    assert sorted(filter(None, ids)) == [
        "after-arrow", "after-drawn", "before-arrow", "before-drawn",
    ]  # fmt: skip


def test_nodes_that_would_overlap_are_drawn_further_apart() -> None:
    places = place(graph_of([node("a"), node("b", 120), node("c", 240), node("d", 0, 60)]).nodes)
    assert places["b"].x - places["a"].x >= NODE_WIDTH
    assert places["c"].x - places["b"].x >= NODE_WIDTH
    assert places["d"].y - places["a"].y >= NODE_HEIGHT


def test_nodes_that_stand_on_each_other_do_not_tear_the_others_apart() -> None:
    places = place(graph_of([node("a"), node("b", 1, 1), node("c", 300)]).nodes)
    assert places["c"].x - places["a"].x == 300


def test_nodes_100000_apart_are_drawn_on_a_canvas_that_can_be_read() -> None:
    before, after = graph_of([node("a")]), graph_of([node("a"), node("b", 100_000, -100_000)])
    old, new = place_pair(before, after)
    assert old["a"] == new["a"]
    assert max(new["b"].x, new["a"].y) < 1000


def test_an_id_that_looks_like_that_of_a_repeated_node_is_kept_apart() -> None:
    keys = [each.key for each in graph_of([node("a"), node("a"), node("a #2")]).nodes]
    assert len(set(keys)) == 3


def test_a_number_beyond_every_float_is_no_position() -> None:
    [odd] = read_graph('[{"id":"a","position":{"x":1' + "0" * 400 + ',"y":1}}]', "[]").nodes
    assert odd.x is None


def test_real_and_odd_flows_are_well_formed_pictures(shared_data: Path) -> None:
    for name in ("real-medium.json", "real-odd.json"):
        for flow in json.loads((shared_data / name).read_bytes())["flows"]:
            graph = graph_of(flow["nodes"], flow["edges"])
            assert len(drawn_nodes(drawn(graph))) == len(flow["nodes"])
            empty = graph_of([])
            for picture in draw_pair(empty, graph, compare(empty, graph), numbers={}):
                ElementTree.fromstring(picture.svg)
                ElementTree.fromstring(picture.whole)


@pytest.mark.django_db
def test_the_page_of_a_flow_shows_its_picture(admin_client) -> None:
    flow = FlowFactory(nodes=canonical.encode([node("a", label="Send <b>SMS</b>")]))
    page = admin_client.get(f"/admin/flows/flow/{flow.pk}/change/").content.decode()
    assert '<svg class="graph"' in page
    assert "Send &lt;b&gt;SMS&lt;/b&gt;" in page
    assert "flows/graph.css" in page


@pytest.mark.parametrize("document", ["5", "true", "null", '"text"', '{"id":"a"}'])
def test_what_is_no_list_is_no_graph(document: str) -> None:
    assert read_graph(document, document) == Graph(nodes=(), edges=())
