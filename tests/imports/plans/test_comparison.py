"""What an overwrite changes, and how little of it is shown."""

import pytest

from flows.content.fields import Kind
from imports.plans.build import build_plan
from imports.plans.comparison import find_differences
from imports.plans.plan import FieldChange, Mode, Result
from tests.support.imagined import DEFAULTS, Server, a_file, planned, stored
from tests.support.ordinary import EDGES_TEXT, NODES_TEXT
from tests.support.uuids import ONE, THREE, TWO

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET


def overwritten(kind, columns=None, **keys):
    """The change of a row with these columns by an item with these keys."""
    name = keys.pop("name", "Twilio")
    document = a_file(**{f"{kind.value}s": [{"uuid": ONE, "name": name, **keys}]})
    row = stored(kind, ONE, "Twilio", **(columns or {}))
    (change,) = planned(document, row, mode=Mode.OVERWRITE, override_locks=True)
    return change


# --- Which fields differ

FLOW_FIELDS = [
    ("info", "info", "old", "new"),
    ("tags", "tags", '["a"]', ["b"]),
    ("listenerType", "listener_type", "HTTP", "SFTP"),
    ("isSubflow", "is_subflow", False, True),
    ("isCommander", "is_commander", True, False),
    ("isValid", "is_valid", None, False),
    ("isLocked", "is_locked", False, True),
    ("timeout", "timeout", 60, 61),
    ("numBlocks", "num_blocks", 0, 1),
    ("executionHistoryLevel", "execution_history_level", "ALL", "USE_DEFAULT"),
    ("executionHistoryMins", "execution_history_mins", 1440, 0),
    ("queueUuid", "queue_uuid", None, ""),
    ("tenantId", "tenant_id", "a", "b"),
    ("connections", "used_connections", None, []),
    ("secrets", "used_secrets", "[]", None),
    ("nodes", "nodes", "[]", [{}]),
    ("edges", "edges", '[{"id":"1"}]', [{"id": 1}]),
    ("viewport", "viewport", '{"x":0}', {"x": 0.5}),
]
CONNECTION_FIELDS = [
    ("type", "type", "Twilio", "S3"),
    ("description", "description", "old", "new"),
    ("isCorePlatform", "is_core_platform", None, False),
    ("devValue", "dev_value", "old", "new"),
    ("prodValue", "prod_value", "old", None),
]
SECRET_FIELDS = [
    ("description", "description", "old", "new"),
    ("type", "type", "old", "new"),
    ("group", "group", "old", "new"),
    ("tags", "tags", '["a","b"]', ["b", "a"]),
]


@pytest.mark.parametrize(
    ("kind", "key", "column", "before", "after"),
    [
        pytest.param(kind, *field, id=f"{kind}'s {field[0]}")
        for kind, fields in [
            (FLOW, FLOW_FIELDS),
            (CONNECTION, CONNECTION_FIELDS),
            (SECRET, SECRET_FIELDS),
        ]
        for field in fields
    ],
)
def test_a_difference_in_one_field_alone_is_an_overwrite_of_it(kind, key, column, before, after):
    change = overwritten(kind, {column: before}, **{key: after})
    assert (change.result, [field.key for field in change.fields]) == (Result.OVERWRITE, [key])


def test_several_changed_fields_stand_in_the_order_of_the_format_and_unknown_ones_last():
    change = overwritten(FLOW, nodes=[{}], unknown=1, info="new", name="New", timeout=1)
    assert [field.key for field in change.fields] == ["name", "info", "timeout", "nodes", "unknown"]


def test_unknown_keys_are_held_against_each_other_one_by_one():
    change = overwritten(
        FLOW, {"extra": '{"a":1,"b":[1,2],"c":{"x":1},"kept":true}'}, a=1.0, b=[2, 1], c={"x": 1}
    )
    assert [field.key for field in change.fields] == ["b"]


def test_text_is_compared_character_by_character():
    for before, after in [("a", "a "), ("\n", "\r\n"), ("é", "e\u0301"), ("a", "A"), ("", None)]:
        change = overwritten(FLOW, {"info": before}, info=after)
        assert change.result is Result.OVERWRITE, (before, after)


# --- What is written


def test_an_overwrite_writes_the_keys_that_the_item_has_and_no_others():
    change = overwritten(FLOW, {"timeout": 5, "tags": '["kept"]'}, info="new", timeout=5)
    assert change.content == {
        "name": "Twilio",
        "info": "new",
        "timeout": 5,
        "nodes": NODES_TEXT,
        "edges": EDGES_TEXT,
        "extra": "{}",
    }


def test_an_overwrite_keeps_unknown_keys_that_the_item_does_not_have():
    change = overwritten(FLOW, {"extra": '{"a":1,"kept":[2]}'}, a={"z": 1, "b": 2}, new=None)
    assert change.content["extra"] == '{"a":{"b":2,"z":1},"kept":[2],"new":null}'


def test_an_overwrite_without_unknown_keys_keeps_the_rows():
    change = overwritten(FLOW, {"extra": '{"kept":1}'}, info="new")
    assert change.content["extra"] == '{"kept":1}'


def test_an_overwrite_remembers_the_content_that_it_was_decided_on():
    one = overwritten(FLOW, {"tags": '["a"]'}, info="new")
    same = overwritten(FLOW, {"tags": '["a"]'}, info="newer")
    other = overwritten(FLOW, {"tags": '["b"]'}, info="new")
    assert one.before == same.before
    assert one.before != other.before


def test_what_is_unchanged_writes_nothing_and_shows_nothing():
    change = overwritten(FLOW, {"info": "old"}, info="old")
    assert (change.result, change.content, change.fields, change.before) == (
        Result.UNCHANGED,
        None,
        (),
        None,
    )


def test_a_created_item_writes_what_the_file_says_and_nothing_else():
    document = a_file(flows=[{"uuid": ONE, "name": "A", "info": None, "tags": ["t"], "new": 1.0}])
    (change,) = planned(document, mode=Mode.OVERWRITE)
    assert change.content == {
        "name": "A",
        "info": None,
        "tags": '["t"]',
        "nodes": NODES_TEXT,
        "edges": EDGES_TEXT,
        "extra": '{"new":1}',
    }
    assert (change.fields, change.before, change.row) == ((), None, None)


def test_a_deleted_row_comes_back_without_being_compared():
    document = a_file(flows=[{"uuid": ONE, "name": "A"}])
    server = stored(FLOW, ONE, "A", is_deleted=True, info="old", extra='{"gone":1}')
    (change,) = planned(document, server, mode=Mode.OVERWRITE)
    written = {"name": "A", "nodes": NODES_TEXT, "edges": EDGES_TEXT, "extra": "{}"}
    assert (change.content, change.fields) == (written, ())
    assert change.row == server.row


def test_each_row_is_held_against_its_own_item_whatever_order_contents_come_in():
    document = a_file(
        flows=[{"uuid": uuid, "name": "F", "info": uuid} for uuid in (ONE, TWO, THREE)]
    )
    rows = [
        stored(FLOW, uuid, "F", info=info) for uuid, info in [(TWO, TWO), (THREE, ""), (ONE, ONE)]
    ]
    plan = planned(document, *rows, mode=Mode.OVERWRITE)
    assert [(change.item.uuid, change.result.value) for change in plan] == [
        (ONE, "UNCHANGED"),
        (TWO, "UNCHANGED"),
        (THREE, "OVERWRITE"),
    ]


@pytest.mark.parametrize(
    ("mode", "read"),
    [(Mode.OVERWRITE, ["A", "C"]), (Mode.SKIP, []), (Mode.DUPLICATE, [])],
)
def test_only_contents_that_an_overwrite_needs_are_read(mode, read):
    document = a_file(
        flows=[{"uuid": ONE, "name": "A"}, {"uuid": TWO, "name": "B"}],
        connections=[{"uuid": THREE, "name": "C"}],
    )
    a, c = stored(FLOW, ONE, "A"), stored(CONNECTION, THREE, "C")
    server = Server([a, stored(FLOW, TWO, "B", is_deleted=True), c, stored(FLOW, THREE, "D")])
    build_plan(document, server.as_stored(), server="production", mode=mode)
    names = {a.row.pk: "A", c.row.pk: "C"}
    assert [names[pk] for pk in server.read] == read


# --- What is shown


@pytest.mark.parametrize(
    ("column", "before", "key", "after", "shown"),
    [
        ("info", "old", "info", "new", ('"old"', '"new"')),
        ("info", None, "info", "", ("null", '""')),
        ("info", "a" * 60, "info", "b" * 60, (f'"{"a" * 60}"', f'"{"b" * 60}"')),
        ("info", "a" * 61, "info", "b", (None, None)),
        ("info", "a", "info", "b" * 61, (None, None)),
        ("info", "a\nb", "info", "\x1b[31m\u202e", ('"a\\nb"', '"\\x1b[31m\\u202e"')),
        ("timeout", 60, "timeout", 2**63 - 1, ("60", "9223372036854775807")),
        ("timeout", None, "timeout", 0, ("null", "0")),
        ("is_valid", None, "isValid", False, ("null", "false")),
        ("is_locked", False, "isLocked", True, ("false", "true")),
        (
            "execution_history_level",
            "USE_DEFAULT",
            "executionHistoryLevel",
            "ALL",
            ('"USE_DEFAULT"', '"ALL"'),
        ),
        ("tags", "[]", "tags", ["a"], (None, None)),
        ("nodes", "[]", "nodes", [{}], (None, None)),
        ("viewport", "{}", "viewport", {"x": 1}, (None, None)),
        ("used_connections", None, "connections", [], (None, None)),
        ("extra", "{}", "unknown", 1, (None, None)),
    ],
)
def test_short_values_are_shown_and_long_ones_and_documents_are_not(
    column, before, key, after, shown
):
    (field,) = overwritten(FLOW, {column: before}, **{key: after}).fields
    assert field == FieldChange(key=key, before=shown[0], after=shown[1])


@pytest.mark.parametrize("key", ["devValue", "prodValue"])
def test_a_connections_values_are_never_shown(key):
    column = {"devValue": "dev_value", "prodValue": "prod_value"}[key]
    for before, after in [("p", "q"), (None, "q"), ("p", None), ("", "q")]:
        (field,) = overwritten(CONNECTION, {column: before}, **{key: after}).fields
        assert field == FieldChange(key=key, before=None, after=None)


def test_the_rest_of_a_connection_is_shown():
    change = overwritten(CONNECTION, type="S3", description="d", isCorePlatform=True, name="New")
    assert change.fields == (
        FieldChange(key="name", before='"Twilio"', after='"New"'),
        FieldChange(key="type", before='""', after='"S3"'),
        FieldChange(key="description", before='""', after='"d"'),
        FieldChange(key="isCorePlatform", before="null", after="true"),
    )


def test_an_unknown_key_is_shown_printable_and_cut():
    (evil,) = overwritten(FLOW, **{"a\n\x1b[2J\u202e": 1}).fields
    (long,) = overwritten(FLOW, **{"k" * 300: 1}).fields
    assert (evil.key, long.key) == ("a\\n\\x1b[2J\\u202e", "k" * 200 + "...")


# --- Two whole contents


def whole(kind, **columns):
    return {**DEFAULTS[kind], **columns}


@pytest.mark.parametrize("kind", list(Kind))
def test_equal_contents_differ_in_nothing(kind):
    assert find_differences(kind, whole(kind), whole(kind)) == ()


def test_every_field_that_differs_is_told_and_unknown_keys_that_came_changed_or_went():
    before = whole(FLOW, info="old", timeout=1, nodes="[]", extra='{"a":1,"b":1,"c":1}')
    after = whole(FLOW, info="new", timeout=1, nodes="[{}]", extra='{"b":2,"c":1,"d":1}')
    assert find_differences(FLOW, before, after) == (
        FieldChange(key="info", before='"old"', after='"new"'),
        FieldChange(key="nodes"),
        FieldChange(key="b"),
        FieldChange(key="d"),
        FieldChange(key="a"),
    )
