"""One item of a file: its fields strictly by their types, its unknown keys, its warnings."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from flows.content.documents import read_text
from flows.content.fields import FIELDS, SECRET_VALUE_KEYS, Field, Kind, Shape
from imports.errors import FileInvalid
from imports.exportfile.document import parse
from imports.exportfile.items import FileItem, read_item
from imports.report import make_refusal_data
from tests.support.ordinary import ordinary_item

UUID = "c4492541-118e-4e23-9450-f2d28204ebee"
CANARY = "CANARY-5f0d7c1e"
KINDS = pytest.mark.parametrize("kind", list(Kind))
FIELDS_OF_EVERY_KIND = [(kind, field) for kind in Kind for field in FIELDS[kind]]


def named(kind_and_field: Any) -> str | None:
    return getattr(kind_and_field, "key", None) or getattr(kind_and_field, "value", None)


EVERY_FIELD = pytest.mark.parametrize(("kind", "field"), FIELDS_OF_EVERY_KIND, ids=named)


def read(kind: Kind, **keys: Any) -> FileItem:
    """The item with these keys, a uuid and a name, as the third of its kind."""
    issues: list[Any] = []
    item = read_item(kind, 2, {"uuid": UUID, "name": "NAME", **keys}, issues)
    assert issues == []
    assert item is not None
    return item


def warnings_of(kind: Kind, **keys: Any) -> tuple[str, ...]:
    """What an item is warned of that is an ordinary one, but for these keys."""
    return read(kind, **ordinary_item(kind, keys)).warnings


def refused(kind: Kind, without: str = "", **keys: Any) -> list[tuple[str, str, str]]:
    """Code, path and message of every problem of such an item."""
    issues: list[Any] = []
    value = {"uuid": UUID, "name": "NAME", **keys}
    value.pop(without, None)
    assert read_item(kind, 2, value, issues) is None
    return [(issue.code, issue.path, issue.message) for issue in issues]


# Types


VALUES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 7,
    "fraction": 7.5,
    "text": "text",
    "list": ["text", 7],
    "empty list": [],
    "object": {"uuid": 7},
}
ACCEPTED = {
    Shape.NAME: {"text"},
    Shape.TEXT: {"null", "text"},
    Shape.CHOICE: {"null"},
    Shape.BOOLEAN: {"null", "boolean"},
    Shape.INTEGER: {"null", "integer"},
    Shape.STRINGS: {"null", "empty list"},
    Shape.OBJECTS: {"null", "empty list"},
    Shape.OBJECT: {"null", "object"},
    Shape.USES: {"null", "empty list"},
}
MESSAGES = {
    Shape.NAME: "This must be text.",
    Shape.TEXT: "This must be text.",
    Shape.CHOICE: (
        "This must be one of USE_DEFAULT, TIME_LIMITED_ERRORED_WITH_DATA, "
        "TIME_LIMITED_ALL_WITH_DATA, ERRORED_WITH_DATA, ERRORED_NO_DATA, ALL."
    ),
    Shape.BOOLEAN: "This must be true or false.",
    Shape.INTEGER: "This must be a whole number.",
    Shape.STRINGS: "This must be a list of texts.",
    Shape.OBJECTS: "This must be a list of objects.",
    Shape.OBJECT: "This must be an object.",
    Shape.USES: "This must be a list of uuids, or of objects with a uuid.",
}
# The element that is wrong in the list above.
FIRST_WRONG_ELEMENT = {Shape.STRINGS: "[1]", Shape.OBJECTS: "[0]", Shape.USES: "[0]"}


def stored(field: Field, kind_of_value: str) -> Any:
    """What the column holds of an accepted value: a list or an object as JSON text."""
    if field.shape in {Shape.STRINGS, Shape.OBJECTS, Shape.OBJECT, Shape.USES}:
        nothing = None if field.key in {"connections", "secrets"} else "null"
        return {"null": nothing, "empty list": "[]", "object": '{"uuid":7}'}[kind_of_value]
    return VALUES[kind_of_value]


@pytest.mark.parametrize("kind_of_value", VALUES)
@EVERY_FIELD
def test_a_field_takes_its_own_json_type_and_no_other(kind, field, kind_of_value):
    value = VALUES[kind_of_value]
    if kind_of_value in ACCEPTED[field.shape]:
        found = read_text(read(kind, **{field.key: value}).content[field.column])
        assert found == stored(field, kind_of_value)
        assert type(found) is type(stored(field, kind_of_value))
    else:
        inside = FIRST_WRONG_ELEMENT.get(field.shape, "") if kind_of_value == "list" else ""
        assert refused(kind, **{field.key: value}) == [
            (
                "invalid-choice" if field.shape is Shape.CHOICE else "wrong-type",
                f"{kind.plural}[2].{field.key}{inside}",
                MESSAGES[field.shape],
            )
        ]


def test_every_shape_is_that_of_a_field():
    assert {field.shape for _, field in FIELDS_OF_EVERY_KIND} == ACCEPTED.keys() == MESSAGES.keys()


@pytest.mark.parametrize("value", [None, True, 7, 7.5, "", "text", [], [UUID], {}, {"uuid": UUID}])
@KINDS
def test_a_uuid_must_be_a_uuid_in_text(kind, value):
    assert refused(kind, uuid=value) == [
        (
            "invalid-uuid",
            f"{kind.plural}[2].uuid",
            "This must be a uuid in text, such as c4492541-118e-4e23-9450-f2d28204ebee.",
        )
    ]


@pytest.mark.parametrize(
    "value",
    [
        UUID.replace("-", ""),
        f"{{{UUID}}}",
        f"urn:uuid:{UUID}",
        f" {UUID}",
        f"{UUID}\n",
        UUID.replace("c", "g"),
        UUID.replace("4", "٤"),  # another digit four
        UUID.replace("-", "–"),
        f"{UUID}{UUID}",
    ],
)
def test_what_only_resembles_a_uuid_is_refused(value):
    assert [code for code, _, _ in refused(Kind.FLOW, uuid=value)] == ["invalid-uuid"]


@pytest.mark.parametrize(
    "uuid", [UUID, UUID.upper(), "00000000-0000-0000-0000-000000000000", "f" * 8 + UUID[8:]]
)
@KINDS
def test_a_uuid_is_kept_as_it_stands_and_in_lower_case(kind, uuid):
    item = read(kind, uuid=uuid)
    assert (item.file_uuid, item.uuid) == (uuid, uuid.lower())


@pytest.mark.parametrize("key", ["uuid", "name"])
@KINDS
def test_an_item_without_its_uuid_or_name_is_refused(kind, key):
    assert refused(kind, without=key) == [
        (
            "missing-key",
            f"{kind.plural}[2].{key}",
            f"This is missing: a {kind.value} must have a {key}.",
        )
    ]


def test_all_problems_of_an_item_are_told_in_the_order_of_its_fields():
    issues: list[Any] = []
    value = {"createdAt": 1, "tags": 1, "name": 1, "uuid": 1, "info": 1, "nodes": [1]}
    assert read_item(Kind.FLOW, 0, value, issues) is None
    assert [(issue.code, issue.path) for issue in issues] == [
        ("invalid-uuid", "flows[0].uuid"),
        ("wrong-type", "flows[0].name"),
        ("wrong-type", "flows[0].info"),
        ("wrong-type", "flows[0].tags"),
        ("wrong-type", "flows[0].nodes[0]"),
        ("invalid-time", "flows[0].createdAt"),
    ]


def test_a_problem_names_the_item_where_its_uuid_and_name_are_text():
    issues: list[Any] = []
    read_item(Kind.FLOW, 0, {"uuid": "nonsense", "name": "SMS Test"}, issues)
    read_item(Kind.FLOW, 1, {"uuid": UUID, "name": 7}, issues)
    assert [(issue.uuid, issue.name) for issue in issues] == [
        ("nonsense", "SMS Test"),
        (UUID, None),
    ]


# Names


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " padded ",
        "line\nend",
        "\u200b",
        "שלום",
        "\u202eright to left",
        "<script>alert(1)</script>",
        "é" * 255,
        "😀" * 255,
        "null",
        "NAME (copy)",
    ],
)
@pytest.mark.parametrize("kind", [Kind.FLOW, Kind.CONNECTION])
def test_a_name_of_a_flow_or_connection_is_any_text_and_kept_as_it_is(kind, name):
    item = read(kind, name=name)
    assert (item.name, item.content["name"]) == (name, name)


@pytest.mark.parametrize("character", ["n", "é", "😀"])
@KINDS
def test_a_name_has_at_most_255_characters(kind, character):
    assert refused(kind, name=character * 300) == [
        (
            "name-too-long",
            f"{kind.plural}[2].name",
            "A name may have at most 255 characters, this one has 300.",
        )
    ]
    assert [code for code, _, _ in refused(kind, name=character * 256)] == ["name-too-long"]


@pytest.mark.parametrize(
    "name", ["TWILIO_TOKEN", "_", "$", "$a1", "a", "Ünïcode", "名前", "n" * 255]
)
def test_a_name_of_a_secret_is_an_identifier(name):
    assert read(Kind.SECRET, name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["", " ", "1a", "a b", "a-b", "a.b", " a", "a ", "a\n", "é!", "😀", "secrets.A", "a\u200b"],
)
def test_any_other_name_of_a_secret_is_refused(name):
    assert refused(Kind.SECRET, name=name) == [
        (
            "invalid-name",
            "secrets[2].name",
            "A secret's name must be a JavaScript identifier: letters, digits, _ and $, "
            "not beginning with a digit.",
        )
    ]


@pytest.mark.parametrize("kind", [Kind.FLOW, Kind.CONNECTION])
def test_an_empty_name_is_warned_of(kind):
    assert warnings_of(kind, name="") == (
        f"this {kind.value} has no name, so that it is matched by its uuid only",
    )
    assert warnings_of(kind, name=" ") == ()


# Values


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("key", ["timeout", "numBlocks", "executionHistoryMins"])
def test_a_whole_number_of_64_bits_is_kept_exactly(key, number):
    content = read(Kind.FLOW, **{key: number}).content
    columns = {
        "timeout": "timeout",
        "numBlocks": "num_blocks",
        "executionHistoryMins": "execution_history_mins",
    }
    assert (type(content[columns[key]]), content[columns[key]]) == (int, number)


@pytest.mark.parametrize(("number", "stored_number"), [(936.0, 936), (-0.0, 0), (1e18, 10**18)])
def test_a_whole_number_may_be_written_as_a_fraction(number, stored_number):
    found = read(Kind.FLOW, timeout=number).content["timeout"]
    assert (type(found), found) == (int, stored_number)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30, 1e300, 2.0**63])
def test_a_number_of_more_than_64_bits_is_refused(number):
    assert refused(Kind.FLOW, timeout=number) == [
        (
            "out-of-range",
            "flows[2].timeout",
            "This must be between -9223372036854775808 and 9223372036854775807.",
        )
    ]


@pytest.mark.parametrize(
    "level",
    [
        "USE_DEFAULT",
        "TIME_LIMITED_ERRORED_WITH_DATA",
        "TIME_LIMITED_ALL_WITH_DATA",
        "ERRORED_WITH_DATA",
        "ERRORED_NO_DATA",
        "ALL",
    ],
)
def test_every_known_word_is_a_choice(level):
    content = read(Kind.FLOW, executionHistoryLevel=level).content
    assert content["execution_history_level"] == level


@pytest.mark.parametrize("level", ["", "all", "ALL ", "NONE"])
def test_any_other_word_is_no_choice(level):
    assert refused(Kind.FLOW, executionHistoryLevel=level) == [
        ("invalid-choice", "flows[2].executionHistoryLevel", MESSAGES[Shape.CHOICE])
    ]


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([{"n": 10**30}], '[{"n":1000000000000000000000000000000}]'),
        ([{"n": -(2**63) - 1}], '[{"n":-9223372036854775809}]'),
        ([{"n": 2**53 + 1}], '[{"n":9007199254740993}]'),
        ([{"b": 1, "a": 2}], '[{"a":2,"b":1}]'),
        ([{"position": {"x": 936.0, "y": 1.5}}], '[{"position":{"x":936,"y":1.5}}]'),
        ([{"text": 'é😀\u2028\n"\\'}], '[{"text":"é😀\u2028\\n\\"\\\\"}]'),
        ([{"id": "a"}, {"id": "a"}], '[{"id":"a"},{"id":"a"}]'),
    ],
)
def test_nodes_are_kept_exactly(nodes, text):
    assert read(Kind.FLOW, nodes=nodes).content["nodes"] == text


@pytest.mark.parametrize(
    "uses", [[UUID], [{"uuid": UUID}], [UUID.upper(), {"uuid": UUID, "name": "x"}]]
)
@pytest.mark.parametrize("key", ["connections", "secrets"])
def test_what_a_flow_uses_is_named_by_uuids_or_by_objects(key, uses):
    assert json.loads(read(Kind.FLOW, **{key: uses}).content[f"used_{key}"]) == uses


@pytest.mark.parametrize("wrong", [None, 1, "", "x", [], [UUID], {}, {"uuid": None}, {"id": UUID}])
@pytest.mark.parametrize("key", ["connections", "secrets"])
def test_what_a_flow_uses_must_have_a_uuid(key, wrong):
    assert refused(Kind.FLOW, **{key: [UUID, wrong]}) == [
        ("wrong-type", f"flows[2].{key}[1]", MESSAGES[Shape.USES])
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-16T17:10:06.000Z", datetime(2026, 3, 16, 17, 10, 6, tzinfo=UTC)),
        ("2026-03-16T17:10:06.123456Z", datetime(2026, 3, 16, 17, 10, 6, 123456, tzinfo=UTC)),
        ("2026-03-16T17:10:06", datetime(2026, 3, 16, 17, 10, 6, tzinfo=UTC)),
        ("2026-03-16", datetime(2026, 3, 16, tzinfo=UTC)),
        (
            "2026-03-16T17:10:06+05:30",
            datetime(2026, 3, 16, 17, 10, 6, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        ),
        (None, None),
    ],
)
@KINDS
def test_a_time_is_that_of_iso_8601_and_in_utc(kind, text, moment):
    item = read(kind, createdAt=text, updatedAt=text)
    assert (item.created_at, item.updated_at) == (moment, moment)
    assert item.created_at is None or item.created_at.utcoffset() == timedelta(0)


@pytest.fixture
def in_tokyo(monkeypatch):
    """A machine that is nine hours ahead of UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_a_time_without_a_zone_is_in_utc_wherever_the_server_stands():
    item = read(Kind.FLOW, createdAt="2026-03-16T17:10:06")
    assert item.created_at == datetime(2026, 3, 16, 17, 10, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        *("", "yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "16.03.2026"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-01:00"),
        *(0, 1742145006, 1.5, True, [], {}),
    ],
)
@pytest.mark.parametrize("key", ["createdAt", "updatedAt"])
def test_what_is_no_time_is_refused(key, value):
    assert refused(Kind.FLOW, **{key: value}) == [
        (
            "invalid-time",
            f"flows[2].{key}",
            "This must be a time in ISO 8601, such as 2026-03-16T17:10:06.000Z.",
        )
    ]


@EVERY_FIELD
def test_a_key_that_is_absent_says_nothing(kind, field):
    content = read(kind).content
    assert (field.column in content) is (field.key == "name")


# Unknown keys


@pytest.mark.parametrize("kind", [Kind.FLOW, Kind.CONNECTION])
def test_unknown_keys_are_kept_as_they_are(kind):
    unknown = {
        "zone": {"b": [1, 2.5, None], "a": "é"},
        "id": 7,
        "pk": 8,
        "owner": "root",
        "_state": {},
        "_connector": "OR 1=1 OR",
        "name__startswith": "a",
        "is_locked": True,
        "": "",
        "a\nb": "c\nd",
        "huge": 10**30,
    }
    item = read(kind, **unknown)
    assert item.extra == (
        '{"":"","_connector":"OR 1=1 OR","_state":{},"a\\nb":"c\\nd",'
        '"huge":1000000000000000000000000000000,"id":7,"is_locked":true,'
        '"name__startswith":"a","owner":"root","pk":8,"zone":{"a":"é","b":[1,2.5,null]}}'
    )
    assert item.content == {"name": "NAME"}
    assert warnings_of(kind, **unknown) == ()


@KINDS
def test_known_keys_are_no_unknown_ones(kind):
    known = {"createdAt": None, "updatedAt": None, "isDeleted": False}
    known |= {field.key: None for field in FIELDS[kind] if field.key != "name"}
    assert read(kind, **known).extra == "{}"


@pytest.mark.parametrize("kind", [Kind.FLOW, Kind.CONNECTION])
def test_keys_named_as_values_are_kept_where_they_are_none_of_a_secret(kind):
    keys = {"value": "a", "password": "b", "secretValue": "c"}
    assert read(kind, **keys).extra == '{"password":"b","secretValue":"c","value":"a"}'
    assert warnings_of(kind, **keys) == ()


@KINDS
def test_that_an_item_is_deleted_is_ignored_with_a_warning(kind):
    assert warnings_of(kind, isDeleted=True) == ("isDeleted is ignored: an import never deletes",)
    assert warnings_of(kind, isDeleted=False) == ()
    assert warnings_of(kind, isDeleted=None) == ()


# A secret's values


VALUE_KEYS = [
    *SECRET_VALUE_KEYS,
    *("value", "Value", "secretValue", "stagingValue", "secret", "plaintext", "plainValue"),
    *("ciphertext", "encrypted", "password", "passphrase", "accessToken", "credentials"),
]


@pytest.mark.parametrize(
    "value", [CANARY, {"key": CANARY}, {CANARY: 1}, [CANARY], [[{"a": [CANARY]}]]], ids=repr
)
@pytest.mark.parametrize("key", VALUE_KEYS)
def test_a_value_in_a_file_is_ignored_with_a_warning_and_never_shown(key, value):
    item = read(Kind.SECRET, **{key: value})
    assert item.warnings == (f"{key} is ignored: an import never sets a secret's value",)
    assert item.extra == "{}"
    assert item.content == {"name": "NAME"}
    assert CANARY not in repr(item)


@pytest.mark.parametrize("key", VALUE_KEYS)
def test_a_value_of_null_is_none(key):
    item = read(Kind.SECRET, **{key: None})
    assert (item.warnings, item.extra) == ((), "{}")


def test_both_values_are_warned_of_in_one_item():
    item = read(Kind.SECRET, devValue="", prodValue=0, isDeleted=True)
    assert item.warnings == (
        "devValue is ignored: an import never sets a secret's value",
        "prodValue is ignored: an import never sets a secret's value",
        "isDeleted is ignored: an import never deletes",
    )


def test_the_warning_of_a_value_is_one_short_line_whatever_the_key():
    assert read(Kind.SECRET, **{"value\n\x1b[31m": 1}).warnings == (
        r"value\n\x1b[31m is ignored: an import never sets a secret's value",
    )
    (warning,) = read(Kind.SECRET, **{"value" * 10**6: 1}).warnings
    assert len(warning) < 300


@pytest.mark.parametrize(
    "broken",
    [
        f'"devValue": "{CANARY}", "name": "not an identifier"',
        f'"devValue": "{CANARY}\\u0000", "name": "KEY"',
        f'"devValue": {{"{CANARY}": 1, "{CANARY}": 1}}, "name": "KEY"',
        f'"devValue": {{"{CANARY}": ["\\u0000"]}}, "name": "KEY"',
        f'"devValue": {{"{CANARY}": 1e400}}, "name": "KEY"',
        f'"devValue": "{CANARY}", "devValue": "{CANARY}", "name": "KEY"',
        f'"devValue": "{CANARY}", "name": "KEY", "tags": 1, "createdAt": 1',
        f'"name": "KEY", "devValue": {"[" * 64}"{CANARY}"{"]" * 64}',
    ],
)
def test_the_refusal_of_a_secret_does_not_show_its_value(broken):
    with pytest.raises(FileInvalid) as caught:
        parse(f'{{"secrets": [{{"uuid": "{UUID}", {broken}}}]}}'.encode(), max_bytes=10**9)
    told = (
        json.dumps(make_refusal_data(caught.value)) + repr(caught.value) + repr(caught.value.issues)
    )
    assert CANARY not in told
    assert caught.value.issues[0].path.startswith("secrets[0]")


def test_a_document_with_secrets_does_not_show_their_values():
    item = {"uuid": UUID, "name": "KEY", "devValue": CANARY, "prodValue": CANARY, "isKept": True}
    document = parse(json.dumps({"secrets": [item]}).encode(), max_bytes=10**9)
    assert [secret.extra for secret in document] == ['{"isKept":true}']
    assert CANARY not in repr(document)
