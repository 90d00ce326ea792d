"""The order in which a flow's nodes are told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import Kind
from flows.differences.graphs.flow_order import order_nodes
from flows.differences.graphs.graph import Edge
from flows.differences.values import compare_contents


def edge(ends: str) -> Edge:
    source, target = ends
    return Edge(key=ends, source=source, target=target, value={})


@pytest.mark.parametrize(
    ("edges", "order"),
    [
        ("", "abcd"),
        ("dc cb ba", "dcba"),
        ("da dc", "dacb"),  # b has no edge: a note, which is no start
        ("ab ba cd", "cdab"),  # a circle comes last
        ("ab bc cb", "abcd"),
        ("aa ab", "abcd"),
        ("ax xb", "abcd"),  # an edge to no node says nothing
        ("ca cb", "cabd"),
    ],
)
def test_nodes_come_in_the_order_of_the_edges(edges: str, order: str) -> None:
    places = {key: (float(place), 0.0) for place, key in enumerate("abcd")}
    assert "".join(order_nodes("abcd", [edge(each) for each in edges.split()], places)) == order


@given(st.lists(st.text("abcdx", min_size=2, max_size=2)))
def test_every_node_comes_once(edges: list[str]) -> None:
    places = dict.fromkeys("abcd", (0.0, 0.0))
    assert sorted(order_nodes("abcd", [edge(each) for each in edges], places)) == [*"abcd"]


def test_changes_are_told_from_the_start_of_the_flow() -> None:
    def flow(text: str) -> dict[str, Any]:
        nodes = [
            {"id": key, "data": text, "position": {"x": x, "y": 0}}
            for key, x in (("last", 0), ("first", 500), ("second", 300))
        ]
        edges = [
            {"id": "1", "source": "first", "target": "second"},
            {"id": "2", "source": "second", "target": "last"},
        ]
        return {"nodes": canonical.encode(nodes), "edges": canonical.encode(edges)}

    found = compare_contents(Kind.FLOW, flow("a"), flow("b"))
    assert found.graph
    assert [change.label for change in found.graph.changes] == ["first", "second", "last"]


def test_nodes_at_one_place_come_in_the_order_of_their_edges() -> None:
    keys = [*"zyxwvutsrqponmlkjihgfedcba"]
    edges = [edge(f"z{key}") for key in keys[1:]]
    assert order_nodes(sorted(keys), edges, dict.fromkeys(keys, (0.0, 0.0))) == keys
