"""What differs between two states of one item: decided without a database, shown by an include."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from flows.content import canonical
from flows.content.fields import FIELDS, Kind
from flows.differences import values as values_module
from flows.differences.graphs.graph import NodeStatus
from flows.differences.lines import DiffRow, LineDiff, RowKind, compare_lines
from flows.differences.matching import Budget
from flows.differences.pieces import Piece, Pieces, make_pieces, make_visible
from flows.differences.values import Difference, FieldDifference, compare_contents

# --- Lines


def shown(lines: LineDiff) -> list[str]:
    """Each row as one text: `+`, `-` or a space, and the line with what is marked in brackets."""
    return [_shown(row) for row in lines.rows]


def _shown(row: DiffRow) -> str:
    if row.kind is RowKind.FOLD:
        return f"{row.kind} {row.count}"
    sign = {RowKind.ADDED: "+", RowKind.REMOVED: "-"}.get(row.kind, " ")
    return sign + _marked(row.pieces)


def _marked(pieces: Pieces | None) -> str:
    """The text with what is marked in brackets; "none" where there is none."""
    if pieces is None:
        return "none"
    return "".join(f"[{each.text}]" if each.marked else each.text for each in pieces)


def values(field: Any) -> list[str]:
    """Each value that differs: its path, and both sides or its lines."""
    return [
        f"{each.path}: {shown(each.lines)}"
        if each.lines
        else f"{each.path}: {_marked(each.before)} -> {_marked(each.after)}"
        for each in field.values
    ]


def test_unchanged_stretches_are_folded_and_changed_words_are_marked() -> None:
    before = "\n".join(f"line {number}" for number in range(1, 21))
    after = before.replace("line 10", "line ten")
    assert shown(compare_lines(before, after)) == [
        "fold 6", " line 7", " line 8", " line 9", "-line [10]", "+line [ten]",
        " line 11", " line 12", " line 13", "fold 7",
    ]  # fmt: skip


def test_a_row_has_the_numbers_of_its_line_on_both_sides() -> None:
    rows = compare_lines("a\nb\nc", "b\nx\nc").rows
    assert [(row.before, row.after) for row in rows] == [(1, None), (2, 1), (None, 2), (3, 3)]


def test_each_of_several_changed_words_in_a_line_is_marked_by_itself() -> None:
    assert shown(compare_lines("from one to two by three", "from 1 to two by 3")) == [
        "-from [one] to two by [three]",
        "+from [1] to two by [3]",
    ]
    assert shown(compare_lines("a = b + c;", "a = x + y;")) == [
        "-a = [b] + [c];",
        "+a = [x] + [y];",
    ]


def test_equal_texts_have_no_rows() -> None:
    assert compare_lines("a\nb", "a\nb").rows == ()


def test_an_empty_text_has_no_lines() -> None:
    assert shown(compare_lines("", "a\nb")) == ["+a", "+b"]


def test_what_cannot_be_seen_is_written_out() -> None:
    assert (
        make_visible("a\u200b\u202eb\x00\U000e0001\tc\n")
        == "a\\u200b\\u202eb\\u0000\\U000e0001\tc\n"
    )
    assert shown(compare_lines("a\r\nb", "a\nb")) == ["-a[\\u000d]", "+a", " b"]


def test_a_very_long_line_is_shown_as_a_whole_with_its_change_marked() -> None:
    before, after = "word " * 5000 + "old" + " word" * 5000, "word " * 5000 + "new" + " word" * 5000
    [removed, added] = compare_lines(before, after).rows
    assert removed.pieces[1] == Piece(text="old", marked=True)
    assert added.pieces[1] == Piece(text="new", marked=True)
    assert "".join(piece.text for piece in added.pieces) == after


def test_a_change_in_a_long_text_is_compared() -> None:
    lines = [f"line {at}" for at in range(4_999)]
    after = [*lines[:2_000], "new", *lines[2_000:]]
    assert "+new" in shown(compare_lines("\n".join(lines), "\n".join(after)))


def test_texts_for_which_no_comparisons_are_left_are_replaced_as_a_whole() -> None:
    before, after = "a\nb\nb\nc", "x\nb\nb\ny"
    assert shown(compare_lines(before, after)) == [
        "-[a]", "+[x]", " b", " b", "-[c]", "+[y]",
    ]  # fmt: skip
    budget = Budget(left=0)
    assert [row.kind for row in compare_lines(before, after, budget).rows] == [
        *[RowKind.REMOVED] * 4, *[RowKind.ADDED] * 4,
    ]  # fmt: skip


def test_repeated_lines_are_paid_for_each_with_each() -> None:
    repeated, different = Budget(), Budget()
    compare_lines("a\nx\n" * 90, "y\nx\n" * 90, repeated)
    compare_lines("\n".join(map(str, range(180))), "\n".join(map(str, range(180, 360))), different)
    assert Budget().left - different.left < 3_000
    assert Budget().left - repeated.left > 8_100


def test_of_a_long_changed_stretch_no_words_are_marked() -> None:
    before = "\n".join(f"line {at} old" for at in range(41))
    after = "\n".join(f"line {at} new" for at in range(41))
    assert not any(
        piece.marked for row in compare_lines(before, after).rows for piece in row.pieces
    )


# --- Fields


def content(kind: Kind, **values: Any) -> dict[str, Any]:
    """A content with every column; documents are given as JSON values."""
    columns: dict[str, Any] = {field.column: None for field in FIELDS[kind]}
    documents = {field.column for field in FIELDS[kind] if field.shape.is_document} | {"extra"}
    given = {key: canonical.encode(value) if key in documents else value for key, value in values.items()}  # fmt: skip
    return {**columns, "extra": "{}", **given}


def test_equal_contents_do_not_differ() -> None:
    same = content(Kind.FLOW, name="A", nodes=[{"id": "a"}])
    assert not compare_contents(Kind.FLOW, same, dict(same))


def test_fields_are_told_in_their_order_by_their_key_in_a_file() -> None:
    before = content(Kind.FLOW, name="A", is_valid=True, timeout=5, listener_type=None, info="")
    after = content(Kind.FLOW, name="B", is_valid=False, timeout=5, listener_type="", info=" ")
    found = compare_contents(Kind.FLOW, before, after).fields
    assert [(each.key, _marked(each.before), _marked(each.after)) for each in found] == [
        ("name", "[A]", "[B]"),
        ("info", "", "[ ]"),
        ("listenerType", "none", ""),
        ("isValid", "[true]", "[false]"),
    ]


def test_a_difference_of_white_space_only_is_said_to_be_one() -> None:
    [name] = compare_contents(
        Kind.FLOW, content(Kind.FLOW, name="A B"), content(Kind.FLOW, name="A B ")
    ).fields
    assert name.only_space
    [name] = compare_contents(
        Kind.FLOW, content(Kind.FLOW, name="A B"), content(Kind.FLOW, name="AB")
    ).fields
    assert not name.only_space


def test_long_texts_are_compared_line_by_line_and_documents_value_by_value() -> None:
    before = content(Kind.FLOW, info="One\ntwo", tags=["a"], extra={"b": 1})
    after = content(Kind.FLOW, info="One\n2", tags=["a", "b"], extra={"b": 2})
    info, tags, extra = compare_contents(Kind.FLOW, before, after).fields
    assert info.lines
    assert shown(info.lines) == [" One", "-[two]", "+[2]"]
    assert values(tags) == ["[+1]: none -> b"]
    assert extra.key == "other keys"
    assert values(extra) == ["b: [1] -> [2]"]


def test_a_new_item_has_only_an_after_and_one_that_is_gone_only_a_before() -> None:
    item = content(Kind.CONNECTION, name="DB", type="postgres")
    new, gone = (
        compare_contents(Kind.CONNECTION, None, item),
        compare_contents(Kind.CONNECTION, item, None),
    )
    assert (new.is_new, new.is_gone, gone.is_new, gone.is_gone) == (True, False, False, True)
    assert new.fields[0] == FieldDifference(key="name", after=make_pieces("DB"))
    assert gone.fields[1] == FieldDifference(key="type", before=make_pieces("postgres"))


def test_a_changed_credential_of_a_connection_is_seen_to_change_and_is_not_shown() -> None:
    before = content(
        Kind.CONNECTION,
        dev_value="{\n  host: 'a',\n  password: 'CANARY-1'\n}",
        prod_value="{ password: 'CANARY-1' }",
        extra={"password": "CANARY-2"},
    )
    after = content(
        Kind.CONNECTION,
        dev_value="{\n  host: 'b',\n  password: 'CANARY-2'\n}",
        prod_value="{ password: secrets.DB }",
        extra={"password": "CANARY-3"},
    )
    found = compare_contents(Kind.CONNECTION, before, after)
    dev, prod, extra = (shown(field.lines or LineDiff()) for field in found.fields)
    assert dev == [
        " {", "-  host: '[a]',", "-  password: '[hidden [1]]'",
        "+  host: '[b]',", "+  password: '[hidden [2]]'", " }",
    ]  # fmt: skip
    assert prod == ["-{ password: ['[hidden 1]'] }", "+{ password: [secrets.DB] }"]
    assert '-  "password": "[hidden [2]]"' in extra
    assert "CANARY" not in repr(found)
    assert "CANARY" not in rendered(found)
    assert all(field.masked for field in found.fields)


def test_a_credential_is_hidden_in_a_text_of_any_length() -> None:
    long = "// a comment\n" * 30_000
    found = compare_contents(
        Kind.CONNECTION,
        content(Kind.CONNECTION, dev_value=f"{long}password: 'CANARY-1'"),
        content(Kind.CONNECTION, dev_value=f"{long}password: 'CANARY-2'"),
    )
    assert "CANARY" not in repr(found)
    assert "hidden" in rendered(found)


def test_a_secrets_values_are_never_read() -> None:
    before = {**content(Kind.SECRET, name="A"), "dev_value": "CANARY-1", "prod_value": "CANARY-1"}
    after = {**content(Kind.SECRET, name="B"), "dev_value": "CANARY-2", "prod_value": "CANARY-2"}
    found = compare_contents(Kind.SECRET, before, after)
    assert [field.key for field in found.fields] == ["name"]
    assert "CANARY" not in rendered(found)


# --- The graph


def node(key: str, x: float = 0, y: float = 0, **data: Any) -> dict[str, Any]:
    return {"id": key, "type": "action", "position": {"x": x, "y": y}, "data": data}


def graphs() -> Difference:
    before = content(
        Kind.FLOW,
        nodes=[
            node("gone"),
            node("moved", 400),
            node("changed", 200, label="Old"),
            node("same", 9),
        ],
        edges=[{"id": "e", "source": "gone", "target": "same"}],
    )
    after = content(
        Kind.FLOW,
        nodes=[node("moved", 600), node("changed", 200, label="New"), node("same", 9), node("new", 800)],
        edges=[{"id": "f", "source": "same", "target": "nowhere"}],
    )  # fmt: skip
    return compare_contents(Kind.FLOW, before, after)


def test_changes_are_numbered_from_the_left_to_the_right_edges_and_layout_last() -> None:
    graph = graphs().graph
    assert graph is not None
    assert [(each.number, each.part, each.label, each.status) for each in graph.changes] == [
        (1, "node", "gone", NodeStatus.REMOVED),
        (2, "node", "New", NodeStatus.CHANGED),
        (3, "node", "new", NodeStatus.ADDED),
        (4, "edge", "gone → same", NodeStatus.REMOVED),
        (5, "edge", "same → nowhere", NodeStatus.ADDED),
    ]
    assert [(each.number, each.label, values(each)) for each in graph.layout] == [
        (6, "moved", ["position.x: [400] -> [600]"])
    ]
    assert [count.words for count in graph.counts] == [
        "1 node and 1 edge added", "1 node and 1 edge removed", "1 node changed",
        "1 node moved", "1 node unchanged",
    ]  # fmt: skip


def test_a_changed_node_has_each_value_that_differs_by_its_path() -> None:
    graph = graphs().graph
    assert graph
    assert values(graph.changes[1]) == ["data.label: [Old] -> [New]"]
    assert values(graph.changes[2])[0] == "data: none -> {}"


def test_a_node_that_moved_and_changed_counts_as_both() -> None:
    before = content(Kind.FLOW, nodes=[node("a", 0, label="Old"), node("b", 0)])
    after = content(Kind.FLOW, nodes=[node("a", 9, label="New"), node("b", 9)])
    graph = compare_contents(Kind.FLOW, before, after).graph
    assert graph
    assert [count.words for count in graph.counts] == ["1 node changed", "2 nodes moved"]
    assert [change.label for change in graph.layout] == ["b"]


def test_code_in_a_node_is_compared_by_its_own_lines() -> None:
    before, after = (
        content(Kind.FLOW, nodes=[node("a", code=f"let a = 1;\nreturn {result};")])
        for result in ("a", "a + 1")
    )
    graph = compare_contents(Kind.FLOW, before, after).graph
    assert graph
    assert values(graph.changes[0]) == [
        "data.code: [' let a = 1;', '-return a;', '+return a[ + 1];']"
    ]


def test_all_of_very_many_values_are_told() -> None:
    many = {f"key{at:02}": 1 for at in range(600)}
    before = content(Kind.FLOW, nodes=[node("a")])
    found = compare_contents(Kind.FLOW, before, content(Kind.FLOW, nodes=[node("a", **many)]))
    assert found.graph
    assert [each.path for each in found.graph.changes[0].values][1:] == [
        f"data.{key}" for key in sorted(many)
    ]


def test_a_new_flow_has_one_picture() -> None:
    graph = compare_contents(Kind.FLOW, None, content(Kind.FLOW, nodes=[node("a")], edges=[])).graph
    assert graph
    assert [picture.name for picture in graph.pictures] == ["after"]
    assert [change.status for change in graph.changes] == [NodeStatus.ADDED]


def test_a_flow_whose_graph_stays_has_no_pictures() -> None:
    before, after = content(Kind.FLOW, name="A", nodes=[]), content(Kind.FLOW, name="B", nodes=[])
    assert compare_contents(Kind.FLOW, before, after).graph is None


def test_another_order_of_the_nodes_is_said_to_be_one() -> None:
    before = content(Kind.FLOW, nodes=[node("a"), node("b")])
    after = content(Kind.FLOW, nodes=[node("b"), node("a")])
    assert "Only the order of the nodes or edges differs." in rendered(
        compare_contents(Kind.FLOW, before, after)
    )


def test_of_very_many_changes_each_has_its_values() -> None:
    after = content(Kind.FLOW, nodes=[node(str(at), at) for at in range(501)])
    graph = compare_contents(Kind.FLOW, None, after).graph
    assert graph
    assert all(values(change) for change in graph.changes)


def test_the_first_changes_are_open() -> None:
    before = content(Kind.FLOW, nodes=[node(str(at), at, v=1) for at in range(60)])
    after = content(Kind.FLOW, nodes=[node(str(at), at, v=2) for at in range(60)])
    html = rendered(compare_contents(Kind.FLOW, before, after))
    assert html.count('<details class="difference-change changed" open="">') == 40
    assert html.count('<details class="difference-change changed">') == 20


# --- The include


def rendered(found: Difference) -> str:
    return render_to_string("admin/flows/difference.html", {"difference": found})


def parsed(html: str) -> ElementTree.Element:
    """The include as XML: it is written so that it is well-formed as such."""
    xml = re.sub(r"<(input\b[^>]*)>", r"<\1/>", html).replace("&nbsp;", "&#160;")
    return ElementTree.fromstring(xml)


def test_every_link_of_the_pictures_leads_to_one_change() -> None:
    page = parsed(rendered(graphs()))
    ids = [each.get("id") for each in page.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    links = {each.get("href") for each in page.iter() if (each.get("href") or "").startswith("#")}
    assert links <= {f"#{each}" for each in ids}
    assert {f"#change-{number}" for number in range(1, 7)} <= links


def test_the_include_has_no_style_or_script_of_its_own() -> None:
    html = rendered(graphs())
    assert "style" not in html
    assert "<script" not in html
    assert not re.search(r"\son\w+=", html)


def test_naughty_strings_are_shown_as_they_are_and_nothing_of_them_is_markup(
    shared_data: Path,
) -> None:
    naughty = json.loads((shared_data / "naughty-strings.json").read_text())
    for text in [*naughty, "\x00\x0b\ud7ff\ufffe", "]]>", "--><b>"]:
        tree = parsed(rendered(naughty_flow(text)))
        tags = {each.tag.rpartition("}")[2] for each in tree.iter()}
        assert tags <= KNOWN_TAGS
        connection = compare_contents(
            Kind.CONNECTION,
            content(Kind.CONNECTION, name=f"{text}1", description=f"{text}\n", dev_value=text),
            content(Kind.CONNECTION, name=text, prod_value=text),
        )
        assert {each.tag for each in parsed(rendered(connection)).iter()} <= KNOWN_TAGS


KNOWN_TAGS = {
    "section", "p", "h3", "h4", "ul", "li", "span", "strong", "em", "code", "input", "label", "div",
    "details", "summary", "a", "table", "thead", "tbody", "tr", "th", "td", "ins", "del", "dl", "dt", "dd",
    "svg", "defs", "marker", "clipPath", "path", "g", "title", "rect", "circle", "text", "use",
}  # fmt: skip


def naughty_flow(text: str) -> Difference:
    odd = {"id": text, "type": text, "position": None, "data": {"label": text, text: text}}
    return compare_contents(
        Kind.FLOW,
        content(
            Kind.FLOW,
            name=f"{text}1",
            info=f"{text}\n1",
            tags=[text],
            extra={text: text},
            nodes=[odd, {**odd, "id": f"{text}1"}],
            edges=[{"id": text, "source": text, "target": text}],
        ),
        content(
            Kind.FLOW,
            name=text,
            info=text,
            tags=[text, text],
            extra={},
            nodes=[{**odd, "data": {"name": f"{text}1", text: 1}}],
            edges=[{"id": text, "source": text, "target": f"{text}1", text: text}],
        ),
    )


def test_real_and_odd_flows_against_nothing_and_each_other(shared_data: Path) -> None:
    flows = json.loads((shared_data / "real-odd.json").read_bytes())["flows"]
    contents = [
        content(Kind.FLOW, name=flow["name"], nodes=flow["nodes"], edges=flow["edges"])
        for flow in sorted(flows, key=lambda flow: len(flow["nodes"]))
    ]
    for before, after in zip(contents[::5], contents[1::5], strict=False):
        parsed(rendered(compare_contents(Kind.FLOW, before, after)))


def test_the_fields_and_the_graph_have_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[Budget] = []
    monkeypatch.setattr(values_module, "Budget", lambda: budgets.append(Budget()) or budgets[-1])
    sides = [
        content(Kind.FLOW, info=f"{text}\nx\ny", nodes=[node("a", code=f"{text}\nx\ny")])
        for text in ("a", "b")
    ]
    left = []
    for nodes in ([], sides[0]["nodes"]):
        compare_contents(Kind.FLOW, {**sides[0], "nodes": nodes or sides[1]["nodes"]}, sides[1])
        left.append(budgets[-1].left)
    assert len(budgets) == 2
    assert left[1] < left[0] < Budget().left
