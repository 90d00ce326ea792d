"""Bytes to JSON values, strictly: what two parsers could read differently is refused.

Beyond JSON's grammar that is: duplicate keys, invalid UTF-8, a byte order mark, lone surrogates,
`\\u0000` (which PostgreSQL cannot store), numbers out of range, and documents deeper than
MAX_DEPTH. A file is split into the raw texts of its items first, so that only one item at a time
is built from objects. Source of the rules: the last section of the export file page.
"""

import codecs
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

MAX_DEPTH = 64
MAX_ITEMS = 100_000
# A value costs up to 25 times its text in memory, so that a small file could fill it.
MAX_VALUES_OF_ITEM = 2_000_000
# The same of an element that is not looked into yet, and of a key of the file's object.
_MAX_RAW_ELEMENTS = 1_000_000
_MAX_TOP_LEVEL_KEYS = 100_000

_CHUNK = 1 << 20
_WHITE_SPACE = re.compile(rb"[ \t\r\n]*")
# Possessive (`++`, `*+`): what matches keeps no way back, which would cost more than the file.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LONE_HIGH_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*+(\\u[dD][89abAB][0-9a-fA-F]{2})"
    rb"(?=[^\\]|\\[^u]|\\u[^dD]|\\u[dD][^c-fC-F])",
    re.DOTALL,
)
_BYTE = re.compile(r" ?\(byte (\d+)\)$")

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


class JSONProblem(Exception):  # noqa: N818 - one of the problems of a file, not yet a refusal
    """Why a text is not strict JSON: a stable code, what to do, and where, as far as is known."""

    def __init__(self, code: str, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


def split_top_level(data: bytes) -> dict[str, msgspec.Raw] | msgspec.Raw:
    """The raw values of a file's object by key, or the raw list where the file is a bare list.

    Checks the grammar of the whole file. Raises JSONProblem.
    """
    _check_encoding(data)
    start = _skip_white_space(data)
    if start == len(data):
        raise JSONProblem("empty-file", "The file is empty. Export the flows again.")
    try:
        if data[start : start + 1] == b"[":
            return msgspec.json.decode(data, type=msgspec.Raw)
        if data[start : start + 1] == b"{":
            return _split_object(data)
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        _raise_problem(error, data)
    raise JSONProblem(
        "wrong-top-level",
        "The file must hold an object with flows, connections and secrets, or a list of flows.",
    )


def _split_object(data: bytes) -> dict[str, msgspec.Raw]:
    seen: set[str] = set()
    repeated: list[str] = []

    def take(_type: type, key: str) -> _Key:
        if key in seen and not repeated:
            repeated.append(key)
        seen.add(key)
        if len(seen) > _MAX_TOP_LEVEL_KEYS:
            raise JSONProblem(
                "too-many-keys",
                f"The file's object may have at most {_MAX_TOP_LEVEL_KEYS:,} keys.",
            )
        return _Key(key)

    values = msgspec.json.decode(data, type=dict[_Key, msgspec.Raw], dec_hook=take)
    if repeated:
        raise JSONProblem(
            "duplicate-key", "The file's object has a key twice. Keep one of them.", (*repeated,)
        )
    if any("\0" in key for key in values):
        raise _nul(())
    return {str(key): value for key, value in values.items()}


class _Key(str):
    """A key of the file's object: of a type of its own, so that the parser shows each of them."""

    __slots__ = ()


def split_list(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The raw elements of a list of items. Raises JSONProblem (`wrong-type`, `too-many-items`)."""
    text = bytes(raw)
    if not text.lstrip().startswith(b"["):
        raise JSONProblem("wrong-type", "This must be a list.")
    if text.count(b",") >= _MAX_RAW_ELEMENTS:
        _count_objects(text)
    elements = msgspec.json.decode(raw, type=list[msgspec.Raw])
    if len(elements) > MAX_ITEMS:
        raise _too_many_items()
    return elements


def read_value(raw: msgspec.Raw, *, outer_depth: int = 0) -> Any:
    """The value of a raw text, strictly. Raises JSONProblem, with the path within the value.

    `outer_depth` is how deep in the file the value stands: the limit is the file's.
    """
    text = bytes(raw)
    if text.count(b",") > MAX_VALUES_OF_ITEM and (
        _STRING.sub(b"", text).count(b",") > MAX_VALUES_OF_ITEM
    ):
        raise JSONProblem(
            "too-many-values", f"An item may hold at most {MAX_VALUES_OF_ITEM:,} values."
        )
    try:
        value = msgspec.json.decode(text)
        _check_depth(value, MAX_DEPTH - outer_depth)
    except (msgspec.DecodeError, RecursionError) as error:
        _raise_problem(error, text)
    # What was lost on reading would be missing here: the last of two equal keys wins.
    if msgspec.json.encode(value) != msgspec.json.format(text, indent=-1):
        _check_keys(text)
    if b"\\u0000" in text and (path := _find(value, _has_nul)) is not None:
        raise _nul(path)
    return value


def _check_encoding(data: bytes) -> None:
    if data.startswith(codecs.BOM_UTF8):
        raise JSONProblem(
            "byte-order-mark",
            "The file begins with a byte order mark. Save it as UTF-8 without one.",
        )
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _CHUNK):
            decoder.decode(data[start : start + _CHUNK], final=start + _CHUNK >= len(data))
    except UnicodeDecodeError as error:
        # The decoder may hold back some bytes of the chunk before.
        offset = start + error.start - (len(error.object) - len(data[start : start + _CHUNK]))
        raise JSONProblem(
            "invalid-encoding", f"The file is not UTF-8 {_place(data, offset)}. Save it as UTF-8."
        ) from None


def _count_objects(text: bytes) -> None:
    """Raise JSONProblem for more than MAX_ITEMS elements, before memory is taken for them."""
    count = 0

    class Element(msgspec.Struct):
        def __post_init__(self) -> None:
            nonlocal count
            count += 1
            if count > MAX_ITEMS:
                raise _too_many_items()

    try:
        msgspec.json.decode(text, type=list[Element])
    except msgspec.ValidationError:
        raise JSONProblem("wrong-type", "Every item must be an object.", (count,)) from None


def _too_many_items() -> JSONProblem:
    return JSONProblem(
        "too-many-items", f"A file may hold at most {MAX_ITEMS:,} items. Export in parts."
    )


def _check_depth(value: Any, most: int) -> None:
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(most):
        if not level:
            return
        level = [child for parent in level for child in _containers(parent)]
    if level:
        raise _too_deep()


def _too_deep() -> JSONProblem:
    return JSONProblem("too-deep", f"A file may be nested at most {MAX_DEPTH} deep.")


def _containers(value: Any) -> Iterator[Any]:
    children = value.values() if isinstance(value, dict) else value
    return (child for child in children if type(child) in _CONTAINERS)


_CONTAINERS = (dict, list)


@dataclass(frozen=True, slots=True)
class _Repeated:
    """Stands for an object in which the key stands twice."""

    key: str


def _check_keys(text: bytes) -> None:
    """Raise JSONProblem for an object with a key twice."""
    value = json.loads(text, object_pairs_hook=_unique)
    path = _find(value, lambda found: isinstance(found, _Repeated))
    if path is not None:
        raise JSONProblem("duplicate-key", "A key stands twice in one object.", path)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    counts = Counter(key for key, _ in pairs)
    return _Repeated(next(key for key, count in counts.items() if count > 1))


def _find(value: Any, is_wrong: Callable[[Any], bool], path: Path = ()) -> Path | None:
    """The path of the first value that is wrong; where a key stands twice, that of the key."""
    if is_wrong(value):
        return (*path, value.key) if isinstance(value, _Repeated) else path
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        if (found := _find(child, is_wrong, (*path, key))) is not None:
            return found
    return None


def _has_nul(value: Any) -> bool:
    """Whether the value is a text that holds U+0000, or an object with such a key."""
    if isinstance(value, dict):
        return any("\0" in key for key in value)
    return isinstance(value, str) and "\0" in value


def _nul(path: Path) -> JSONProblem:
    return JSONProblem("nul-character", "Text must not hold the character U+0000. Remove it.", path)


def _raise_problem(error: Exception, text: bytes) -> NoReturn:
    """Raise the JSONProblem that tells what the parser's error means."""
    message = str(error)
    byte = _BYTE.search(message)
    if isinstance(error, RecursionError):
        raise _too_deep() from None
    if "out of range" in message:
        raise JSONProblem(
            "out-of-range", "A number is out of range.", _out_of_range_path(text)
        ) from None
    if (lone := _lone_surrogate(message, text)) is not None:
        raise JSONProblem(
            "lone-surrogate",
            f"Text holds half of a surrogate pair {_place(text, lone)}. Remove it.",
        ) from None
    if "truncated" in message:
        raise JSONProblem(
            "invalid-json", "The file ends in the middle of a value. Export or upload it again."
        ) from None
    # Of what is left over, the parser names the second byte.
    place = _place(text, int(byte[1]) - message.count("trailing characters")) if byte else ""
    reason = _BYTE.sub("", message).removeprefix("JSON is malformed: ")
    raise JSONProblem("invalid-json", f"The file is not valid JSON: {reason} {place}.") from None


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
        _check_depth(value, MAX_DEPTH)
    except RecursionError:
        raise _too_deep() from None
    return _find(value, lambda found: isinstance(found, float) and math.isinf(found)) or ()


def _integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads
        return math.inf


def _place(data: bytes, offset: int) -> str:
    """Line and column, in characters, of an offset."""
    line = data.count(b"\n", 0, offset) + 1
    before = data[data.rfind(b"\n", 0, offset) + 1 : offset]
    return f"at line {line}, column {len(before.decode(errors='replace')) + 1}"


def _skip_white_space(data: bytes) -> int:
    match = _WHITE_SPACE.match(data)
    return match.end() if match else 0
