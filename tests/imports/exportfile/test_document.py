"""The bytes of a file to its document, or to every problem that it has."""

import gc
import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content.documents import read_text
from flows.content.fields import FIELDS, Kind, Shape
from flows.texts import quote
from imports.errors import FileInvalid, FileTooLarge, FileUnreadable, UnableToImport
from imports.exportfile.document import ExportDocument, parse
from imports.exportfile.warnings import WarningCode
from imports.report import make_refusal_data

LARGE = 10**9
FLOW = "ffffffff-0000-4000-8000-000000000001"
OTHER_FLOW = "ffffffff-0000-4000-8000-000000000002"
CONNECTION = "cccccccc-0000-4000-8000-000000000001"
SECRET = "55555555-0000-4000-8000-000000000001"
OTHER_SECRET = "55555555-0000-4000-8000-000000000002"

NO_LIST = "This must be a list."
NO_UUID = "This must be a uuid in text, such as c4492541-118e-4e23-9450-f2d28204ebee."
NO_TIME = "This must be a time in ISO 8601, such as 2026-03-16T17:10:06.000Z."
NO_IDENTIFIER = (
    "A secret's name must be a JavaScript identifier: letters, digits, _ and $, "
    "not beginning with a digit."
)


def parsed(content: Any):
    return parse(json.dumps(content).encode(), max_bytes=LARGE)


def refused(content: Any) -> FileInvalid:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(FileInvalid) as caught:
        parse(data, max_bytes=LARGE)
    return caught.value


def problems(content: Any) -> list[tuple[str, str]]:
    """Code and path of every problem."""
    return [(issue.code, issue.path) for issue in refused(content).issues]


def a_flow(**keys: Any) -> dict[str, Any]:
    return {"uuid": FLOW, "name": "SMS Test", **keys}


# The shape of a file


def test_a_document_knows_its_items_by_kind_in_the_order_of_the_file():
    document = parsed(
        {
            "secrets": [{"uuid": SECRET, "name": "B"}, {"uuid": OTHER_SECRET, "name": "A"}],
            "connections": [{"uuid": CONNECTION, "name": "Twilio"}],
            "flows": [{"uuid": OTHER_FLOW, "name": "z"}, {"uuid": FLOW, "name": "a"}],
        }
    )
    assert [(item.path, item.name, item.uuid) for item in document] == [
        ("flows[0]", "z", OTHER_FLOW),
        ("flows[1]", "a", FLOW),
        ("connections[0]", "Twilio", CONNECTION),
        ("secrets[0]", "B", SECRET),
        ("secrets[1]", "A", OTHER_SECRET),
    ]
    assert len(document) == 5


def test_a_document_knows_which_bytes_it_was():
    data = b'{"flows": []}'
    document = parse(data, max_bytes=LARGE)
    assert (document.size, document.sha256) == (13, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("content", [{"flows": []}, {"connections": []}, {"secrets": []}, []])
def test_a_list_that_is_missing_is_empty(content):
    document = parsed(content)
    assert {kind: document.items[kind] for kind in Kind} == {
        Kind.FLOW: (),
        Kind.CONNECTION: (),
        Kind.SECRET: (),
    }


def test_a_bare_list_is_one_of_flows():
    document = parsed([a_flow()])
    assert [(item.kind, item.path) for item in document] == [(Kind.FLOW, "flows[0]")]


@pytest.mark.parametrize("content", [{}, {"Flows": []}, {"flow": []}, {"formatVersion": 1}])
def test_an_object_without_any_of_the_lists_is_no_export(content):
    error = refused(content)
    assert (error.code, error.status, error.exit_code) == ("wrong-top-level", 422, 3)
    assert error.message == (
        "This is no export: the file's object has none of flows, connections and secrets."
    )
    assert [(issue.code, issue.path) for issue in error.issues] == [("wrong-top-level", "")]


@pytest.mark.parametrize("content", ["flows", 0, -1.5, None, True])
def test_a_file_that_is_neither_object_nor_list_is_no_export(content):
    error = refused(content)
    assert (error.code, error.message) == (
        "wrong-top-level",
        "The file must hold an object with flows, connections and secrets, or a list of flows.",
    )


@pytest.mark.parametrize("value", [None, {}, "[]", 1, False, {"0": {}}])
@pytest.mark.parametrize("key", ["flows", "connections", "secrets"])
def test_each_of_the_lists_must_be_a_list(key, value):
    error = refused({key: value})
    assert [(issue.code, issue.path, issue.message) for issue in error.issues] == [
        ("wrong-type", key, NO_LIST)
    ]
    assert error.message == f"The file is no valid export. {key}: {NO_LIST}"


@pytest.mark.parametrize("value", [None, 1, "a", [], [[]], True])
@pytest.mark.parametrize("kind", ["flow", "connection", "secret"])
def test_an_item_must_be_an_object(kind, value):
    error = refused({f"{kind}s": [value, value]})
    message = f"A {kind} must be an object."
    assert [(issue.code, issue.path, issue.message) for issue in error.issues] == [
        ("wrong-type", f"{kind}s[0]", message),
        ("wrong-type", f"{kind}s[1]", message),
    ]


def test_elements_that_are_no_objects_are_all_told_in_a_large_file_as_well():
    large = a_flow(nodes=[{"n": list(range(150_000))}])
    assert problems({"flows": [None, large, 1, {}]}) == [
        ("wrong-type", "flows[0]"),
        ("wrong-type", "flows[2]"),
        ("missing-key", "flows[3].uuid"),
        ("missing-key", "flows[3].name"),
    ]


def test_unknown_keys_of_the_file_are_ignored():
    document = parsed({"flows": [a_flow()], "exportedAt": 1, "x": {"flows": [1]}, "": None})
    assert [item.name for item in document] == ["SMS Test"]


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ('{"a": {"b": 1, "b": 1}}', "duplicate-key", "x.a.b"),
        ('["\\u0000"]', "nul-character", "x[0]"),
        ("1e400", "out-of-range", "x"),
        ("[" * 64 + "]" * 64, "too-deep", "x"),
    ],
)
def test_what_is_ignored_must_be_strict_json_as_well(text, code, path):
    assert problems(f'{{"flows": [], "x": {text}}}'.encode()) == [(code, path)]


# The version of the format


@pytest.mark.parametrize("content", [{"flows": []}, {"flows": [], "formatVersion": 1}])
def test_version_1_and_no_version_are_read(content):
    assert len(parsed(content)) == 0


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (2, '"2"'),
        (0, '"0"'),
        (-1, '"-1"'),
        (1.5, '"1.5"'),
        ("1", '""1""'),
        ("x", '""x""'),
        (None, '"null"'),
        (True, '"true"'),
        ([], '"[]"'),
        (10**30, '"1000000000000000000000000000000"'),
    ],
)
def test_any_other_version_is_refused_with_both_versions(version, told):
    error = refused({"formatVersion": version, "flows": []})
    assert [(issue.code, issue.path, issue.message) for issue in error.issues] == [
        (
            "unsupported-version",
            "formatVersion",
            f"The file has format version {told}, this server reads 1. "
            "Export with the same release, or upgrade this server.",
        )
    ]


# What stands twice


def test_one_uuid_twice_within_a_kind_is_refused():
    error = refused({"flows": [a_flow(), {"uuid": OTHER_FLOW, "name": ""}, a_flow(name="b")]})
    assert [issue.as_dict() for issue in error.issues] == [
        {
            "code": "duplicate-uuid",
            "path": "flows[2]",
            "uuid": FLOW,
            "name": "b",
            "message": "flows[0] has the same uuid. Remove one of the two from the file.",
        }
    ]


def test_one_uuid_in_lower_and_upper_case_is_one_uuid():
    error = refused({"flows": [a_flow(), a_flow(uuid=FLOW.upper()), a_flow()]})
    assert [(issue.code, issue.path, issue.uuid) for issue in error.issues] == [
        ("duplicate-uuid", "flows[1]", "FFFFFFFF-0000-4000-8000-000000000001"),
        ("duplicate-uuid", "flows[2]", "ffffffff-0000-4000-8000-000000000001"),
    ]


def test_one_uuid_may_stand_in_every_kind():
    document = parsed(
        {
            "flows": [{"uuid": FLOW, "name": "a"}],
            "connections": [{"uuid": FLOW, "name": "a"}],
            "secrets": [{"uuid": FLOW, "name": "a"}],
        }
    )
    assert len(document) == 3


def test_one_name_twice_is_refused_for_secrets_only():
    names = [{"uuid": SECRET, "name": "KEY"}, {"uuid": OTHER_SECRET, "name": "KEY"}]
    assert len(parsed({"flows": names, "connections": names})) == 4
    error = refused({"secrets": names})
    assert [issue.as_dict() for issue in error.issues] == [
        {
            "code": "duplicate-name",
            "path": "secrets[1]",
            "uuid": OTHER_SECRET,
            "name": "KEY",
            "message": ("secrets[0] has the same name, and a secret's name is unique. Rename one."),
        }
    ]


@pytest.mark.parametrize(
    "names", [("KEY", "key"), ("\u00e9", "e\u0301"), ("I", "ı"), ("_", "__")], ids=repr
)
def test_names_of_secrets_that_differ_at_all_are_two_names(names):
    first, second = names
    assert len(
        parsed(
            {
                "secrets": [
                    {"uuid": SECRET, "name": first},
                    {"uuid": OTHER_SECRET, "name": second},
                ]
            }
        )
    ) == 2  # fmt: skip


def test_a_key_that_stands_twice_is_told_with_its_whole_path():
    data = (
        f'{{"flows": [{{"uuid": "{FLOW}", "name": "a", "nodes": '
        '[{"id": "1"}, {"id": "2", "data": {"a key": {"k": 1, "k": 1}}}]}]}'
    )
    error = refused(data.encode())
    assert [(issue.code, issue.path) for issue in error.issues] == [
        ("duplicate-key", 'flows[0].nodes[1].data["a key"].k')
    ]
    assert error.message == (
        'The file is no valid export. flows[0].nodes[1].data["a key"].k: '
        "A key stands twice in one object."
    )


def test_a_key_of_the_file_that_stands_twice_is_named():
    error = refused(b'{"flows": [], "flows": []}')
    assert error.message == "flows: The file's object has a key twice. Keep one of them."
    assert [(issue.code, issue.path) for issue in error.issues] == [("duplicate-key", "flows")]


# Limits


def test_a_file_may_have_exactly_the_size_that_is_allowed():
    data = b'{"flows":[]}'
    assert parse(data, max_bytes=12).size == 12
    with pytest.raises(FileTooLarge) as caught:
        parse(data, max_bytes=11)
    assert (caught.value.code, caught.value.status, caught.value.exit_code) == ("too-large", 413, 3)
    assert caught.value.message == (
        "The file is larger than the 11 bytes that this server takes. "
        "Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES."
    )


def test_a_file_that_is_too_large_is_not_read():
    with pytest.raises(FileTooLarge):
        parse(b"\xff" * 100, max_bytes=99)


def test_more_than_a_hundred_thousand_items_are_refused_whatever_their_kinds():
    items = b"[" + b"{}," * 49_999 + b"{}]"
    assert problems(b'{"flows": %s, "secrets": %s, "connections": [{}]}' % (items, items)) == [
        ("too-many-items", "")
    ]
    many = b"[" + b"{}," * 100_000 + b"{}]"
    assert problems(b'{"flows": %s}' % many) == [("too-many-items", "flows")]


def test_a_file_of_too_many_keys_is_no_export():
    keys = ",".join(f'"{number}": 0' for number in range(100_000))
    error = refused(f'{{"flows": [], {keys}}}'.encode())
    assert (error.code, error.status) == ("too-many-keys", 422)
    assert error.message == "The file's object may have at most 100,000 keys."


def test_a_hundred_thousand_items_are_read():
    flows = ",".join(
        f'{{"uuid":"ffffffff-0000-4000-8000-{number:012}","name":""}}' for number in range(100_000)
    )
    assert len(parse(f"[{flows}]".encode(), max_bytes=LARGE)) == 100_000


def test_an_item_of_more_than_two_million_values_is_refused():
    values = b"[" + b"1," * 2_000_001 + b"1]"
    assert problems(b'{"flows": [{"x": %s}], "connections": [1]}' % values) == [
        ("too-many-values", "flows[0]"),
        ("wrong-type", "connections[0]"),
    ]


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("before", "deepest"),
    [
        (f'{{"flows": [{{"uuid": "{FLOW}", "name": "", "x": ', 61),
        (f'[{{"uuid": "{FLOW}", "name": "", "x": ', 62),
        ('{"flows": [], "x": [{"y": ', 61),
    ],
    ids=["in an item", "in a bare list", "in what is ignored"],
)
def test_a_file_may_be_64_deep_and_no_deeper(before, deepest):
    after = "}]}" if before.startswith("{") else "}]"
    if before.endswith('[{"y": '):
        after = "}]}"
    assert parse((before + nested(deepest) + after).encode(), max_bytes=LARGE).size > 0
    error = refused((before + nested(deepest + 1) + after).encode())
    assert error.code == "too-deep"
    assert error.issues[0].message == "A file may be nested at most 64 deep."


@pytest.mark.parametrize(
    ("depth", "unread"), [(100, False), (490, False), (600, True), (5_000, True), (50_000, True)]
)
@pytest.mark.parametrize("key", ["flows", "ignored"])
def test_what_some_parser_would_not_read_is_refused_as_a_whole(depth, unread, key):
    """5,000 is too deep for the parser of Python 3.11, and not for that of 3.13."""
    data = f'{{"connections": [], "{key}": [{{"x": {nested(depth)}}}]}}'.encode()
    with pytest.raises(UnableToImport) as caught:
        parse(data, max_bytes=LARGE)
    path = "" if unread else "flows[0]" if key == "flows" else key
    kind = FileUnreadable if unread else FileInvalid
    assert type(caught.value) is kind
    assert [(issue.code, issue.path) for issue in caught.value.issues] == [("too-deep", path)]


# All problems at once


def test_an_export_with_one_problem_of_each_sort_tells_exactly_these():
    deep = json.loads(nested(62))
    flows = [
        None,
        {"uuid": FLOW, "name": "nul", "nodes": [{"data": {"text": "\0"}}]},
        {"uuid": FLOW, "name": "deep", "x": deep},
        {"uuid": FLOW, "name": "huge", "x": [0, "HUGE"]},
        {"uuid": FLOW, "name": "twice", "viewport": {"x": 1, "TWICE": 1}},
        {"name": "no uuid"},
        {"uuid": FLOW},
        {"uuid": FLOW[:-1], "name": "short"},
        {"uuid": 7, "name": ["a"], "nodes": {}, "edges": [{}, 1]},
        {"uuid": FLOW, "name": "n" * 256, "isLocked": 1, "timeout": 1.5},
        {
            "uuid": FLOW,
            "name": "fields",
            "executionHistoryMins": 2**63,
            "executionHistoryLevel": "all",
            "tags": ["a", None],
            "info": {},
            "connections": [CONNECTION, {"uuid": "x"}],
            "createdAt": "yesterday",
            "updatedAt": 0,
        },
        {"uuid": OTHER_FLOW, "name": "good"},
        {"uuid": OTHER_FLOW.upper(), "name": "again"},
    ]
    secrets = [
        {"uuid": SECRET, "name": "not-an-identifier"},
        {"uuid": SECRET, "name": "KEY"},
        {"uuid": OTHER_SECRET, "name": "KEY", "tags": []},
    ]
    content = {"formatVersion": 2, "x": "\0", "flows": flows, "connections": {}, "secrets": secrets}
    text = json.dumps(content).replace('"HUGE"', "1e400").replace('"TWICE"', '"x"')
    error = refused(text.encode())
    assert [(i.code, i.path, i.uuid, i.name, i.message) for i in error.issues] == [
        (
            *("unsupported-version", "formatVersion", None, None),
            'The file has format version "2", this server reads 1. '
            "Export with the same release, or upgrade this server.",
        ),
        (
            *("nul-character", "x", None, None),
            "Text must not hold the character U+0000. Remove it.",
        ),
        ("wrong-type", "connections", None, None, NO_LIST),
        ("wrong-type", "flows[0]", None, None, "A flow must be an object."),
        (
            *("nul-character", "flows[1].nodes[0].data.text", None, None),
            "Text must not hold the character U+0000. Remove it.",
        ),
        ("too-deep", "flows[2]", None, None, "A file may be nested at most 64 deep."),
        ("out-of-range", "flows[3].x[1]", None, None, "A number is out of range."),
        ("duplicate-key", "flows[4].viewport.x", None, None, "A key stands twice in one object."),
        (
            *("missing-key", "flows[5].uuid", None, "no uuid"),
            "This is missing: a flow must have a uuid.",
        ),
        ("missing-key", "flows[6].name", FLOW, None, "This is missing: a flow must have a name."),
        ("invalid-uuid", "flows[7].uuid", FLOW[:-1], "short", NO_UUID),
        ("invalid-uuid", "flows[8].uuid", None, None, NO_UUID),
        ("wrong-type", "flows[8].name", None, None, "This must be text."),
        ("wrong-type", "flows[8].nodes", None, None, "This must be a list of objects."),
        ("wrong-type", "flows[8].edges[1]", None, None, "This must be a list of objects."),
        (
            *("name-too-long", "flows[9].name", FLOW, "n" * 200 + "..."),
            "A name may have at most 255 characters, this one has 256.",
        ),
        ("wrong-type", "flows[9].isLocked", FLOW, "n" * 200 + "...", "This must be true or false."),
        ("wrong-type", "flows[9].timeout", FLOW, "n" * 200 + "...", "This must be a whole number."),
        ("wrong-type", "flows[10].info", FLOW, "fields", "This must be text."),
        ("wrong-type", "flows[10].tags[1]", FLOW, "fields", "This must be a list of texts."),
        (
            *("invalid-choice", "flows[10].executionHistoryLevel", FLOW, "fields"),
            "This must be one of USE_DEFAULT, TIME_LIMITED_ERRORED_WITH_DATA, "
            "TIME_LIMITED_ALL_WITH_DATA, ERRORED_WITH_DATA, ERRORED_NO_DATA, ALL.",
        ),
        (
            *("out-of-range", "flows[10].executionHistoryMins", FLOW, "fields"),
            "This must be between -9223372036854775808 and 9223372036854775807.",
        ),
        (
            *("wrong-type", "flows[10].connections[1]", FLOW, "fields"),
            "This must be a list of uuids, or of objects with a uuid.",
        ),
        ("invalid-time", "flows[10].createdAt", FLOW, "fields", NO_TIME),
        ("invalid-time", "flows[10].updatedAt", FLOW, "fields", NO_TIME),
        ("invalid-name", "secrets[0].name", SECRET, "not-an-identifier", NO_IDENTIFIER),
        (
            *("duplicate-uuid", "flows[12]", OTHER_FLOW.upper(), "again"),
            "flows[11] has the same uuid. Remove one of the two from the file.",
        ),
        (
            *("duplicate-name", "secrets[2]", OTHER_SECRET, "KEY"),
            "secrets[1] has the same name, and a secret's name is unique. Rename one.",
        ),
    ]
    assert (error.code, error.status, error.exit_code) == ("unsupported-version", 422, 3)
    assert error.message == (
        'The file is no valid export. formatVersion: The file has format version "2", this server '
        "reads 1. Export with the same release, or upgrade this server. (27 more problems)"
    )


LONG = "k" * 10**7
SEVERE = "\n\r\x1b[31m\u2028\u202e"


@pytest.mark.parametrize("text", [LONG, SEVERE, SEVERE * 10**5], ids=["long", "odd", "both"])
@pytest.mark.parametrize(
    "make",
    [
        lambda text: {"flows": [{"uuid": FLOW, "name": text + "n" * 256}]},
        lambda text: {"flows": [{"uuid": text, "name": text}]},
        lambda text: {"secrets": [{"uuid": SECRET, "name": text + "-"}]},
        lambda text: {"flows": [a_flow(executionHistoryLevel=text)]},
        lambda text: {"flows": [a_flow(createdAt=text, timeout=text, isValid=text)]},
        lambda text: {"flows": [a_flow(connections=[text])]},
        lambda text: {"flows": [a_flow(nodes=[text, {text: text}])]},
        lambda text: {"flows": [a_flow(nodes=[{text: {text: "\0"}}])]},
        lambda text: {"flows": [a_flow(**{text: "HUGE"})]},
        lambda text: {"flows": [a_flow(nodes=[{text: 1, "TWICE": 1}])]},
        lambda text: {"flows": [], "formatVersion": text},
        lambda text: {"flows": [], text: "\0"},
        lambda text: {"flows": [], text: 1, "TWICE": 2},
        lambda text: {text: text},
        lambda text: text,
    ],
    ids=lambda make: None,
)
def test_what_is_told_is_short_and_on_one_line_whatever_the_file_holds(make, text):
    data = json.dumps(make(text)).replace('"HUGE"', "1e400").replace('"TWICE"', json.dumps(text))
    error = refused(data.encode())
    told = [error.message, *(issue.message for issue in error.issues)]
    told += [issue.path for issue in error.issues]
    assert all(line.isprintable() for line in told)
    assert len(json.dumps(make_refusal_data(error))) < 20_000


def test_the_garbage_collector_is_as_it_was_after_a_refusal():
    assert gc.isenabled()
    refused({"flows": [1]})
    with pytest.raises(FileUnreadable):
        parse(b"", max_bytes=LARGE)
    assert gc.isenabled()
    gc.disable()
    try:
        parsed([])
        assert not gc.isenabled()
    finally:
        gc.enable()


# Any export, and any export with one fault


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(TEXTS, JSON_VALUES, max_size=3)
UUIDS = st.uuids().map(str)
IDENTIFIERS = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$]{0,12}", fullmatch=True)
BY_SHAPE = {
    Shape.TEXT: TEXTS,
    Shape.CHOICE: st.sampled_from(["USE_DEFAULT", "ERRORED_NO_DATA", "ALL"]),
    Shape.BOOLEAN: st.booleans(),
    Shape.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Shape.STRINGS: st.lists(TEXTS, max_size=3),
    Shape.OBJECTS: st.lists(OBJECTS, max_size=3),
    Shape.OBJECT: OBJECTS,
    Shape.USES: st.lists(UUIDS | st.fixed_dictionaries({"uuid": UUIDS}), max_size=3),
}
UNKNOWN_KEYS = ("deletedAt", "owner", "name ", "Nodes", "", "$ref", "__proto__")
TIMES = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def items_of(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    names = IDENTIFIERS if kind is Kind.SECRET else TEXTS
    optional: dict[str, st.SearchStrategy[Any]] = {
        field.key: st.none() | BY_SHAPE[field.shape]
        for field in FIELDS[kind]
        if field.shape is not Shape.NAME
    }
    optional |= dict.fromkeys(UNKNOWN_KEYS, JSON_VALUES)
    optional |= dict.fromkeys(("createdAt", "updatedAt"), TIMES.map(datetime.isoformat))
    return st.fixed_dictionaries({"uuid": UUIDS, "name": names}, optional=optional)


EXPORTS = st.fixed_dictionaries(
    {
        kind.plural: st.lists(
            items_of(kind),
            max_size=2,
            unique_by=(lambda item: item["uuid"], lambda item: item["name"]),
        )
        for kind in Kind
    }
)


@given(EXPORTS, st.booleans())
def test_every_field_of_every_export_is_given_back(export, ensure_ascii):
    document = parse(json.dumps(export, ensure_ascii=ensure_ascii).encode(), max_bytes=LARGE)
    for kind in Kind:
        assert len(document.items[kind]) == len(export[kind.plural])
        for given_item, item in zip(export[kind.plural], document.items[kind], strict=True):
            assert (item.uuid, item.name) == (given_item["uuid"], given_item["name"])
            found = {field.key: read_text(item.content[field.column]) for field in FIELDS[kind]
                     if field.column in item.content}  # fmt: skip
            assert found.keys() == given_item.keys() - {
                *("uuid", "createdAt", "updatedAt", *UNKNOWN_KEYS)
            }
            for field in FIELDS[kind]:
                if field.key in found:
                    assert_same(field, found[field.key], given_item[field.key])
            unknown = {key: given_item[key] for key in UNKNOWN_KEYS if key in given_item}
            if kind is Kind.SECRET:  # under whose unknown keys its value may be
                unknown = {key: value for key, value in unknown.items() if is_harmless(value)}
                told = [warning for warning in item.warnings if " is ignored: " in warning]
                assert len(told) == sum(key in given_item for key in UNKNOWN_KEYS) - len(unknown)
            assert json.loads(item.extra) == unknown
            times = {"createdAt": item.created_at, "updatedAt": item.updated_at}
            for key, time in times.items():
                assert (time.isoformat() if time else None) == given_item.get(key)
            warnings = tuple(
                each.text
                for each in item.own_warnings
                if " is ignored: what" not in each.text
                and each.code != WarningCode.INVISIBLE_CHARACTERS
            )
            assert warnings == (() if item.name else (
                f"this {kind} has no name, so that it is matched by its uuid only",
            ))  # fmt: skip


def is_harmless(value):
    return value is None or value is True or value is False or value in ("", [], {})


def assert_same(field, found, given_value):
    if field.shape not in {Shape.STRINGS, Shape.OBJECTS, Shape.OBJECT, Shape.USES}:
        assert (type(found), found) == (type(given_value), given_value)
    elif given_value is None and field.optional:
        assert found is None
    else:
        assert json.loads(found) == given_value


MUTATIONS = ("replace", "remove", "add", "repeat", "insert", "delete")
WRONG_VALUES = st.sampled_from(
    [None, True, 0, -1, 1.5, 2**63, 10**400, "", "\0", "x" * 300, "a\nb", [], [[]], {}, {"uuid": 1}]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in the value with each of its keys or indexes."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def mutated(export: Any, mutation: str, data: st.DataObject) -> bytes:
    if mutation in {"insert", "delete"}:
        text = json.dumps(export).encode()
        at = data.draw(st.integers(0, len(text) - 1))
        byte = data.draw(st.integers(0, 255))
        return text[:at] + (bytes([byte]) if mutation == "insert" else b"") + text[at + 1 :]
    container, key = data.draw(st.sampled_from(places(export)))
    if mutation == "remove":
        del container[key]
    elif mutation == "replace" or isinstance(container, dict):
        container[f"{key}2" if mutation == "add" else key] = data.draw(WRONG_VALUES)
    else:
        container.insert(key, container[key])
    text = json.dumps(export)
    if mutation == "repeat" and isinstance(key, str):
        text = text.replace(f"{json.dumps(key)}: ", f"{json.dumps(key)}: 0, {json.dumps(key)}: ", 1)
    return text.encode()


def document_or_refusal(payload: bytes) -> ExportDocument | UnableToImport:
    try:
        return parse(payload, max_bytes=LARGE)
    except UnableToImport as error:
        return error


def test_an_export_with_one_mutation_is_read_or_refused_and_nothing_else():
    outcomes = Counter()

    @given(EXPORTS, st.sampled_from(MUTATIONS), st.data())
    def check(export, mutation, data):
        payload = mutated(export, mutation, data)
        outcome = document_or_refusal(payload)
        if isinstance(outcome, UnableToImport):
            outcomes["refused"] += 1
            assert outcome.exit_code == 3
            assert outcome.issues
            assert outcome.message.splitlines() == [outcome.message]
            assert all(issue.code and issue.message for issue in outcome.issues)
            assert all(issue.path.isprintable() for issue in outcome.issues)
        else:
            outcomes["read"] += 1
            assert outcome.size == len(payload)

    check()
    total = outcomes.total()
    assert outcomes["read"] >= total / 10, outcomes
    assert outcomes["refused"] >= total / 10, outcomes


def test_a_quotation_from_a_file_is_one_short_line():
    assert quote("a\nb\x1b\u2028") == r'"a\nb\x1b\u2028"'
    assert quote("é😀") == '"é😀"'
    assert quote("n" * 1000) == '"' + "n" * 200 + '..."'
