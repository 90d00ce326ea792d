"""A flow as a graph: read whatever is in it, compared, and drawn as SVG."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from flows import canonical
from flows.graph import Change, Status, compare, differing_paths, read_graph
from flows.graph_svg import NODE_WIDTH, draw, place
from tests.factories import FlowFactory

SVG = "{http://www.w3.org/2000/svg}"


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
    root = ElementTree.fromstring(draw(graph_of([odd, node("b")]), title="Odd"))
    assert len(root.findall(f"{SVG}g")) == 2


def test_what_changed_is_told_node_by_node_and_edge_by_edge() -> None:
    before = graph_of(
        [node("same"), node("moved"), node("changed", label="Old"), node("gone")],
        [{"id": "e", "source": "same", "target": "gone"}],
    )
    after = graph_of([node("same"), node("moved", x=50), node("changed", label="New"), node("new")])
    diff = compare(before, after)
    assert diff.nodes == {
        "same": Change(key="same", status=Status.SAME),
        "moved": Change(key="moved", status=Status.MOVED, paths=("position.x",)),
        "changed": Change(key="changed", status=Status.CHANGED, paths=("data.label",)),
        "gone": Change(key="gone", status=Status.REMOVED),
        "new": Change(key="new", status=Status.ADDED),
    }
    assert diff.edges == {"e": Change(key="e", status=Status.REMOVED)}
    assert diff.counts == {
        Status.SAME: 1, Status.MOVED: 1, Status.CHANGED: 1, Status.REMOVED: 2, Status.ADDED: 1,
    }  # fmt: skip


def test_paths_of_differences_name_keys_that_are_on_one_side_only() -> None:
    assert list(differing_paths({"a": {"b": 1, "c": 2}}, {"a": {"b": 1.0, "d": [1]}})) == [
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
    picture = draw(graph_of([node(evil, label=evil, type=evil)], [edge]), title=evil)
    assert "<script" not in picture
    assert ElementTree.fromstring(picture).get("aria-label") == evil


def test_a_marked_node_can_be_focused_and_says_what_happened() -> None:
    graph = graph_of([node("a", label="Send")])
    changes = {"a": Change(key="a", status=Status.ADDED)}
    [drawn] = ElementTree.fromstring(draw(graph, title="After", changes=changes)).findall(f"{SVG}g")
    assert (drawn.get("class"), drawn.get("tabindex"), drawn.get("aria-label")) == (
        "node added", "0", "Send, added",
    )  # fmt: skip


def test_real_and_odd_flows_are_well_formed_pictures(shared_data: Path) -> None:
    for name in ("real-medium.json", "real-odd.json"):
        for flow in json.loads((shared_data / name).read_bytes())["flows"]:
            graph = graph_of(flow["nodes"], flow["edges"])
            root = ElementTree.fromstring(draw(graph, title=flow["name"] or "no name"))
            assert len(root.findall(f"{SVG}g")) == len(flow["nodes"])


@pytest.mark.django_db
def test_the_page_of_a_flow_shows_its_picture(admin_client) -> None:
    flow = FlowFactory(nodes=canonical.encode([node("a", label="Send <b>SMS</b>")]))
    page = admin_client.get(f"/admin/flows/flow/{flow.pk}/change/").content.decode()
    assert '<svg class="graph"' in page
    assert "Send &lt;b&gt;SMS&lt;/b&gt;" in page
    assert "flows/graph.css" in page
