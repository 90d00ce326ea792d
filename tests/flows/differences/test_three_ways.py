"""Three states of an item: what was changed here since the last import, and would be lost."""

from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from flows.content import canonical
from flows.content.fields import FIELDS, Kind
from flows.differences.values import Difference, compare_contents

SVG = "{http://www.w3.org/2000/svg}"


def node(key: str, x: float = 0, **data: Any) -> dict[str, Any]:
    return {"id": key, "type": "action", "position": {"x": x, "y": 0}, "data": data}


def content(*nodes: dict[str, Any], edges: Any = (), **columns: Any) -> dict[str, Any]:
    return {
        **{field.column: None for field in FIELDS[Kind.FLOW]},
        "extra": "{}",
        "name": "Way",
        "nodes": canonical.encode(list(nodes)),
        "edges": canonical.encode(list(edges)),
        **columns,
    }


def compared(last: Any, now: Any, file: Any) -> Difference:
    return compare_contents(Kind.FLOW, now, file, last=last)


def lost_values(found: Difference) -> dict[str, list[str]]:
    """The paths of the values that lose a change, by the label of each part that is marked."""
    assert found.graph
    return {
        change.label: [value.path for value in change.values if value.is_lost]
        for change in found.graph.changes
        if change.is_lost
    }


def test_a_value_that_was_changed_here_and_is_changed_by_the_import_is_lost() -> None:
    found = compared(
        content(node("a", url="old", retries=1)),
        content(node("a", url="here", retries=1)),
        content(node("a", url="file", retries=2)),
    )
    assert lost_values(found) == {"a": ["data.url"]}
    assert found.losses == 1
    assert found.here
    assert found.here.graph


@pytest.mark.parametrize(
    ("last", "now", "file"),
    [
        pytest.param({"v": 1}, {"v": 1}, {"v": 2}, id="the import alone changes it"),
        pytest.param({"v": 1}, {"v": 2}, {"v": 2}, id="both have it now"),
        pytest.param({"v": 1, "w": 1}, {"v": 2, "w": 1}, {"v": 2, "w": 2}, id="other values"),
        pytest.param({"ab": 1, "a": 1}, {"ab": 2, "a": 1}, {"ab": 2, "a": 2}, id="like names"),
    ],
)
def test_what_the_import_leaves_as_it_is_here_is_not_lost(last: Any, now: Any, file: Any) -> None:
    found = compared(*(content(node("a", **data)) for data in (last, now, file)))
    assert lost_values(found) == {} if found.graph else True
    assert found.losses == 0


def test_a_node_that_was_added_here_and_is_not_in_the_file_is_lost() -> None:
    found = compared(content(node("a")), content(node("a"), node("b")), content(node("a")))
    assert list(lost_values(found)) == ["b"]


def test_a_node_that_was_removed_here_and_comes_back_is_lost() -> None:
    found = compared(
        content(node("a"), node("b")), content(node("a")), content(node("a"), node("b"))
    )
    assert list(lost_values(found)) == ["b"]


def test_a_value_in_a_list_is_lost_where_the_list_was_changed_here() -> None:
    found = compared(
        content(node("a", headers=[{"v": 1}, {"v": 1}])),
        content(node("a", headers=[{"v": 2}, {"v": 1}])),
        content(node("a", headers=[{"v": 3}, {"v": 1}])),
    )
    assert lost_values(found) == {"a": ["data.headers[0].v"]}


def test_what_was_moved_here_is_no_loss() -> None:
    found = compared(content(node("a")), content(node("a", 90)), content(node("a", 50, v=1)))
    assert lost_values(found) == {}


def test_an_edge_that_was_changed_here_is_lost() -> None:
    states = (
        content(node("a"), node("b"), edges=[{"id": "e", "source": "a", "target": "b", "label": x}])
        for x in ("old", "here", "file")
    )
    found = compared(*states)
    assert list(lost_values(found)) == ["a → b"]


def test_a_field_that_was_changed_here_is_lost() -> None:
    states = [content(node("a"), info=info, timeout=timeout) for info, timeout in (("one", 1), ("two", 1), ("three", 2))]  # fmt: skip
    found = compared(*states)
    assert [(field.key, field.is_lost) for field in found.fields] == [
        ("info", True), ("timeout", False),
    ]  # fmt: skip


def test_there_are_three_pictures_that_mark_what_would_be_lost() -> None:
    found = compared(
        content(node("a", v=1), node("b", 300)),
        content(node("a", v=2), node("b", 300)),
        content(node("a", v=3), node("b", 300)),
    )
    assert found.graph
    assert [picture.title for picture in found.graph.pictures] == ["Last import", "Now", "File"]
    for picture in found.graph.pictures:
        root = ElementTree.fromstring(picture.svg)
        [changed] = [each for each in root.iter() if each.get("class") == "node changed"]
        assert "which would be lost" in changed.findtext(f"{SVG}title", "")
        assert "!" in [each.text for each in changed.iter() if each.get("class") == "sign"]
    page = render_to_string("admin/flows/difference.html", {"difference": found})
    assert page.count("! changed here") == 1
    assert page.count("! Changed here since the last import: would be lost") == 1


def test_without_an_edit_there_are_two_states() -> None:
    same = content(node("a", v=1))
    found = compared(same, dict(same), content(node("a", v=3)))
    assert found.here is None
    assert found.graph
    assert [picture.title for picture in found.graph.pictures] == ["Before", "After"]
