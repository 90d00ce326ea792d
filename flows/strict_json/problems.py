"""The problems of a text that is not strict JSON, found in values or in a parser's errors.

The parser's errors give byte offsets; problems have a line and a column, or a JSON path.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from flows.content.depth import MAX_DEPTH, is_deeper

_MOST_INDENTED = 20_000
# Every parser reads this depth. How much more it reads differs: what is deeper is not read at all.
_MOST_PARSED = 500
# In bytes of the indented text for each byte of the text.
_MOST_INDENTATION = 1_000

_LONE_HIGH_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*+(\\u[dD][89abAB][0-9a-fA-F]{2})"
    rb"(?=[^\\]|\\[^u]|\\u[^dD]|\\u[dD][^c-fC-F])",
    re.DOTALL,
)
_DEPTH_MESSAGE = f"may be nested at most {MAX_DEPTH} deep."
_BYTE = re.compile(r" ?\(byte (\d+)\)$")

Path = tuple[str | int, ...]
"""The keys and indexes of a value, from the outermost."""


class JSONProblem(Exception):  # noqa: N818 - one of the problems of a file, not yet a refusal
    """Why a text is not strict JSON: a stable code, a message, and the path where it is known.

    `subject` is the beginning of the message where it is about the whole text: "The file", which
    `format_message` replaces where something else is read.
    """

    def __init__(
        self,
        code: str,
        message: str,
        path: Path = (),
        *,
        subject: str = "",
        line: int | None = None,
    ) -> None:
        self.code = code
        self.path = path
        self.line = line
        """The line in the text, from 1, where that is known and the path is not."""
        self.message = f"{subject} {message}" if subject else message
        self._subject = subject
        self._without_subject = message
        super().__init__(self.message)

    def format_message(self, subject: str) -> str:
        """Return the message with another subject, where it has one, such as "The body"."""
        return f"{subject} {self._without_subject}" if self._subject else self._without_subject


class UnreadDepthProblem(JSONProblem):
    """The text is nested deeper than every parser reads, so that no part of it counts as read."""

    def __init__(self) -> None:
        super().__init__("too-deep", _DEPTH_MESSAGE, subject="A file")


def raise_problem(error: Exception, text: bytes) -> NoReturn:
    """Raise the JSONProblem for an error of the parser on this text."""
    message = str(error)
    byte = _BYTE.search(message)
    if isinstance(error, RecursionError):
        raise UnreadDepthProblem from None
    if "out of range" in message:
        raise JSONProblem(
            "out-of-range", "A number is out of range.", _find_out_of_range(text)
        ) from None
    if (lone := _find_lone_surrogate(message, text)) is not None:
        raise JSONProblem(
            "lone-surrogate",
            f"Text holds half of a surrogate pair {format_place(text, lone)}. Remove it.",
            line=find_line_at(text, lone),
        ) from None
    if "truncated" in message:
        raise JSONProblem(
            "invalid-json",
            "ends in the middle of a value. Export or upload it again.",
            subject="The file",
            line=find_line_at(text, len(text)),
        ) from None
    # For trailing characters, the parser's offset is of their second byte.
    offset = int(byte[1]) - message.count("trailing characters") if byte else None
    place = "" if offset is None else format_place(text, offset)
    reason = _BYTE.sub("", message).removeprefix("JSON is malformed: ")
    raise JSONProblem(
        "invalid-json",
        f"is not valid JSON: {reason} {place}.",
        subject="The file",
        line=None if offset is None else find_line_at(text, offset),
    ) from None


def _find_lone_surrogate(message: str, text: bytes) -> int | None:
    """Return the offset of half a surrogate pair, if the parser's message is about one."""
    # The message for a missing second half depends on the characters after the first.
    if not any(words in message for words in ("surrogate", "truncated", "hex escape")):
        return None
    byte = _BYTE.search(message)
    end = int(byte[1]) if byte else len(text)
    lone = _LONE_HIGH_SURROGATE.search(text)
    if lone and lone.start(1) < end:
        return lone.start(1)
    return end - len(r"\uDC00") if "surrogate" in message else None


def _find_out_of_range(text: bytes) -> Path:
    try:
        value = json.loads(text, parse_int=_read_integer)
        check_depth(value, MAX_DEPTH)
    except RecursionError:
        raise UnreadDepthProblem from None
    return find_value(value, lambda found: isinstance(found, float) and math.isinf(found)) or ()


def _read_integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return math.inf


def format_place(data: bytes, offset: int) -> str:
    """Return the line and the column, in characters from 1, of a byte offset."""
    line = find_line_at(data, offset)
    before = data[data.rfind(b"\n", 0, offset) + 1 : offset]
    return f"at line {line}, column {len(before.decode(errors='replace')) + 1}"


def find_line_at(data: bytes, offset: int) -> int:
    """Return the line of a byte offset, from 1."""
    return data.count(b"\n", 0, offset) + 1


def check_depth(value: Any, most: int) -> None:
    """Raise JSONProblem where the value is nested deeper than `most`."""
    if is_deeper(value, _MOST_PARSED):
        raise UnreadDepthProblem
    if is_deeper(value, most):
        raise make_depth_problem()


def is_deep(text: bytes, most: int) -> bool:
    """Return whether a text, known to be JSON, may be nested deeper than `most`.

    It is decided by indenting the text, which takes half the time of a walk through the value. For
    very many values, and where the indentation could take more than a thousand times the text's
    memory, the answer is True.
    """
    nested = text.count(b"[") + text.count(b"{")
    if nested <= most:
        return False
    values = nested + text.count(b",")
    if values > _MOST_INDENTED or values * nested > _MOST_INDENTATION * len(text):
        return True
    # Strings contain no line break. An empty list or object is indented as its parent's values are,
    # so that this is also true for some values of depth `most`.
    return b"\n" + b" " * most in msgspec.json.format(text, indent=1)


def make_depth_problem() -> JSONProblem:
    """Return the problem of a file that is nested deeper than MAX_DEPTH."""
    return JSONProblem("too-deep", _DEPTH_MESSAGE, subject="A file")


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """The replacement of an object that has this key twice."""

    key: str


def find_value(value: Any, is_wrong: Callable[[Any], bool], path: Path = ()) -> Path | None:
    """Return the path of the first wrong value, with the key for a RepeatedKey; None if none is."""
    if is_wrong(value):
        return (*path, value.key) if isinstance(value, RepeatedKey) else path
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        if (found := find_value(child, is_wrong, (*path, key))) is not None:
            return found
    return None
