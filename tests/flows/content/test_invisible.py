"""Characters that are not seen are found where they may mislead, and left alone where writing needs
them."""

import json
import re
import sys
import unicodedata

import pytest

from flows.content.invisible import MAY_BE_INVISIBLE, find_unseen, has_unseen, is_invisible

# What Unicode calls a format, and is seen all the same.
SEEN = {*"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"}


def unseen(text):
    return [char for _, char, _ in find_unseen(text)]


def lies(text):
    return [char for _, char, lies in find_unseen(text) if lies]


def test_every_format_is_found_but_those_that_are_seen():
    expected = {
        char
        for code in range(0x80, sys.maxunicode + 1)
        if unicodedata.category(char := chr(code)) in {"Zl", "Zp", "Cf", "Cc"}
    }
    found = {char for code in range(0x80, sys.maxunicode + 1) if has_unseen(char := chr(code))}
    assert expected - SEEN <= found
    assert not found & SEEN


def test_what_is_found_is_written_out_wherever_it_is_shown():
    """One list for both: of what is written out, only these are not warned of."""
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if has_unseen(char):
            assert is_invisible(char)
            assert MAY_BE_INVISIBLE.match(char)
        elif is_invisible(char) and char not in SEEN:
            # An ASCII control such as a carriage return, a character of private use, half of a
            # pair, one that this Python's Unicode has not heard of, or a space.
            assert code < 0x80 or unicodedata.category(char) in {"Co", "Cs", "Cn", "Zs"}


@pytest.mark.parametrize(
    "text",
    [
        "plain text\r\n\twith lines",
        "Räksmörgås, ЖЦ, 漢字, ﷺ",
        "👷\u200d♂️ 🧑\u200d💻 👨🏿\u200d🦱 👩\u200d❤️\u200d💋\u200d👨 🏳️\u200d🌈 ❤️ ☺\ufe0e",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष র\u200d্যা జ్ఞ\u200cా",
        "ᠳᠠᠷᠠ\u180b",
        "東京\u3000タワー\u3000",
        "葛\U000e0100飾",
        "∩\ufe00",
    ],
)
def test_what_writing_needs_is_ordinary(text):
    assert unseen(text) == []


@pytest.mark.parametrize(
    ("text", "chars"),
    [
        ("access\u202e\u2066// \u2069\u2066", "\u202e\u2066\u2069\u2066"),
        ("pay\u200bpal", "\u200b"),
        ("a\u200cb, 1\u200d2", "\u200c\u200d"),
        ("خ\u200cx", "\u200c"),
        ("👷\u200dx", "\u200d"),
        ("\ufeffname", "\ufeff"),
        ("soft\u00adhyphen", "\u00ad"),
        ("\U000e0041\U000e0042", "\U000e0041\U000e0042"),
        ("🏴\U000e0041\U000e007f", "\U000e0041\U000e007f"),
        ("a\U000e0100b", "\U000e0100"),
        ("葛\U000e0100\U000e0101", "\U000e0101"),
        ("const \u3164 = 1", "\u3164"),
        ("\x85\x9b", "\x85\x9b"),
    ],
)
def test_what_may_mislead_is_found(text, chars):
    assert unseen(text) == [*chars]


def test_spaces_are_ordinary():
    assert unseen("a\u00a0b\u202fc\u3000d\u1680e") == []


def test_what_makes_code_lie():
    """What changes the order of reading, wherever it is, and what is inside of a word."""
    cases = {
        "if (a\u202e) { \u2066b\u2069 }": "\u202e\u2066\u2069",
        "pay\u200bpal.example.com": "\u200b",
        "secrets.K\u200dEY": "\u200d",
        "a\u200b\ufeff\u2060b": "\u200b\ufeff\u2060",
        "a\U000e0041b": "\U000e0041",
        "const \u3164 = 1": "\u3164",
        "\ufeffname \u200b end\u200d": "",
        "soft\u00adhyphen, a\u2028b, 10\u00a0000": "",
        "👷\u200d♂️ می\u200cخواهم 漢\u3000字": "",
    }
    assert {text: "".join(lies(text)) for text in cases} == cases


def test_the_places_are_those_of_the_text():
    assert list(find_unseen("a\u200bb👷\u200d♂\u202e")) == [
        (1, "\u200b", True),
        (6, "\u202e", True),
    ]


def test_the_naughty_strings(shared_data):
    """Of the list, those that are there for what they hide, and the one with Ogham's space."""
    texts = json.loads((shared_data / "naughty-strings.json").read_text())
    found = [text for text in texts if unseen(text)]
    assert len(found) == 15
    assert all(re.search(r"[^ -~]", text) for text in found)
