"""What is read as a plain object, and that everything else is not."""

import pytest

from flows.content.plain_object import MAX_DEPTH, is_number_or_constant, read_plain_object

READ = [
    ("{}", {}),
    (" {  } ", {}),
    ("{ a: 1 }", {"a": "1"}),
    ("{ 'a-b': 1, \"c_d\": 2, $e: 3, f9: 4 }", {"a-b": "1", "c_d": "2", "$e": "3", "f9": "4"}),
    ("{ a: `x` }", {"a": "`x`"}),
    ("{ a: 1, }", {"a": "1"}),
    ("{ a: 1, b: 2 }", {"a": "1", "b": "2"}),
    ("{ a: { b: { c: 1 } }, d: 2 }", {"a": {"b": {"c": "1"}}, "d": "2"}),
    ("{ a: {}, b: 1 }", {"a": {}, "b": "1"}),
    ("{ a: secrets.KEY }", {"a": "secrets.KEY"}),
    ("{ a: `Bearer ${secrets.A} ${ secrets.B }` }", {"a": "`Bearer ${secrets.A} ${ secrets.B }`"}),
    # What is written with a backslash is not what it says: it is kept as it is written.
    (r"{ a: 'x\'y' }", {"a": r"'x\'y'"}),
    (r'{ a: "x\n" }', {"a": r'"x\n"'}),
    (r"{ a: `x\`y` }", {"a": r"`x\`y`"}),
    ("{ a: 1 // }\n }", {"a": "1"}),
    ("{ /* b: 1, */ a: 1 /* } */ }", {"a": "1"}),
    ("{ a: 1 /* \n */ }", {"a": "1"}),
]


@pytest.mark.parametrize(("text", "read"), READ, ids=[text for text, _ in READ])
def test_a_plain_object_is_read(text: str, read: dict) -> None:
    assert read_plain_object(text) == read


@pytest.mark.parametrize("said", ["x", "", "// no comment"])
def test_a_text_is_the_same_in_whatever_quotes(said: str) -> None:
    single, double = (
        read_plain_object(f"{{ a: '{said}' }}"),
        read_plain_object(f'{{ a: "{said}" }}'),
    )
    assert single == double == {"a": f'"{said}"'}


def test_a_list_of_literals_is_read_as_one() -> None:
    assert read_plain_object("{ a: [], b: 1 }") == {"a": (), "b": "1"}
    read = read_plain_object("{ a: [1, 'x', secrets.K], b: 2 }")
    assert read == {"a": ("1", '"x"', "secrets.K"), "b": "2"}


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x", "'{}'", "[1]", "({})", "{} {}", "{}}", "{ a: 1 } x", "{ a: 1 };"),
        *("{", "{ a", "{ a:", "{ a: 1", "{ a: 1,", "{ a: [", "{ a: [1", "{ a: { b: 1 }", "{ a: 'x"),
        *(
            "{ a }",
            "{ a, b }",
            "{ a: }",
            "{ a: , }",
            "{ a: } }",
            "{ a: } } }",
            "{ : 1 }",
            "{ , }",
            "{ a: 1,, b: 2 }",
        ),
        *("{ a: 1 b: 2 }", "{ a: 'x' 'y' }", "{ a: 1 2 }", "{ a b: 1 }", "{ a: b: 1 }"),
        # The last of two counts in JavaScript, but who reads the text sees the first.
        *("{ a: 1, a: 2 }", "{ a: 1, 'a': 2 }", '{ "a": {}, a: 1 }'),
        *("{ [a]: 1 }", "{ `a`: 1 }", "{ ...a }", "{ a() {} }", "{ get a() { return 1 } }"),
        *("{ '': 1 }", "{ 'a b': 1 }", "{ 'a.b': 1 }", r"{ '\x61': 1 }", "{ a.b: 1 }", "{ 'a: 1 }"),
        *("{ a: x }", "{ a: x.y }", "{ a: 'x' + 'y' }", "{ a: f() }", "{ a: !0 }", "{ a: (1) }"),
        *("{ a: [x] }", "{ a: [[1]] }", "{ a: [{}] }", "{ a: [1 }", "{ a: 1] }"),
        *("{ a: secrets }", "{ a: secrets. }", "{ a: secrets.A.b }", "{ a: secrets.A-b }"),
        *("{ a: Secrets.A }", "{ a: xsecrets.A }", "{ a: secrets.A() }", "{ a: secrets['A'] }"),
        *("{ a: `${x}` }", "{ a: `${secrets.A` }", "{ a: `${secrets.A}${x}` }", "{ a: `${}` }"),
        *("{ a: `${secrets.A + 1}` }", "{ a: `${secrets.A.b}` }", "{ a: `x }"),
        *("{ a: 'x\ny' }", '{ a: "x\ry" }', "{ a: 1 /* }", "{ a: 1 // }", "{ a: /x/ }", "{ a: # }"),
        *(
            "{ a: True }",
            "{ a: NaN }",
            "{ a: Infinity }",
            "{ a: 1n }",
            "{ a: 0xG }",
            "{ a: 1.2.3 }",
        ),
    ],
)
def test_what_may_compute_something_or_is_no_object_is_not_read(text: str) -> None:
    assert read_plain_object(text) is None


@pytest.mark.parametrize("key", ["timeout", "a-b", "$a", "_a", "9"])
@pytest.mark.parametrize("quote", ["'", '"', ""], ids=["single", "double", "no quotes"])
def test_a_key_is_the_same_however_it_is_quoted(key: str, quote: str) -> None:
    assert read_plain_object(f"{{ {quote}{key}{quote}: 5 }}") == {key: "5"}


def test_a_line_ends_a_comment_wherever_javascript_ends_it() -> None:
    for end in "\n\r\u2028\u2029":
        assert read_plain_object(f"{{ a: 1 // {end}, b: 2 }}") == {"a": "1", "b": "2"}


def nested(depth: int) -> str:
    return "{ a: " * depth + "1" + " }" * depth


def test_what_is_too_deep_is_not_read() -> None:
    assert MAX_DEPTH == 64
    assert read_plain_object(nested(MAX_DEPTH)) is not None
    assert read_plain_object(nested(MAX_DEPTH + 1)) is None


@pytest.mark.parametrize(
    "literal",
    [
        *("0", "5", "12", "1.", "1.5", ".5", "+1", "-1", "-.5", "1e5", "1E5", "1e+5", "1.5e-5"),
        *("0x1F", "0XfF", "0b01", "0B1", "0o17", "0O7", "true", "false", "null", "undefined"),
    ],
)
def test_a_number_or_constant_is_one(literal: str) -> None:
    assert is_number_or_constant(literal)
    assert read_plain_object(f"{{ a: {literal} }}") == {"a": literal}


@pytest.mark.parametrize(
    "literal", ["", ".", "+", "1x", "e5", "1e", "0x", "x1", "1 2", "True", "secrets.A", "'1'", "٣"]
)
def test_nothing_else_is(literal: str) -> None:
    assert not is_number_or_constant(literal)
