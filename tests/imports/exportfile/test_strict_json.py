"""What is no strict JSON is refused, quickly, in bounded memory, and with its place."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.strict_json.problems import JSONProblem, is_deep
from flows.strict_json.read import read_value, split_list, split_top_level
from imports.errors import FileUnreadable, UnableToImport
from imports.exportfile.document import parse

UUID = "c4492541-118e-4e23-9450-f2d28204ebee"
LARGE = 10**9

# What the suite leaves open ("i_", and all of test_transform) is decided here, file by file.
OPEN_QUESTIONS = {
    "i_number_double_huge_neg_exp.json": "wrong-type",
    "i_number_huge_exp.json": "out-of-range",
    "i_number_neg_int_huge_exp.json": "out-of-range",
    "i_number_pos_double_huge_exp.json": "out-of-range",
    "i_number_real_neg_overflow.json": "out-of-range",
    "i_number_real_pos_overflow.json": "out-of-range",
    "i_number_real_underflow.json": "wrong-type",
    "i_number_too_big_neg_int.json": "wrong-type",
    "i_number_too_big_pos_int.json": "wrong-type",
    "i_number_very_big_negative_int.json": "wrong-type",
    "i_object_key_lone_2nd_surrogate.json": "lone-surrogate",
    "i_string_1st_surrogate_but_2nd_missing.json": "lone-surrogate",
    "i_string_1st_valid_surrogate_2nd_invalid.json": "lone-surrogate",
    "i_string_UTF-16LE_with_BOM.json": "invalid-encoding",
    "i_string_UTF-8_invalid_sequence.json": "invalid-encoding",
    "i_string_UTF8_surrogate_U+D800.json": "invalid-encoding",
    "i_string_incomplete_surrogate_and_escape_valid.json": "lone-surrogate",
    "i_string_incomplete_surrogate_pair.json": "lone-surrogate",
    "i_string_incomplete_surrogates_escape_valid.json": "lone-surrogate",
    "i_string_invalid_lonely_surrogate.json": "lone-surrogate",
    "i_string_invalid_surrogate.json": "lone-surrogate",
    "i_string_invalid_utf-8.json": "invalid-encoding",
    "i_string_inverted_surrogates_U+1D11E.json": "lone-surrogate",
    "i_string_iso_latin_1.json": "invalid-encoding",
    "i_string_lone_second_surrogate.json": "lone-surrogate",
    "i_string_lone_utf8_continuation_byte.json": "invalid-encoding",
    "i_string_not_in_unicode_range.json": "invalid-encoding",
    "i_string_overlong_sequence_2_bytes.json": "invalid-encoding",
    "i_string_overlong_sequence_6_bytes.json": "invalid-encoding",
    "i_string_overlong_sequence_6_bytes_null.json": "invalid-encoding",
    "i_string_truncated-utf-8.json": "invalid-encoding",
    "i_string_utf16BE_no_BOM.json": "invalid-encoding",
    "i_string_utf16LE_no_BOM.json": "invalid-encoding",
    "i_structure_500_nested_arrays.json": "too-deep",
    "i_structure_UTF-8_BOM_empty_object.json": "byte-order-mark",
    "number_-9223372036854775808.json": "wrong-type",
    "number_-9223372036854775809.json": "wrong-type",
    "number_1.0.json": "wrong-type",
    "number_1.000000000000000005.json": "wrong-type",
    "number_1000000000000000.json": "wrong-type",
    "number_10000000000000000999.json": "wrong-type",
    "number_1e-999.json": "wrong-type",
    "number_1e6.json": "wrong-type",
    "number_9223372036854775807.json": "wrong-type",
    "number_9223372036854775808.json": "wrong-type",
    "object_key_nfc_nfd.json": "wrong-top-level",
    "object_key_nfd_nfc.json": "wrong-top-level",
    "object_same_key_different_values.json": "duplicate-key",
    "object_same_key_same_value.json": "duplicate-key",
    "object_same_key_unclear_values.json": "duplicate-key",
    "string_1_escaped_invalid_codepoint.json": "lone-surrogate",
    "string_1_invalid_codepoint.json": "invalid-encoding",
    "string_2_escaped_invalid_codepoints.json": "lone-surrogate",
    "string_2_invalid_codepoints.json": "invalid-encoding",
    "string_3_escaped_invalid_codepoints.json": "lone-surrogate",
    "string_3_invalid_codepoints.json": "invalid-encoding",
    "string_with_escaped_NULL.json": "nul-character",
}


def suite(shared_data: Path, pattern: str) -> list[Path]:
    return sorted((shared_data / "json-test-suite").glob(pattern))


def refusal(data: bytes) -> UnableToImport | None:
    """Why the bytes are no export; None where they are one."""
    try:
        parse(data, max_bytes=LARGE)
    except UnableToImport as error:
        return error
    return None


def code_of(data: bytes) -> str | None:
    error = refusal(data)
    return error.code if error else None


def problem_of(read, *arguments, **options) -> tuple[str, tuple[str | int, ...], str]:
    with pytest.raises(JSONProblem) as caught:
        read(*arguments, **options)
    problem = caught.value
    assert str(problem) == problem.message
    assert "\n" not in problem.message
    return problem.code, problem.path, problem.message


def value_of(text: str | bytes, **options):
    return read_value(msgspec.Raw(text), **options)


# The public suite


def test_every_file_that_is_no_json_is_unreadable(shared_data):
    files = suite(shared_data, "test_parsing/n_*.json")
    assert len(files) == 188
    odd = {}
    for file in files:
        error = refusal(file.read_bytes())
        one_line = error and error.message.splitlines() == [error.message]
        if type(error) is not FileUnreadable or not one_line:
            odd[file.name] = repr(error)
    assert odd == {}


def test_every_file_that_is_json_is_read_or_is_told_to_be_no_export(shared_data):
    files = suite(shared_data, "test_parsing/y_*.json")
    assert len(files) == 95
    assert Counter(code_of(file.read_bytes()) for file in files) == {
        None: 2,  # [] twice
        "wrong-type": 72,
        "wrong-top-level": 17,
        "duplicate-key": 2,
        "nul-character": 2,
    }


def test_every_file_that_is_json_has_the_value_that_python_reads(shared_data):
    refused = {}
    for file in suite(shared_data, "test_parsing/y_*.json"):
        try:
            assert value_of(file.read_bytes()) == json.loads(file.read_bytes()), file.name
        except JSONProblem as problem:
            refused[file.name] = problem.code, problem.path
    assert refused == {
        "y_object_duplicated_key.json": ("duplicate-key", ("a",)),
        "y_object_duplicated_key_and_value.json": ("duplicate-key", ("a",)),
        "y_object_escaped_null_in_key.json": ("nul-character", ()),
        "y_string_null_escape.json": ("nul-character", (0,)),
    }


def test_every_file_that_is_an_open_question_has_its_answer(shared_data):
    files = suite(shared_data, "test_parsing/i_*.json") + suite(shared_data, "test_transform/*")
    assert len(files) == 35 + 22
    assert {file.name: code_of(file.read_bytes()) for file in files} == OPEN_QUESTIONS


# The end of a file


def test_a_file_that_ends_too_early_is_unreadable_wherever_it_was_cut():
    whole = (
        f'{{"formatVersion": 1, "flows": [{{"uuid": "{UUID}", '
        r'"name": "a\ud83d\ude00\u0041\\ü😀", '
        '"nodes": [{"id": -1.5e3, "ok": [true, false, null]}]}], "connections": []}'
    ).encode()
    assert refusal(whole) is None
    codes = Counter()
    for length in range(len(whole)):
        error = refusal(whole[:length])
        assert type(error) is FileUnreadable, whole[:length]
        assert error.message.splitlines() == [error.message]
        codes[error.code] += 1
    # In the middle of a character of 2 or 4 bytes it is no UTF-8 either.
    assert codes == {"empty-file": 1, "invalid-encoding": 1 + 3, "invalid-json": len(whole) - 5}


def test_a_real_file_that_ends_too_early_is_unreadable(shared_data):
    whole = (shared_data / "real-small.json").read_bytes()
    assert refusal(whole) is None
    for length in range(0, len(whole.rstrip()), 4999):
        error = refusal(whole[:length])
        assert type(error) is FileUnreadable, length
        assert error.code in {"empty-file", "invalid-json", "invalid-encoding"}


def test_what_is_cut_off_says_so():
    assert problem_of(split_top_level, b'{"flows": [{"name": "a') == (
        "invalid-json",
        (),
        "The file ends in the middle of a value. Export or upload it again.",
    )


@pytest.mark.parametrize("data", [b"", b" ", b"\n\r\t  \n"])
def test_an_empty_file_says_so(data):
    assert problem_of(split_top_level, data) == (
        "empty-file",
        (),
        "The file is empty. Export the flows again.",
    )


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"flows": []} x', "trailing characters at line 1, column 15"),
        (b'{"flows": []}\n{"flows": []}', "trailing characters at line 2, column 1"),
        (b'{"flows": [1,\n 2,]}', "trailing comma in array at line 2, column 4"),
        ('{"flows":\n["é😀", x]}'.encode(), "invalid character at line 2, column 8"),
    ],
)
def test_a_mistake_is_told_with_line_and_column_in_characters(data, place):
    assert problem_of(split_top_level, data) == (
        "invalid-json",
        (),
        f"The file is not valid JSON: {place}.",
    )


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "+1", "01", ".5", "1.", "0x1"])
def test_a_number_that_json_does_not_know_is_refused(number):
    assert problem_of(split_top_level, b'{"flows": [{"n": %s}]}' % number.encode())[0] == (
        "invalid-json"
    )


# Encodings


def test_a_byte_order_mark_is_refused():
    assert problem_of(split_top_level, b'\xef\xbb\xbf{"flows": []}') == (
        "byte-order-mark",
        (),
        "The file begins with a byte order mark. Save it as UTF-8 without one.",
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_another_encoding_is_refused(encoding):
    error = refusal('{"flows": []}'.encode(encoding))
    assert type(error) is FileUnreadable


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b'\xff{"flows": []}', 1, 1),
        (b'{"flows": [{"name": "\xff"}]}', 1, 22),
        (b'{"flows": [\n\n{"name": "caf\xe9"}]}', 3, 14),
        (b'{"flows": [\r\n{"n\xc3me": "a"}]}', 2, 4),
        ('{"flows": ["ééé'.encode() + b"\xff", 1, 16),
        ('{"flows": ["😀😀\n'.encode() + b"\xc3(", 2, 1),
        (b'{"flows": ["\xed\xa0\x80"]}', 1, 13),  # a surrogate, encoded by itself
        (b'{"flows": ["\xc0\xaf"]}', 1, 13),  # an overlong form
        (b'{"flows": ["\xf4\x90\x80\x80"]}', 1, 13),  # beyond U+10FFFF
        (b'{"flows": ["\xe2\x82', 1, 13),  # cut off
    ],
)
def test_what_is_no_utf8_is_told_with_its_place(data, line, column):
    assert problem_of(split_top_level, data) == (
        "invalid-encoding",
        (),
        f"The file is not UTF-8 at line {line}, column {column}. Save it as UTF-8.",
    )


@pytest.mark.parametrize("before", [(1 << 20) - distance for distance in range(-1, 5)])
def test_a_character_is_whole_though_the_file_is_read_in_pieces(before):
    head = b'{"x": "\n'  # a line end as it must not stand in JSON: only the encoding is looked at
    filling = b"a" * (before - len(head))
    bad = head + filling + b"\xe2\x82" + b"a" * 100
    assert problem_of(split_top_level, bad) == (
        "invalid-encoding",
        (),
        f"The file is not UTF-8 at line 2, column {len(filling) + 1}. Save it as UTF-8.",
    )
    good = b'{"flows": [], "x": "' + b"a" * (before - 20) + "😀€".encode() + b'"}'
    assert refusal(good) is None


# Lone surrogates, U+0000


@pytest.mark.parametrize(
    ("text", "column"),
    [
        (r'"\ud800"', 2),
        (r'"\uDBFF"', 2),
        (r'"\udc00"', 2),
        (r'"a\ud800b"', 3),
        (r'"a\ud800\n"', 3),
        (r'"\ud800\u0041"', 2),
        (r'"\ud800\ud800"', 2),
        (r'"\ud800\ud800\udc00"', 2),
        (r'"\ud83d\ude00\ude00"', 14),
        (r'"\ude00\ud83d"', 2),
        (r'"\\\ud800"', 4),
        (r'"\\ud83d\ude00"', 9),  # only looks like a pair
        (r'"é😀\ud800 and more text, and \ud83d\ude00 a pair"', 4),
        (r'{"\ud800": 1}', 3),
    ],
)
def test_half_a_surrogate_pair_is_refused_with_its_place(text, column):
    data = b'{"flows": [\n' + text.encode() + b"]}"
    assert problem_of(split_top_level, data) == (
        "lone-surrogate",
        (),
        f"Text holds half of a surrogate pair at line 2, column {column}. Remove it.",
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00"', "😀"),
        (r'"\uD83D\uDE00\ud83d\ude00"', "😀😀"),
        (r'"\\ud800"', r"\ud800"),
        (r'"\\\\ud800"', r"\\ud800"),
        (r'"\\u0000"', r"\u0000"),
        (r'"\\\\u0000"', r"\\u0000"),
        (r'"\u0001\u001f\u007f"', "\x01\x1f\x7f"),
        (r'{"\\u0000": ["\\u0000"]}', {r"\u0000": [r"\u0000"]}),
    ],
)
def test_what_only_looks_like_half_a_pair_or_like_nul_is_read(text, value):
    assert value_of(text) == value
    assert split_top_level(b'{"flows": [' + text.encode() + b"]}")["flows"] is not None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (r'"\u0000"', ()),
        (r'"a\\\u0000"', ()),
        (r'["\\u0000", "a\u0000b"]', (1,)),
        (r'{"a": [{"b": "\u0000"}]}', ("a", 0, "b")),
        (r'{"a": [{"b\u0000": 1}]}', ("a", 0)),
        (r'{"\u0000": "\u0000"}', ()),
    ],
)
def test_the_character_nul_is_refused_with_its_path(text, path):
    assert problem_of(value_of, text) == (
        "nul-character",
        path,
        "Text must not hold the character U+0000. Remove it.",
    )


def test_the_character_nul_in_a_key_of_the_file_is_refused():
    assert problem_of(split_top_level, rb'{"flows": [], "a\u0000": 1}')[:2] == ("nul-character", ())


# Depth


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + "0" + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_a_value_may_be_64_deep_and_no_deeper(opening, closing):
    levels = opening.count("[") + opening.count("{")
    assert value_of(nested(64 // levels, opening, closing)) is not None
    assert problem_of(value_of, f"[{nested(64 // levels, opening, closing)}]") == (
        "too-deep",
        (),
        "A file may be nested at most 64 deep.",
    )


def test_the_depth_of_what_stands_around_counts():
    assert value_of(nested(62, "[", "]"), outer_depth=2) is not None
    assert problem_of(value_of, nested(63, "[", "]"), outer_depth=2)[0] == "too-deep"


@pytest.mark.parametrize("depth", [100, 500, 900, 1000, 1100, 10_000, 10**6])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_any_depth_is_refused_as_such(depth, opening, closing):
    text = nested(depth, opening, closing)
    for whole in (f'{{"flows": [{{"x": {text}}}]}}', f"[{text}]", f'{{"flows": [], "x": {text}}}'):
        assert code_of(whole.encode()) == "too-deep"


@pytest.mark.parametrize(
    ("text", "may_be_deep"),
    [
        pytest.param('{"a":[{}],"b":[]}', False, id="few lists and objects"),
        pytest.param("[" * 5_000 + "]" * 5_000, True, id="deep, and nothing else"),
        pytest.param("[" * 3_000 + "0," * 9_000 + "0" + "]" * 3_000, True, id="much that is deep"),
    ],
)
def test_no_text_is_indented_that_could_take_very_much_more(text, may_be_deep, monkeypatch):
    monkeypatch.setattr("msgspec.json.format", None)
    assert is_deep(text.encode(), 64) == may_be_deep


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_million_openings_are_refused(opening):
    assert type(refusal((opening * 10**6).encode())) is FileUnreadable


# Keys that stand twice


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"a": 1, "a": 2}', ("a",)),
        ('{"a": 1, "a": 1}', ("a",)),
        ('{"a":null,"b":0,"a":null}', ("a",)),
        ('{ "a"\t:\r\n1 ,\n"a" : 1 }', ("a",)),
        (r'{"name": 1, "na\u006de": 1}', ("name",)),
        (r'{"\u00e9": 1, "é": 1}', ("é",)),
        ('{"": 1, "": 1}', ("",)),
        ('[0, {"nodes": [{}, {"data": {"k": {}, "k": {}}}]}]', (1, "nodes", 1, "data", "k")),
        ('{"a": {"b": 1, "b": 1}, "c": {"d": 1, "d": 1}}', ("a", "b")),
        ('{"a": {"b": 1, "b": 1}, "a": 1}', ("a",)),
        ('{"a": "\\"a\\": 1", "a": "\\"a\\": 1"}', ("a",)),
        ('{"a": 1e2, "b": 1.50, "a": 1e2}', ("a",)),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_path(text, path):
    assert problem_of(value_of, text) == (
        "duplicate-key",
        path,
        "A key stands twice in one object.",
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"a": {"a": 1}}, "b": {"a": 1}}',
        '{"a": 1, "A": 1, "a ": 1}',
        '{"e\\u0301": 1, "\\u00e9": 1}',  # NFD and NFC: two keys
        '[{"a": 1}, {"a": 1}]',
        '{"a": "\\u0041\\/", "b": 1.0, "c": 1E5, "d": -0.0}',
    ],
)
def test_keys_that_differ_are_read(text):
    assert value_of(text) == json.loads(text)


def test_one_key_twice_among_very_many_is_found():
    keys = ",".join(f'"k{number}": {number}' for number in range(200_000))
    assert problem_of(value_of, f'{{{keys}, "k199999": 1}}')[:2] == ("duplicate-key", ("k199999",))


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b'{"flows": [], "flows": []}', "flows"),
        (b'{"flows": [], "flows": [{}]}', "flows"),
        (rb'{"flows": [], "fl\u006fws": []}', "flows"),
        (b'\n{ "flows"\t: [ ] ,\r\n"x":{"a":1}, "flows" :[ ]\n}\n', "flows"),
        (b'{"exportedAt": 1, "flows": [], "exportedAt": 1}', "exportedAt"),
        (b'{"a": 1, "b": 2, "a": 1, "b": 2, "flows": []}', "a"),
    ],
)
def test_a_key_of_the_file_that_stands_twice_is_refused(data, key):
    assert problem_of(split_top_level, data) == (
        "duplicate-key",
        (key,),
        "The file's object has a key twice. Keep one of them.",
    )


def test_bad_grammar_behind_a_key_that_stands_twice_is_the_worse_fault():
    assert problem_of(split_top_level, b'{"flows": [], "flows": []')[0] == "invalid-json"


# Numbers


@pytest.mark.parametrize(
    "number",
    [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64, 10**30, -(10**400), 10**4299],
)
def test_an_integer_keeps_all_its_digits(number):
    value = value_of(f'{{"n": [{number}]}}')["n"][0]
    assert (type(value), value) == (int, number)


@pytest.mark.parametrize(
    ("text", "number"), [("1.5", 1.5), ("-0.0", 0.0), ("1e2", 100.0), ("1e-999", 0.0)]
)
def test_a_fraction_is_a_float(text, number):
    value = value_of(text)
    assert (type(value), value) == (float, number)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e99999", "9" * 5000, "-" + "9" * 5000])
def test_a_number_out_of_range_is_refused_with_its_path(number):
    assert problem_of(value_of, f'{{"a": [0, {{"b": {number}}}]}}') == (
        "out-of-range",
        ("a", 1, "b"),
        "A number is out of range.",
    )
    # also where the slower look for keys that stand twice is taken
    assert problem_of(value_of, f'{{"\\u0061": 1.50, "b": {number}}}')[:2] == (
        "out-of-range",
        ("b",),
    )


# Lists and sizes


@pytest.mark.parametrize("text", ["{}", "null", '"[]"', "0", "true"])
def test_what_should_be_a_list_is_told_to_be_none(text):
    assert problem_of(split_list, msgspec.Raw(text)) == ("wrong-type", (), "This must be a list.")


def test_a_list_is_split_into_the_texts_of_its_elements():
    elements = split_list(msgspec.Raw(' [ {"a" : 1} ,null,[ 1,2 ], "x,y" ]'))
    assert [bytes(element) for element in elements] == [
        b'{"a" : 1}',
        b"null",
        b"[ 1,2 ]",
        b'"x,y"',
    ]


def test_a_list_has_at_most_a_hundred_thousand_items():
    assert len(split_list(msgspec.Raw("[" + "{}," * 99_999 + "{}]"))) == 100_000
    assert problem_of(split_list, msgspec.Raw("[" + "{}," * 100_000 + "{}]")) == (
        "too-many-items",
        (),
        "A file may hold at most 100,000 items. Export in parts.",
    )


def test_few_items_with_very_many_commas_are_no_many_items():
    elements = split_list(msgspec.Raw('[{"a": [' + "1," * 1_500_000 + "1]}, {}]"))
    assert len(elements) == 2


def test_an_element_that_is_no_object_is_found_before_millions_of_them_are_split():
    assert problem_of(split_list, msgspec.Raw("[{},{}," + "1," * 1_500_000 + "1]")) == (
        "wrong-type",
        (2,),
        "Every item must be an object.",
    )


def test_a_value_holds_at_most_two_million_values():
    assert len(value_of("[" + "1," * 2_000_000 + "1]")) == 2_000_001
    assert problem_of(value_of, "[" + "1," * 2_000_001 + "1]") == (
        "too-many-values",
        (),
        "An item may hold at most 2,000,000 values.",
    )


@pytest.mark.parametrize("text", [",", '\\",', "\\\\,"])
def test_commas_inside_of_text_are_no_values(text):
    assert value_of(f'["{text * 3_000_000}", 1]')[1] == 1


def test_a_file_has_at_most_a_hundred_thousand_keys():
    keys = ",".join(f'"{number}":0' for number in range(100_000)).encode()
    assert len(split_top_level(b"{" + keys + b"}")) == 100_000
    assert problem_of(split_top_level, b"{" + keys + b',"flows":[]}') == (
        "too-many-keys",
        (),
        "The file's object may have at most 100,000 keys.",
    )


def test_a_key_may_have_many_megabytes():
    assert len(split_top_level(b'{"' + b"k" * 10**7 + b'": [], "' + b'\\"' * 10**6 + b'": 1}')) == 2


HUGE_FILES = {
    "objects": ("'{\"flows\": [' + '{},' * 10**7 + '{}]}'", "too-many-items"),
    "a bare list of objects": ("'[' + '{},' * 10**7 + '{}]'", "too-many-items"),
    "numbers": ("'{\"flows\": [' + '1,' * 10**7 + '1]}'", "wrong-type"),
    "a bare list of numbers": ("'[' + '1,' * 10**7 + '1]'", "wrong-type"),
    "a million numbers": ("'{\"flows\": [' + '1,' * 999_998 + '1]}'", "too-many-items"),
    "lists in an item": ("'[{\"x\": [' + '[],' * 10**7 + '[]]}]'", "too-many-values"),
    "objects in what is ignored": (
        "'{\"flows\": [], \"x\": [' + '{},' * 10**7 + '{}]}'",
        "too-many-values",
    ),
    "keys": ("'{' + ''.join(f'\"{n}\":0,' for n in range(2 * 10**6)) + '\"flows\":[]}'", "too-many-keys"),
    "openings": ("'[' * 10**7", "too-deep"),
    "backslashes": (r"""'{"flows": [{"name": "' + '\\\\' * 2 * 10**7""", "invalid-json"),
    "text": ("'{\"flows\": [{\"name\": \"' + 'n' * 5 * 10**7 + '\"}]}'", "missing-key"),
    "text of commas": ("'{\"flows\": [{\"x\": \"' + ',' * 3 * 10**7 + '\"}]}'", "missing-key"),
}  # fmt: skip
HUGE_FILE_READER = """
import resource, sys
from imports.exportfile.document import parse
from imports.errors import UnableToImport

data = ({text}).encode()
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 300 * 2**20, -1))
try:
    parse(data, max_bytes=10**9)
except UnableToImport as error:
    print(error.code)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc")
@pytest.mark.parametrize(("text", "code"), HUGE_FILES.values(), ids=HUGE_FILES)
def test_a_huge_file_is_refused_in_300_megabytes(text, code):
    run = subprocess.run(
        [sys.executable, "-c", HUGE_FILE_READER.format(text=text)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    assert (run.stdout, run.stderr, run.returncode) == (f"{code}\n", "", 0)


# Against the parser of the standard library


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
PIECES = st.sampled_from(
    [
        *'{}[]",:\\/ \n\t01e.-',
        *("true", "null", "NaN", "-Infinity", "1e400", "01", '"a"', '"a":', '"a":1,'),
        *(r"\u0061", r"\u0000", r"\ud83d", r"\ude00", r"\n", "é", "😀"),
    ]
)
EDITS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), PIECES | st.just("")), max_size=2)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_every_value_is_read_as_it_was_written(value, ensure_ascii, indent):
    text = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
    found = value_of(text)
    assert json.dumps(found) == json.dumps(value)
    assert json.dumps(json.loads(bytes(split_list(msgspec.Raw(f"[{text}]"))[0]))) == json.dumps(
        value
    )


def strictly(text: str):
    """The standard library's answer, with its holes closed. Raises ValueError."""

    def unique(pairs):
        if len({key for key, _ in pairs}) < len(pairs) or any("\0" in key for key, _ in pairs):
            raise ValueError
        return dict(pairs)

    def number(digits):
        if abs(float(digits)) == float("inf"):
            raise ValueError
        return float(digits)

    def constant(name):
        raise ValueError(name)

    value = json.loads(text, object_pairs_hook=unique, parse_float=number, parse_constant=constant)
    written = json.dumps(value, ensure_ascii=False)
    written.encode()  # a lone surrogate raises
    if r"\u0000" in written.replace("\\\\", ""):
        raise ValueError
    return value


def edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for place, deleted, inserted in edits:
        at = place % (len(text) + 1)
        text = text[:at] + inserted + text[at + deleted :]
    return text


def test_the_standard_library_reads_the_same_or_refuses_as_well():
    outcomes = Counter()

    @given(VALUES, st.booleans(), EDITS)
    @example(None, False, [(0, 4, r'"\\u0000"')])
    @example(None, False, [(0, 4, r'{"\u0061":1,"a":1}')])
    @example(None, False, [(0, 4, r'{"a":"\ud83d\ude00"}')])
    def check(value, ensure_ascii, edits):
        data = f"[{edited(json.dumps(value, ensure_ascii=ensure_ascii), edits)}]"
        try:
            expected = json.dumps(strictly(data))
        except ValueError:
            outcomes["refused"] += 1
            with pytest.raises(JSONProblem):
                value_of(bytes(split_top_level(data.encode())))
        else:
            outcomes["read"] += 1
            assert json.dumps(value_of(bytes(split_top_level(data.encode())))) == expected

    check()
    assert min(outcomes.values()) > 0, outcomes
