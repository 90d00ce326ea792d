"""What changes in an item, in a few words."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.change_summary import summarize_change, summarize_fields, summarize_new
from flows.content import canonical
from flows.content.documents import Document
from flows.content.fields import Kind
from flows.differences.graphs.graph import NodeStatus
from flows.differences.values import compare_contents
from imports.plans.plan import FieldChange


def flow(nodes: list[Any], edges: list[Any] | None = None) -> dict[str, Any]:
    return {
        "nodes": Document(canonical.encode(nodes)),
        "edges": Document(canonical.encode(edges or [])),
    }


def words_of_page(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """The counts that the item's page has, as the summary words them."""
    graph = compare_contents(Kind.FLOW, before, after).graph
    assert graph
    for part in ("nodes", "edges"):
        first = True
        for status in (
            NodeStatus.CHANGED, NodeStatus.ADDED, NodeStatus.REMOVED, NodeStatus.MOVED,
        ):  # fmt: skip
            count = next((getattr(each, part) for each in graph.counts if each.status is status), 0)
            if count:
                noun = f" {part if count > 1 else part[:-1]}" if first else ""
                yield f"{count}{noun} {status}"
                first = False


IDS = st.sampled_from(["a", "b", "c", "d", "", None, 1])
NODES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"id": IDS},
            optional={
                "data": st.sampled_from([{}, {"code": "1"}, {"code": "2\n3"}, {"x": [1]}]),
                "position": st.sampled_from([{"x": 1, "y": 2}, {"x": 3, "y": 2}]),
                "source": IDS,
                "target": IDS,
            },
        ),
        st.sampled_from([1, None, {}, []]),
    ),
    max_size=5,
)


@given(NODES, NODES, NODES, NODES)
@example([{"id": "a"}, {"id": "a", "x": 1}], [{"id": "a", "x": 1}], [], [])
def test_the_words_count_what_the_page_of_the_item_shows(
    old: list[Any], new: list[Any], old_edges: list[Any], new_edges: list[Any]
) -> None:
    before, after = flow(old, old_edges), flow(new, new_edges)
    words = summarize_change(Kind.FLOW, before, after)
    if before == after:
        assert words == ()
        return
    assert len(words) == (old != new) + (old_edges != new_edges)
    counted = [
        part
        for part in ", ".join(words).split(", ")
        if not part.startswith(("order of", "code in"))
    ]
    assert counted == list(words_of_page(before, after))


def test_a_change_of_every_kind_is_told() -> None:
    def node(id_: str, code: str = "1", x: int = 0) -> dict[str, Any]:
        return {"id": id_, "data": {"config": {"jsCode": code}}, "position": {"x": x, "y": 0}}

    before = flow([node("a"), node("b"), node("c"), node("d")], [{"id": "e"}])
    after = flow([node("a", "2"), node("b", "1", 7), node("c", "2", 7), node("e")], [])
    assert summarize_change(Kind.FLOW, before, after) == (
        "2 nodes changed, 1 added, 1 removed, 2 moved, code in 2",
        "1 edge removed",
    )


def test_only_the_order_of_nodes() -> None:
    before, after = flow([{"id": "a"}, {"id": "b"}]), flow([{"id": "b"}, {"id": "a"}])
    assert summarize_change(Kind.FLOW, before, after) == ("order of nodes changed",)


def test_a_column_that_the_file_does_not_have_is_as_it_was() -> None:
    before = flow([{"id": "a"}])
    assert summarize_change(Kind.FLOW, before, {"edges": Document("[]")}) == ()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            {"dev_value": '{url: "https://old.example/a"}'},
            {"dev_value": '{url: "https://new.example/b"}'},
            ("host https://old.example → https://new.example",),
        ),
        (
            {"dev_value": '{host: "a"}', "prod_value": '{host: "b"}'},
            {"prod_value": '{host: "c"}'},
            ("host b → c (production)",),
        ),
        ({"dev_value": '{host: "a"}'}, {"dev_value": "make()"}, ("host a → unknown",)),
        ({"dev_value": '{host: "a"}'}, {"dev_value": ""}, ("host a → (none)",)),
        ({"dev_value": '{host: "a", user: "x"}'}, {"dev_value": '{host: "a", user: "y"}'}, ()),
    ],
)
def test_the_hosts_of_a_connection(
    before: dict[str, Any], after: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert summarize_change(Kind.CONNECTION, before, after) == words


def test_a_new_item_is_told_by_what_it_is() -> None:
    assert summarize_new(Kind.FLOW, flow([{"id": "a"}])) == ("1 node",)
    assert summarize_new(Kind.FLOW, {"nodes": Document(digest="0" * 64)}) == ()
    assert summarize_new(Kind.FLOW, {}) == ("0 nodes",)
    assert summarize_new(Kind.CONNECTION, {"dev_value": '{host: "a"}', "prod_value": "f()"}) == (
        "host a",
        "host unknown",
    )
    assert summarize_new(Kind.SECRET, {"description": "x"}) == ()


def test_the_words_of_all_fields() -> None:
    fields = [
        FieldChange(key="nodes"),
        FieldChange(key="timeout", before="60", after="99"),
        FieldChange(key="info"),
        FieldChange(key="tags"),
    ]
    assert summarize_fields(fields, ("1 node changed",)) == (
        "1 node changed",
        "timeout 60 → 99",
        "info, tags changed",
    )
    assert summarize_fields(fields[:1]) == ("nodes changed",)


def test_real_flows_are_counted_like_their_pages(shared_data: Any) -> None:
    flows = json.loads((shared_data / "real-medium.json").read_bytes())["flows"]
    for one, other in pairwise(flows[:60]):
        before, after = (flow(each["nodes"], each["edges"]) for each in (one, other))
        words = ", ".join(summarize_change(Kind.FLOW, before, after)).split(", ")
        assert [each for each in words if not re.match("code in|order", each)] == list(
            words_of_page(before, after)
        )
