"""Read a connection's value where it is a plain JavaScript object: literals and `secrets.NAME`.

Any other text may be code that computes the value, and is not read. Pure, and linear in
the length of the text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Union

from flows.content.references import find_identifier_end

PlainObject = Mapping[str, Union[str, tuple[str, ...], "PlainObject"]]
"""Key to a literal, a list of literals or an object.

A literal is as it is written, a simple text always in double quotes: `'false'`, which is true,
differs from `false`. A place in a list that is left out is an empty literal.
"""

MAX_DEPTH = 64

_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | //[^\n\r\u2028\u2029]* | /\*.*?\*/)
    | (?P<text>"(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*' | `(?:[^`\\]|\\.)*`)
    | (?P<word>[\w$.+-]+)
    | (?P<mark>[{}\[\],:])
    """,
    re.VERBOSE | re.DOTALL,
)
_KEY = re.compile(r"[\w$-]+")
# `0x1` and `1` are the same key, spelled differently.
_PLAIN_KEY = re.compile(r"(?!\d)[\w$-]+|0|[1-9][0-9]*")
_NUMBER = re.compile(
    r"[+-]?(?:0[xXbBoO][0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)"
)
_CONSTANTS = {"true", "false", "null", "undefined"}
_SECRET = "secrets."  # noqa: S105 - the word, not a value


class _UnreadableError(Exception):
    """The text is no plain object."""


def read_plain_object(text: str) -> PlainObject | None:
    """Return the object of the text; None where it has more than literals and `secrets.NAME`."""
    try:
        tokens = [*_split_tokens(text), ""]
        if tokens[0] != "{":
            return None
        settings, end = _read_object(tokens, 1, 1)
        return settings if tokens[end] == "" else None
    except (_UnreadableError, IndexError):
        return None


def is_number_or_constant(literal: str) -> bool:
    """Return whether the literal is a number, true, false, null or undefined."""
    return literal in _CONSTANTS or _NUMBER.fullmatch(literal) is not None


def strip_quotes(literal: str) -> str:
    """Return the text between the quotes of a text literal; any other literal as it is written."""
    return literal[1:-1] if literal[:1] in {"'", '"', "`"} else literal


def _split_tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _UnreadableError
        position = match.end()
        if match.lastgroup != "space":
            yield match[0]


def _read_object(tokens: list[str], at: int, depth: int) -> tuple[PlainObject, int]:
    """Return the object after an opening brace, and the position after its end."""
    if depth > MAX_DEPTH:
        raise _UnreadableError
    settings: dict[str, str | tuple[str, ...] | PlainObject] = {}
    while tokens[at] != "}":
        key = _read_key(tokens[at])
        if tokens[at + 1] != ":" or key in settings:
            raise _UnreadableError
        if tokens[at + 2] == "{":
            settings[key], at = _read_object(tokens, at + 3, depth + 1)
        elif tokens[at + 2] == "[":
            settings[key], at = _read_list(tokens, at + 3)
        else:
            settings[key], at = _read_literal(tokens[at + 2]), at + 3
        if tokens[at] == ",":
            at += 1
        elif tokens[at] != "}":
            raise _UnreadableError
    return settings, at + 1


def _read_key(token: str) -> str:
    is_quoted = token[:1] in {"'", '"'}
    key = token[1:-1] if is_quoted else token
    if (_KEY if is_quoted else _PLAIN_KEY).fullmatch(key) is None:
        raise _UnreadableError
    return key


def _read_list(tokens: list[str], at: int) -> tuple[tuple[str, ...], int]:
    """Return the literals of a list, and the position after its end."""
    literals = []
    while tokens[at] != "]":
        if tokens[at] == ",":
            literals.append("")
        else:
            literals.append(_read_literal(tokens[at]))
            at += 1
            if tokens[at] not in {",", "]"}:
                raise _UnreadableError
        at += tokens[at] == ","
    return tuple(literals), at + 1


def _read_literal(token: str) -> str:
    if token[:1] in {"'", '"'}:
        return f'"{token[1:-1]}"' if "\\" not in token else token
    if token[:1] == "`":
        return _read_template(token)
    if is_number_or_constant(token) or _is_secret(token):
        return token
    raise _UnreadableError


def _read_template(token: str) -> str:
    """Return a template that has no expressions but secrets by their names."""
    for part in token.split("${")[1:]:
        name, brace, _ = part.partition("}")
        if not (brace and _is_secret(name.strip())):
            raise _UnreadableError
    return token


def _is_secret(word: str) -> bool:
    start = len(_SECRET)
    return word.startswith(_SECRET) and start < find_identifier_end(word, start) == len(word)
