"""A file is read in one pass where it plainly is an export: the result is that of the clear road."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imports.errors import UnableToImport
from imports.exportfile import document, raw_items
from imports.exportfile.document import parse
from tests.support.importing import export_file, flow

UUID = "c4492541-118e-4e23-9450-f2d28204ebee"


def read(data: bytes):
    """The document, or the refusal with all its problems."""
    try:
        found = parse(data, max_bytes=len(data) + 1)
    except UnableToImport as error:
        return type(error), error.code, error.message, error.issues
    return found.sha256, found.size, list(found)


def read_clearly(data: bytes):
    """The same by the clear road alone: no pass that is quick, no colon that is counted before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_items, "split_quickly", lambda *_: None)
        patch.setattr(document, "count_colons", lambda *_: None)
        return read(data)


TEXTS = st.sampled_from(["", "a", "a:b", '"', "\\", "{", "ü", "\n", ":::", "x" * 20])
KEYS = st.one_of(TEXTS, st.sampled_from(["id", "data", "uuid"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
ITEM_KEYS = st.one_of(
    st.sampled_from(
        ["uuid", "name", "info", "nodes", "edges", "tags", "isDeleted", "createdAt", "updatedAt"]
    ),
    KEYS,
)
ITEMS = st.dictionaries(
    ITEM_KEYS,
    st.one_of(VALUES, st.just([{"id": "a:1", "data": {"url": "http://x"}}]), st.just(UUID)),
    max_size=8,
).map(lambda keys: {"uuid": UUID, "name": "Orders", **keys})
TOP_LEVEL_KEYS = st.sampled_from(
    ["flows", "connections", "secrets", "formatVersion", "exportedAt", "exportedFrom", "more"]
)
FILES = st.dictionaries(
    TOP_LEVEL_KEYS, st.one_of(st.lists(ITEMS, max_size=2), VALUES, st.just(1)), max_size=5
)


@st.composite
def texts_of_files(draw):
    """The text of a file, in which an object's key may stand twice, escaped or not."""
    text = json.dumps(
        draw(FILES), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    )
    if draw(st.booleans()) and '"' in text:
        start = draw(st.sampled_from([at for at, char in enumerate(text) if char == "{"] or [0]))
        added = draw(
            st.sampled_from(['"id": 1,"id": 2', '"name": "x"', '"a\\u003ab": 1', '"a\\u0000": 1'])
        )
        separator = "" if text[start + 1 : start + 2] == "}" else ","
        text = text[: start + 1] + added + separator + text[start + 1 :]
    return text.encode()


@given(texts_of_files())
@example(b'{"flows": [], "flows": []}')
@example(b'{"flows": null}')
@example(b'{"flows": [1]}')
@example(b'{"flows": [{}], "exportedAt": "a\\u0000"}')
@example(b'{"flows": [{}], "formatVersion": 1.0}')
@example(b'{"flows": [{}], "formatVersion": true}')
@example(b'{"flows": [], "exportedFrom": 5}')
@example(b'{"flows": [{"uuid": "%b", "name": "x", "isDeleted": {"a": 1, "a": 2}}]}' % UUID.encode())
@example(b'{"flows": [{"uuid": "%b", "name": "x", "x:y": {"a": 1, "a": 2}}]}' % UUID.encode())
@example(b'{"flows": [{"uuid": "%b", "name": "a\\u003ab", "name": "x"}]}' % UUID.encode())
@example(b"\xff")
def test_both_roads_read_the_same(data):
    assert read(data) == read_clearly(data)


def test_they_read_the_same_of_the_json_test_suite(shared_data):
    for path in sorted((shared_data / "json-test-suite").rglob("*.json")):
        data = path.read_bytes()
        for text in (
            data,
            b'{"flows":[' + data + b"]}",
            b'{"flows":[],"exportedAt":' + data + b"}",
        ):
            assert read(text) == read_clearly(text), path.name


@pytest.mark.parametrize("name", ["real-small.json", "real-medium.json", "real-odd.json"])
def test_they_read_the_same_of_real_files(name, shared_data):
    data = (shared_data / name).read_bytes()
    assert read(data) == read_clearly(data)


def test_an_export_is_read_in_one_pass(monkeypatch):
    def fail(*_):
        raise AssertionError("the clear road")

    monkeypatch.setattr(raw_items, "split_top_level", fail)
    sample = (Path(__file__).parents[3] / "samples" / "zexport.json").read_bytes()
    for data in (sample, export_file(flow(1, "Orders"), formatVersion=1, exportedAt="x")):
        assert parse(data, max_bytes=len(data))


def test_each_repeated_key_is_found(monkeypatch):
    item = {
        "uuid": UUID,
        "name": "x",
        "info": "a:b",
        "nodes": [{"id": {"b:c": ":"}}],
        "k:1": {":": ":"},
    }
    text = json.dumps({"flows": [item]})
    for at in (at for at, char in enumerate(text) if char == "{"):
        data = (text[: at + 1] + '"id": 1, "id": 2, ' + text[at + 1 :]).encode()
        _, code, *_ = read(data)
        assert code in {"duplicate-key", "too-many-keys"}, data
