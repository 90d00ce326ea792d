"""Why a text is not strict JSON: problems, found in values and told from a parser's errors.

The parser says little and names bytes; people are told a line and a column, or a JSON path.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

MAX_DEPTH = 64
_MOST_INDENTED = 20_000

_LONE_HIGH_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*+(\\u[dD][89abAB][0-9a-fA-F]{2})"
    rb"(?=[^\\]|\\[^u]|\\u[^dD]|\\u[dD][^c-fC-F])",
    re.DOTALL,
)
_BYTE = re.compile(r" ?\(byte (\d+)\)$")

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


class JSONProblem(Exception):  # noqa: N818 - one of the problems of a file, not yet a refusal
    """Why a text is not strict JSON: a stable code, what to do, and where, as far as is known.

    `subject` is how the message begins where it is of the text as a whole: the file, unless a door
    reads something else.
    """

    def __init__(self, code: str, message: str, path: Path = (), *, subject: str = "") -> None:
        self.code = code
        self.path = path
        self.message = f"{subject} {message}" if subject else message
        self._subject = subject
        self._said = message
        super().__init__(self.message)

    def message_of(self, subject: str) -> str:
        """The message, with another subject where it has one, such as "The body"."""
        return f"{subject} {self._said}" if self._subject else self._said


def raise_problem(error: Exception, text: bytes) -> NoReturn:
    """Raise the JSONProblem that tells what the parser's error means."""
    message = str(error)
    byte = _BYTE.search(message)
    if isinstance(error, RecursionError):
        raise too_deep() from None
    if "out of range" in message:
        raise JSONProblem(
            "out-of-range", "A number is out of range.", _out_of_range_path(text)
        ) from None
    if (lone := _lone_surrogate(message, text)) is not None:
        raise JSONProblem(
            "lone-surrogate",
            f"Text holds half of a surrogate pair {place_of(text, lone)}. Remove it.",
        ) from None
    if "truncated" in message:
        raise JSONProblem(
            "invalid-json",
            "ends in the middle of a value. Export or upload it again.",
            subject="The file",
        ) from None
    # Of what is left over, the parser names the second byte.
    place = place_of(text, int(byte[1]) - message.count("trailing characters")) if byte else ""
    reason = _BYTE.sub("", message).removeprefix("JSON is malformed: ")
    raise JSONProblem(
        "invalid-json", f"is not valid JSON: {reason} {place}.", subject="The file"
    ) from None


def _lone_surrogate(message: str, text: bytes) -> int | None:
    """Where half of a surrogate pair stands, if that is what the parser's message is about."""
    # A missing second half has many names there: it depends on what stands in its place.
    if not any(words in message for words in ("surrogate", "truncated", "hex escape")):
        return None
    byte = _BYTE.search(message)
    end = int(byte[1]) if byte else len(text)
    lone = _LONE_HIGH_SURROGATE.search(text)
    if lone and lone.start(1) < end:
        return lone.start(1)
    return end - len(r"\uDC00") if "surrogate" in message else None


def _out_of_range_path(text: bytes) -> Path:
    try:
        value = json.loads(text, parse_int=_integer)
        check_depth(value, MAX_DEPTH)
    except RecursionError:
        raise too_deep() from None
    return find_value(value, lambda found: isinstance(found, float) and math.isinf(found)) or ()


def _integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads
        return math.inf


def place_of(data: bytes, offset: int) -> str:
    """Line and column, in characters, of an offset."""
    line = data.count(b"\n", 0, offset) + 1
    before = data[data.rfind(b"\n", 0, offset) + 1 : offset]
    return f"at line {line}, column {len(before.decode(errors='replace')) + 1}"


def check_depth(value: Any, most: int) -> None:
    """Raises JSONProblem where the value is nested deeper than `most`."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(most):
        if not level:
            return
        level = [child for parent in level for child in _containers(parent)]
    if level:
        raise too_deep()


def is_deep(text: bytes, most: int) -> bool:
    """Whether a text that is known to be JSON may be nested deeper than `most`.

    Told from its indentation: half the work of a walk through the value. Not of very many values,
    whose indentation could take a thousand times their own room.
    """
    if sum(map(text.count, (b",", b"[", b"{"))) > _MOST_INDENTED:
        return True
    # No line break stands inside a text. An empty list or object stands where its parent's
    # values do, so that this is true of some that are just deep enough.
    return b"\n" + b" " * most in msgspec.json.format(text, indent=1)


def too_deep() -> JSONProblem:
    """The problem of a file that is nested deeper than MAX_DEPTH."""
    return JSONProblem("too-deep", f"may be nested at most {MAX_DEPTH} deep.", subject="A file")


def _containers(value: Any) -> Iterator[Any]:
    children = value.values() if isinstance(value, dict) else value
    return (child for child in children if type(child) in _CONTAINERS)


_CONTAINERS = (dict, list)


@dataclass(frozen=True, slots=True)
class RepeatedKey:
    """Stands for an object in which the key stands twice."""

    key: str


def find_value(value: Any, is_wrong: Callable[[Any], bool], path: Path = ()) -> Path | None:
    """The path of the first value that is wrong; where a key stands twice, that of the key."""
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
