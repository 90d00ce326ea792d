"""The picture of a change has what changes and what is beside it, and no more than can be read."""

import json
import re

from flows.differences.graphs.graph import read_graph
from imports.planfile.markdown.escaping import write_label
from imports.planfile.markdown.picture import MOST_EDGES, MOST_NODES, draw_change, draw_new


def graph(labels, *ends):
    """A graph of nodes with these ids and labels, and edges between them."""
    nodes = [{"id": key, "data": {"label": label}} for key, label in labels.items()]
    edges = [{"source": source, "target": target} for source, target in ends]
    return read_graph(json.dumps(nodes), json.dumps(edges))


def shown(block):
    """The labels of the nodes with their classes, and the edges between them by label."""
    names, edges = {}, []
    for line in block.lines[1:]:
        if node := re.fullmatch(r'  (n\d+)\["(.*)"\](?::::(\w+))?', line):
            names[node[1]] = (node[2], node[3])
        elif edge := re.fullmatch(r"  (n\d+) (\S+) (n\d+)", line):
            edges.append(f"{names[edge[1]][0]} {edge[2]} {names[edge[3]][0]}")
    return list(names.values()), edges


def test_it_has_the_changed_nodes_and_their_neighbours_alone():
    before = graph(
        {"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"},
        ("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"),
    )  # fmt: skip
    after = graph({"a": "A", "b": "B2", "c": "C", "d": "D", "e": "E"}, *[("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")])  # fmt: skip
    nodes, edges = shown(draw_change(before, after))
    assert nodes == [("#126; B2", "changed"), ("A", None), ("C", None)]
    assert edges == ["A --> #126; B2", "#126; B2 --> C"]


def test_what_comes_and_what_goes_is_told_by_class_and_arrow():
    before = graph({"a": "A", "b": "B"}, ("a", "b"))
    after = graph({"a": "A", "c": "C"}, ("a", "c"))
    nodes, edges = shown(draw_change(before, after))
    assert nodes == [("#45; B", "removed"), ("#43; C", "added"), ("A", None)]
    assert edges == ["A -.-> #45; B", "A ==> #43; C"]


def test_a_new_edge_alone_shows_its_ends():
    before = graph({"a": "A", "b": "B", "c": "C"})
    after = graph({"a": "A", "b": "B", "c": "C"}, ("a", "b"))
    assert shown(draw_change(before, after)) == ([("A", None), ("B", None)], ["A ==> B"])


def test_there_is_none_where_one_node_is_all_or_nothing_changes():
    one = graph({"a": "A", "b": "B"}, ("a", "b"))
    assert draw_change(one, one) is None
    assert draw_change(graph({"a": "A"}), graph({"a": "A2"})) is None
    assert draw_new(graph({})) is None
    assert draw_new(graph({"a": "A"})) is None


def test_what_only_moved_is_in_no_picture():
    before, after = (
        read_graph(json.dumps([{"id": "a", "position": {"x": x, "y": 1}}, {"id": "b"}]), "[]")
        for x in (1, 2)
    )
    assert draw_change(before, after) is None


def test_of_a_large_flow_the_rest_is_counted():
    labels = {f"k{number}": f"N{number}" for number in range(MOST_NODES + 7)}
    many = [("k0", f"k{number % 30}") for number in range(MOST_EDGES + 5)]
    block = draw_new(graph(labels, *many))
    nodes, edges = shown(block)
    assert (len(nodes), len(edges)) == (MOST_NODES, MOST_EDGES)
    assert block.head == "7 more nodes and 5 more edges not in the picture"


def test_the_notes_of_a_new_flow_are_left_out():
    nodes = [{"id": "a"}, {"id": "b"}, {"id": "n", "type": "stickyNote"}]
    block = draw_new(read_graph(json.dumps(nodes), "[]"))
    assert [label for label, _ in shown(block)[0]] == ["a", "b"]


def test_an_edge_to_a_node_that_is_not_there_is_in_no_picture():
    before = graph({"a": "A", "b": "B"}, ("a", "b"))
    after = graph({"a": "A", "b": "B"}, ("a", "b"), ("a", "gone"))
    nodes, edges = shown(draw_change(before, after))
    assert (nodes, edges) == ([("A", None), ("B", None)], ["A --> B"])


def test_a_label_is_letters_digits_and_numbers_of_what_is_neither():
    assert write_label('a "b"; é 1\u202e\n') == (
        '"a #34;b#34;#59; é 1#92;u202e#92;n"'
    )  # fmt: skip
    assert write_label("x" * 50) == f'"{"x" * 40}#8230;"'
