"""One text for one JSON value."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical

# What a strict file can hold: no lone surrogates, no NaN, no Infinity.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
WHOLE_FLOATS = st.integers(-(2**60), 2**60).map(float)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WHOLE_FLOATS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=30,
)


def same_json_value(one: object, other: object) -> bool:
    """Equality of JSON values: numbers by value, and `true` is not the number 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            same_json_value(one[key], other[key]) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json_value, one, other))
    return one == other


@given(JSON_VALUES)
def test_a_value_comes_back_as_the_same_json_value(value):
    assert same_json_value(canonical.decode(canonical.encode(value)), value)


@given(JSON_VALUES)
def test_the_text_is_json_to_another_reader_as_well(value):
    assert same_json_value(json.loads(canonical.encode(value)), value)


@given(JSON_VALUES)
def test_encoding_what_was_decoded_gives_the_same_text_again(value):
    text = canonical.encode(value)
    assert canonical.encode(canonical.decode(text)) == text


@given(st.dictionaries(TEXTS, JSON_VALUES), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_count(document, random):
    shuffled = list(document.items())
    random.shuffle(shuffled)
    assert canonical.encode(dict(shuffled)) == canonical.encode(document)


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_whole_number_has_one_text_with_and_without_a_fraction(number):
    assert canonical.encode([float(number)]) == canonical.encode([number]) == f"[{number}]"


@given(TEXTS)
def test_a_text_is_kept_byte_for_byte(text):
    for document in (text, [text], {text: text}):
        assert canonical.decode(canonical.encode(document)) == document


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"b": 1, "a": {"d": 2, "c": 3}}, '{"a":{"c":3,"d":2},"b":1}', id="keys"),
        pytest.param({"é": 1, "z": 2, "Z": 3, "": 4}, '{"":4,"Z":3,"z":2,"é":1}', id="odd keys"),
        pytest.param(["b", "a"], '["b","a"]', id="lists keep their order"),
        pytest.param(936.0, "936", id="a whole float"),
        pytest.param([936.0, 0.5], "[936,0.5]", id="a whole float in a list"),
        pytest.param({"x": -15.0}, '{"x":-15}', id="a whole float in an object"),
        pytest.param(-0.0, "0", id="minus zero"),
        pytest.param([-0.0, 0.0, 0], "[0,0,0]", id="every zero"),
        pytest.param(1e15, "1000000000000000", id="a large whole float"),
        pytest.param(2.0**53 - 1, "9007199254740991", id="the last exact whole float"),
        pytest.param([2.0**53, 1e17, 1.0], "[9007199254740992.0,1e17,1]", id="no exact floats"),
        pytest.param(2**53 + 1, "9007199254740993", id="an integer that is no float"),
        pytest.param([10**30, 1.0], f"[{10**30},1]", id="a big integer beside a whole float"),
        pytest.param([-(10**30), 2**64], f"[{-(10**30)},{2**64}]", id="big integers"),
        pytest.param([1e300, 1.0], "[1e300,1]", id="1e300 stays short"),
        pytest.param([1e-7, 5e-324], "[1e-7,5e-324]", id="small floats"),
        pytest.param(0.1 + 0.2, "0.30000000000000004", id="all digits of a float"),
        pytest.param("a.0,b", '"a.0,b"', id="text that looks like a whole float"),
        pytest.param({"v.0": "1.0"}, '{"v.0":"1.0"}', id="text of a number"),
        pytest.param([True, 1, 1.0, None], "[true,1,1,null]", id="true is not one"),
        pytest.param("é\u2028\U0001f600\x7f", '"é\u2028\U0001f600\x7f"', id="no needless escapes"),
        pytest.param('"\\/\b\f\n\r\t\x1f', r'"\"\\/\b\f\n\r\t\u001f"', id="needed escapes"),
    ],
)
def test_a_value_has_the_expected_text(value, text):
    assert canonical.encode(value) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('{ "b" : 1e2,\n"a":1.50 }', '{"a":1.5,"b":100}'),
        ("1E+2", "100"),
        ("-0", "0"),
        ("-0.0e7", "0"),
        (r'"\u0041\/\ud83d\ude00"', '"A/\U0001f600"'),
    ],
)
def test_spellings_of_one_value_come_to_one_text(written, text):
    assert canonical.encode(canonical.decode(written)) == text


@pytest.mark.parametrize("text", ["", " ", "[1,]", "NaN", "1e400", "'a'", '"\\ud800"', "{} {}"])
def test_decoding_refuses_what_is_no_json(text):
    with pytest.raises(msgspec.DecodeError):
        canonical.decode(text)


def test_the_empty_documents_are_canonical():
    assert (canonical.EMPTY_LIST, canonical.EMPTY_OBJECT) == ("[]", "{}")
