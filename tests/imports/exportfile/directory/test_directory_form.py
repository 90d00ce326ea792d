"""A file and its directory are the same document, and git shows of a change what was changed.

ZIGGY_DIRECTORY_CASES says how many documents are made up.
"""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.content.fields import Kind
from flows.differences.graphs.graph import LAYOUT_KEYS
from imports.exportfile.directory.code_files import may_be_file
from tests.support.directories import (
    join_files,
    normalize,
    read_files,
    split_document,
    write_files,
)
from tests.support.texts_in_values import change_text, find_texts, read_text

CONFLICT = "<<<<<<< a\nours\n=======\ntheirs\n>>>>>>> b\n"
TEXTS = st.one_of(
    st.sampled_from(
        [
            *("", "a", "a\nb", "a\nb\n", "\n\n", "a\r\nb", "a\rb\nc", CONFLICT, "é\n\u2028\n"),
            *("\ufeffa\nb", "code/a.js", "const a = 1;\nreturn a;", "def f(a):\n    pass\n"),
            *(
                "select 1\nfrom x",
                "<div>\n</div>",
                "# Title\n\ntext",
                "$Id$\n$file\n",
                "\x1a\n\x0c\n",
            ),
        ]
    ),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8),
)
KEYS = st.one_of(
    st.sampled_from(["$file", "$$file", "$$$file", "file", "jsCode", "query", "position", "id"]),
    TEXTS,
)
NUMBERS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.just(936.0), st.just(-0.0)
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.just({"$file": "code/a.js"})),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)
IDS = st.one_of(st.sampled_from(["1", "2", "con", "A", "a", "$file", "../x", ""]), VALUES)
NODES = st.fixed_dictionaries(
    {},
    optional={
        "id": IDS,
        "type": TEXTS,
        "data": st.one_of(st.dictionaries(KEYS, VALUES, max_size=4), VALUES),
        **dict.fromkeys(sorted(LAYOUT_KEYS), VALUES),
        "$file": VALUES,
    },
)
NAMES = st.one_of(
    st.sampled_from(
        ["Orders", "ORDERS", "orders", "Örders", "con", "NUL", "", "...", "x" * 200, "日本"]
    ),
    TEXTS,
)
FLOWS = st.fixed_dictionaries(
    {"name": NAMES, "nodes": st.lists(st.one_of(NODES, VALUES), max_size=4)},
    optional={
        "edges": st.one_of(st.lists(VALUES, max_size=3), VALUES),
        "viewport": VALUES,
        "info": TEXTS,
        "timeout": NUMBERS,
        "$file": VALUES,
        "isDeleted": st.booleans(),
        "createdAt": st.just("2026-01-01T00:00:00.000Z"),
        "updatedAt": TEXTS,
        "more": VALUES,
    },
)
OTHERS = st.fixed_dictionaries({"name": NAMES}, optional={"devValue": TEXTS, "more": VALUES})


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document of few items, each with a uuid of its own."""
    document: dict[str, Any] = {}
    for kind in Kind:
        items = draw(st.lists(FLOWS if kind is Kind.FLOW else OTHERS, max_size=3))
        if kind is Kind.SECRET:  # no two have one name
            items = [*{item["name"]: item for item in items}.values()]
        digits = draw(st.permutations(range(len(items))))
        document[kind.plural] = [
            {"uuid": f"{digit:08d}-0000-4000-8000-000000000000", **item}
            for digit, item in zip(digits, items, strict=True)
        ]
    return document


def shuffled(value: Any, source: random.Random) -> Any:
    """Return the same value with the keys of its objects in another order."""
    if isinstance(value, dict):
        keys = [*value]
        source.shuffle(keys)
        return {key: shuffled(value[key], source) for key in keys}
    return [shuffled(each, source) for each in value] if isinstance(value, list) else value


@given(documents(), st.randoms(use_true_random=False))
@example(
    {"flows": [{"uuid": "1", "name": "a", "nodes": [{"id": "1"}, {"id": "1", "width": 1}]}]},
    random.Random(1),
)
def test_a_directory_is_the_same_document(document: dict[str, Any], source: random.Random) -> None:
    files = split_document(document)
    back = join_files(files)
    assert normalize(back) == normalize(document)
    assert split_document(back) == files
    assert split_document(shuffled(document, source)) == files


@given(documents())
def test_no_file_has_what_git_may_change_nor_a_name_that_a_disk_may(
    document: dict[str, Any],
) -> None:
    files = split_document(document)
    assert len({path.lower() for path in files}) == len(files)
    for path, content in files.items():
        assert b"\r" not in content
        assert b"\0" not in content
        assert path == path.lower()
        assert path.isascii()
        for part in path.split("/"):
            assert len(part) <= 150
            assert part.split(".")[0] not in {"con", "nul", "aux", "prn", "com1", "lpt1"}
            assert not part.endswith((".", " "))


@pytest.mark.parametrize("name", ["real-small.json", "real-odd.json", "real-medium.json"])
def test_real_files_are_the_same_documents(name: str, shared_data: Path, tmp_path: Path) -> None:
    document = json.loads((shared_data / name).read_bytes())
    files = split_document(document)
    write_files(tmp_path, files)
    back = join_files(read_files(tmp_path))
    assert normalize(back) == normalize(document)
    assert split_document(back) == files


def changed_files(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = split_document(before), split_document(after)
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def test_one_line_of_code_is_one_line_of_one_file(shared_data: Path) -> None:
    document = json.loads((shared_data / "real-small.json").read_bytes())
    tried = 0
    for at, flow in enumerate(document["flows"]):
        for number, node in enumerate(flow["nodes"]):
            for path in find_texts(node):
                text = read_text(node, path)
                if not may_be_file(text):
                    continue
                lines = text.split("\n")
                lines[len(lines) // 2] += " // changed"
                after = copy.deepcopy(document)
                nodes = after["flows"][at]["nodes"]
                nodes[number] = change_text(node, path, lambda _, new=lines: "\n".join(new))
                (file,) = changed_files(document, after)
                old, new = (split_document(side)[file].split(b"\n") for side in (document, after))
                assert [one for one, other in zip(old, new, strict=True) if one != other] == [
                    text.split("\n")[len(lines) // 2].encode()
                ]
                tried += 1
    assert tried > 20


def test_a_moved_node_changes_its_layout_alone(shared_data: Path) -> None:
    document = json.loads((shared_data / "real-small.json").read_bytes())
    for at, flow in enumerate(document["flows"]):
        after = copy.deepcopy(document)
        for node in after["flows"][at]["nodes"][:12]:
            node["position"] = {"x": 1.5, "y": -7}
        if flow["nodes"]:
            (file,) = changed_files(document, after)
            assert file.endswith("/layout.json")


def test_a_new_name_of_a_flow_moves_its_folder(shared_data: Path) -> None:
    document = json.loads((shared_data / "real-small.json").read_bytes())
    after = copy.deepcopy(document)
    after["flows"][0]["name"] = "A wholly other name"
    old, new = split_document(document), split_document(after)
    gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    assert {path.split("/")[1] for path in come} == {"a-wholly-other-name"}
    assert len({path.split("/")[1] for path in gone}) == 1
    assert [path.split("/", 2)[2] for path in gone] == [path.split("/", 2)[2] for path in come]
    differing = [
        one.split("/", 2)[2]
        for one, other in zip(gone, come, strict=True)
        if old[one] != new[other]
    ]
    assert differing == ["flow.json"]


def test_names_that_differ_by_case_or_accents_have_folders_of_their_own() -> None:
    names = ["Orders", "orders", "ORDERS!", "Örders", "orders-2"]
    document = {
        "flows": [{"uuid": f"{at}", "name": name, "nodes": []} for at, name in enumerate(names)]
    }
    folders = sorted(path.split("/")[1] for path in split_document(document) if "flow.json" in path)
    assert folders == ["orders", "orders-2", "orders-2-2", "orders-3", "orders-4"]


def test_the_flow_of_the_documentation_looks_as_it_says() -> None:
    code = "const a = 1;\nreturn a;\n"
    node = {
        "data": {"label": "Price", "jsCode": code, "$file": "own"},
        "position": {"x": 1, "y": 2},
        "type": "code",
        "id": "n1",
    }
    files = split_document({"flows": [{"uuid": "1", "name": "Orders", "nodes": [node]}]})
    assert files["flows/orders/code/price-n1.jscode.js"] == code.encode()
    assert (
        files["flows/orders/flow.json"].decode()
        == """\
{
  "uuid": "1",
  "name": "Orders",
  "nodes": [
    {
      "id": "n1",
      "type": "code",
      "data": {
        "$$file": "own",
        "jsCode": {
          "$file": "code/price-n1.jscode.js"
        },
        "label": "Price"
      }
    }
  ]
}
"""
    )
    assert json.loads(files["flows/orders/layout.json"]) == {
        "nodes": {"n1": {"position": {"x": 1, "y": 2}}}
    }
