"""Which secrets a text uses: any use of `secrets` but `secrets.NAME` counts as all of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import Kind
from flows.destinations.destinations import find_secret_uses, find_used_names
from flows.destinations.uses import EVERY, find_secrets_used

CASES = {
    "secrets.X": {"X"},
    "f(secrets.X)+secrets.Y.z": {"X", "Y"},
    "secrets.Ä_1$": {"Ä_1$"},
    "this.secrets.X": {"X"},
    "\nsecrets.X\n": {"X"},
    'secrets["X"]': {EVERY},
    "secrets?.X": {EVERY},
    'secrets [ "X" ]': {EVERY},
    "secrets . X": {EVERY},
    "secrets\n.X": {EVERY},
    "secrets/**/.X": {EVERY},
    "const {X} = secrets": {EVERY},
    "const s = secrets;": {EVERY},
    "{...secrets}": {EVERY},
    "secrets": {EVERY},
    "secrets.": {EVERY},
    "secrets.1": {EVERY},
    "\\u0073ecrets.X": {EVERY},
    "secret\\u{73}.X": {EVERY},
    "secret\\u{000073}.X": {EVERY},
    "secrets.\\u0058": {EVERY},
    "secrets.X\\u0059": {EVERY},
    "secrets\\u0058.Y": {EVERY},
    "secrets.X; secrets[y]": {"X", EVERY},
    "mysecrets.X": set(),
    "secretsX.Y": set(),
    "$secrets.Y": set(),
    "no_secrets": set(),
    "'\\u00e4' + '\\u2013'": set(),
    "": set(),
}


@pytest.mark.parametrize("text", CASES)
def test_in_plain_text(text: str) -> None:
    assert find_secrets_used(text) == CASES[text]


@pytest.mark.parametrize("text", CASES)
def test_in_a_string_of_a_document(text: str) -> None:
    assert find_secrets_used(canonical.encode({"code": text}), json=True) == CASES[text]
    assert find_secrets_used(canonical.encode([{"a": [text, 1]}]), json=True) == CASES[text]


def test_a_key_of_a_document_is_no_use_and_a_value_is() -> None:
    assert find_secrets_used('{"secrets":["A"]}', json=True) == set()
    assert find_secrets_used('{"a":"secrets"}', json=True) == {EVERY}
    assert find_secrets_used('["secrets"]', json=True) == {EVERY}


_PIECES = st.sampled_from(
    ["secrets", "secrets.", ".A", "B", "\\", "\\u0073", "u", '"', "\n", "\t", "ä", "\x1f", " ", ":", "{", "😀", "_"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_a_document_says_what_its_string_says(text: str) -> None:
    document = canonical.encode({"k": text})
    assert json.loads(document) == {"k": text}
    assert find_secrets_used(document, json=True) == find_secrets_used(text)


def test_every_is_a_star_which_no_secret_can_be_named() -> None:
    assert EVERY == "*"


@pytest.mark.parametrize("number", ["24", "5f", "5F", "30", "39", "41", "5a", "5A", "61", "7a"])
def test_a_letter_digit_underscore_or_dollar_that_is_written_by_its_number_hides_a_word(
    number: str,
) -> None:
    for escape in (f"\\u00{number}", f"\\u{{{number}}}", f"\\u{{00{number}}}"):
        assert find_secrets_used(escape) == {EVERY}
        assert find_secrets_used(canonical.encode({"code": escape}), json=True) == {EVERY}


@pytest.mark.parametrize("number", ["20", "23", "25", "2d", "40", "5b", "60", "7b"])
def test_no_other_character_does(number: str) -> None:
    for escape in (f"\\u00{number}", f"\\u{{{number}}}", "\\u0", "\\u{"):
        assert find_secrets_used(escape) == frozenset()
        assert find_secrets_used(canonical.encode({"code": escape}), json=True) == frozenset()


PIECES = [
    "secrets",
    ".",
    "KEY",
    "B",
    "{ a: ",
    "}",
    "'",
    '"',
    ",",
    "(",
    "[",
    "?",
    "\n",
    " ",
    "\\u0073",
]
TEXTS = st.lists(st.sampled_from([*PIECES, "secrets.KEY", "secrets.OTHER"])).map("".join)


@given(TEXTS, TEXTS)
def test_the_names_alone_are_those_of_the_uses(development, production):
    content = {
        "name": "Mail", "type": "Mail", "dev_value": development, "prod_value": production,
        "extra": canonical.encode({"note": production, "more": development}),
    }  # fmt: skip
    uses = find_secret_uses(Kind.CONNECTION, "u", content)
    assert find_used_names(Kind.CONNECTION, content) == {use.secret for use in uses}
    flow = {"name": "Orders", "nodes": canonical.encode([development]), "info": production,
            "extra": content["extra"]}  # fmt: skip
    uses = find_secret_uses(Kind.FLOW, "u", flow)
    assert find_used_names(Kind.FLOW, flow) == {use.secret for use in uses}
