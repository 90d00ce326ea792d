"""A key of `extra` moves into a column and back, and says afterwards what it said before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import Field, Kind, Shape
from flows.upgrades.moved_keys import (
    MisfitError,
    Move,
    Moved,
    UnkeepableError,
    move_back,
    move_out,
)


def move_of(shape=Shape.TEXT, *, default=None, kind=Kind.FLOW, fits=lambda _: True, key="owner"):
    field = Field(key=key, column="owner", shape=shape, optional=default is None)
    return Move(kind=kind, field=field, default=default, fits=fits)


OWNER = move_of()


@pytest.mark.parametrize(
    ("move", "extra", "after"),
    [
        pytest.param(OWNER, '{"owner":"Ann"}', ("{}", "Ann"), id="alone"),
        pytest.param(OWNER, '{"a":1,"owner":"Ann","z":[2.5]}', ('{"a":1,"z":[2.5]}', "Ann"), id="among others"),
        pytest.param(OWNER, '{"owner":""}', ("{}", ""), id="empty where null is the default"),
        pytest.param(move_of(default=""), '{"owner":null}', ("{}", None), id="null where empty is the default"),
        pytest.param(move_of(Shape.STRINGS, default="[]"), '{"owner":["a"]}', ("{}", '["a"]'), id="a list"),
        pytest.param(move_of(Shape.STRINGS, default="[]"), '{"owner":null}', ("{}", "null"), id="null as a document"),
        pytest.param(move_of(Shape.STRINGS), '{"owner":[]}', ("{}", "[]"), id="an empty list of an optional field"),
        pytest.param(move_of(Shape.BOOLEAN, default=True), '{"owner":false}', ("{}", False), id="false"),
        pytest.param(move_of(Shape.INTEGER), '{"owner":7}', ("{}", 7), id="a number"),
        pytest.param(move_of(Shape.INTEGER, default=0), '{"owner":null}', ("{}", None), id="null for a number"),
    ],
)  # fmt: skip
def test_a_value_moves_out_and_back(move, extra, after):
    moved = move_out(move, extra, move.default)
    assert moved == Moved(extra=after[0], value=after[1])
    assert move_back(move, moved.extra, moved.value) == Moved(extra=extra, value=move.default)


@pytest.mark.parametrize(
    ("move", "extra"),
    [
        pytest.param(OWNER, "{}", id="no key"),
        pytest.param(OWNER, '{"Owner":"Ann","a":{"owner":"Ann"}}', id="the key elsewhere"),
        pytest.param(OWNER, '{"owner":null}', id="an explicit null that is the default"),
        pytest.param(move_of(default=""), '{"owner":""}', id="an empty text that is the default"),
        pytest.param(OWNER, "null", id="no object"),
        pytest.param(OWNER, "[", id="no JSON"),
        pytest.param(OWNER, "[" * 100_000, id="too deep"),
    ],
)
def test_what_says_no_more_than_the_default_stays(move, extra):
    assert move_out(move, extra, move.default) is None
    assert move_back(move, extra, move.default) is None


@pytest.mark.parametrize(
    ("move", "value"),
    [
        pytest.param(OWNER, 5, id="a number for a text"),
        pytest.param(OWNER, {"name": "Ann"}, id="an object for a text"),
        pytest.param(move_of(Shape.INTEGER), "5", id="a text for a number"),
        pytest.param(move_of(Shape.INTEGER), True, id="true for a number"),
        pytest.param(move_of(Shape.NAME, default=""), None, id="null for a name"),
        pytest.param(move_of(Shape.STRINGS, default="[]"), ["a", 1], id="a number in a list of texts"),
        pytest.param(move_of(fits=lambda value: len(value) < 3), "Ann", id="longer than the column"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_misfit(move, value):
    with pytest.raises(MisfitError):
        move_out(move, canonical.encode({"owner": value}), move.default)


def test_what_was_written_into_the_column_is_not_overwritten():
    assert move_out(OWNER, '{"owner":"Ann"}', "Bob") is None
    assert move_out(move_of(default=""), '{"owner":"Ann"}', None) is None


def test_true_is_not_one():
    move = move_of(Shape.INTEGER, default=1)
    assert move_back(move, "{}", True) == Moved(extra='{"owner":true}', value=1)


def test_a_later_value_takes_the_place_of_what_did_not_fit():
    assert move_back(OWNER, '{"owner":5}', "Ann") == Moved(extra='{"owner":"Ann"}', value=None)
    assert move_back(OWNER, '{"owner":5}', None) is None


def test_null_in_a_document_column_is_null_in_extra():
    move = move_of(Shape.OBJECT, default="{}")
    assert move_back(move, "{}", "null") == Moved(extra='{"owner":null}', value="{}")
    assert move_back(move, "{}", None) == Moved(extra='{"owner":null}', value="{}")


@pytest.mark.parametrize("value", [True, False, ""])
def test_of_a_secret_what_can_be_no_value_moves_back(value):
    shape = Shape.TEXT if value == "" else Shape.BOOLEAN
    move = move_of(shape, kind=Kind.SECRET)
    extra = canonical.encode({"owner": value})
    moved = move_out(move, extra, None)
    assert moved == Moved(extra="{}", value=value)
    assert move_back(move, moved.extra, moved.value) == Moved(extra=extra, value=None)


@pytest.mark.parametrize(("key", "value"), [("owner", "Ann"), ("ownerToken", "")])
def test_of_a_secret_nothing_that_may_be_its_value_moves_back(key, value):
    with pytest.raises(UnkeepableError):
        move_back(move_of(kind=Kind.SECRET, key=key), "{}", value)


LEAVES = [
    None,
    True,
    False,
    0,
    1,
    2**70,
    1.5,
    "",
    "Ann",
    "USE_DEFAULT",
    "c4492541-118e-4e23-9450-f2d28204ebee",
]
JSON = st.sampled_from(
    [*LEAVES, [], {}, *([leaf] for leaf in LEAVES), *({"uuid": leaf} for leaf in LEAVES), [{}]]
)
MOVES = st.sampled_from(
    [
        *(move_of(shape) for shape in Shape),
        *(move_of(Shape.TEXT, default=""), move_of(Shape.INTEGER, default=0)),
        *(move_of(Shape.STRINGS, default="[]"), move_of(Shape.BOOLEAN, default=False)),
    ]
)


@given(MOVES, st.dictionaries(st.sampled_from(["owner", "a", "z"]), JSON))
def test_there_and_back_changes_nothing(move, unknown):
    extra = canonical.encode(unknown)
    try:
        moved = move_out(move, extra, move.default)
    except MisfitError:
        return
    if moved is not None:
        assert "owner" not in canonical.decode(moved.extra)
        assert move_back(move, moved.extra, moved.value) == Moved(extra=extra, value=move.default)
