"""Bytes to JSON values, strictly: what two parsers could read differently is refused.

Beyond JSON's grammar that is: duplicate keys, invalid UTF-8, a byte order mark, lone surrogates,
`\\u0000` (which PostgreSQL cannot store), numbers out of range, and documents deeper than
MAX_DEPTH. A file is split into the raw texts of its items first, so that only one item at a time
is built from objects. Source of the rules: the last section of the export file page.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

MAX_DEPTH = 64
MAX_ITEMS = 100_000
# A value costs up to 25 times its text in memory, so that a small file could fill it.
MAX_VALUES_OF_ITEM = 2_000_000

_CHUNK = 1 << 20
_WHITE_SPACE = re.compile(rb"[ \t\r\n]*")
_KEY = re.compile(rb'"(?:[^"\\]|\\.)*"')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
_BYTE = re.compile(r" ?\(byte (\d+)\)$")
_PATH = re.compile(r" - at `\$?\.?(.*)`$")


class JSONProblem(Exception):  # noqa: N818 - one of the problems of a file, not yet a refusal
    """Why a text is not strict JSON: a stable code, what to do, and where (a JSON path, or "")."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


def split_top_level(data: bytes) -> dict[str, msgspec.Raw] | msgspec.Raw:
    """The raw values of a file's object by key, or the raw list where the file is a bare list.

    Checks the grammar of the whole file. Raises JSONProblem.
    """
    _check_encoding(data)
    start = _skip_white_space(data, 0)
    if start == len(data):
        raise JSONProblem("empty-file", "The file is empty. Export the flows again.")
    try:
        if data[start : start + 1] == b"[":
            return msgspec.json.decode(data, type=msgspec.Raw)
        if data[start : start + 1] == b"{":
            values = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
            _check_top_level_keys(data, start + 1, values)
            return values
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        _raise_problem(error, data)
    raise JSONProblem(
        "wrong-top-level",
        "The file must hold an object with flows, connections and secrets, or a list of flows.",
    )


def split_list(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """The raw elements of a list of items. Raises JSONProblem (`wrong-type`, `too-many-items`)."""
    text = bytes(raw)
    if not text.lstrip().startswith(b"["):
        raise JSONProblem("wrong-type", "This must be a list.")
    if text.count(b",") >= MAX_ITEMS:
        _count_objects(text)
    return msgspec.json.decode(raw, type=list[msgspec.Raw])


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
    except (msgspec.DecodeError, RecursionError) as error:
        _raise_problem(error, text)
    _check_depth(value, MAX_DEPTH - outer_depth)
    # What was lost on reading would be missing here: the last of two equal keys wins.
    if msgspec.json.encode(value) != msgspec.json.format(text, indent=-1):
        json.loads(text, object_pairs_hook=_unique_keys)
    if b"\\u0000" in text and _NUL_ESCAPE.search(text):
        raise JSONProblem(
            "nul-character", "Text must not hold the character U+0000. Remove it.", _path_of(value)
        )
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


def _check_top_level_keys(data: bytes, position: int, values: dict[str, msgspec.Raw]) -> None:
    """Raise JSONProblem for a key that stands twice: each key's value must be the one that won."""
    seen: set[str] = set()
    for _ in values:
        match = _KEY.match(data, _skip_white_space(data, position))
        if match is None:
            break
        key = msgspec.json.decode(match[0], type=str)
        if key in seen:
            break
        seen.add(key)
        position = _skip_white_space(data, match.end())  # at the colon
        position = _skip_white_space(data, position + 1)
        if not _stands_at(data, position, values[key]):
            break
        position = _skip_white_space(data, position + len(memoryview(values[key]))) + 1
    else:
        if _skip_white_space(data, position) == len(data):
            return
    raise JSONProblem("duplicate-key", "The file's object has a key twice. Keep one of them.")


def _stands_at(data: bytes, position: int, raw: msgspec.Raw) -> bool:
    view = memoryview(raw)
    return all(
        data[position + start : position + start + _CHUNK][: len(view) - start]
        == view[start : start + _CHUNK].tobytes()
        for start in range(0, len(view), _CHUNK)
    )


def _count_objects(text: bytes) -> None:
    """Raise JSONProblem for more than MAX_ITEMS elements, before memory is taken for them."""
    count = 0

    class Element(msgspec.Struct):
        def __post_init__(self) -> None:
            nonlocal count
            count += 1
            if count > MAX_ITEMS:
                raise JSONProblem(
                    "too-many-items",
                    f"A file may hold at most {MAX_ITEMS:,} items. Export in parts.",
                )

    try:
        msgspec.json.decode(text, type=list[Element])
    except msgspec.ValidationError as error:
        _raise_problem(error, text)


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


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise JSONProblem("duplicate-key", "A key stands twice in one object.", twice)
    return value


def _path_of(value: Any, path: str = "") -> str:
    """The JSON path of the first text that holds U+0000; a key's is that of its object."""
    if isinstance(value, str):
        return path if "\0" in value else ""
    if isinstance(value, dict):
        if any("\0" in key for key in value):
            return path
        children = [(child, f"{path}.{key}" if path else key) for key, child in value.items()]
    elif isinstance(value, list):
        children = [(child, f"{path}[{index}]") for index, child in enumerate(value)]
    else:
        return ""
    return next((found for child, at in children if (found := _path_of(child, at))), "")


def _raise_problem(error: Exception, text: bytes) -> NoReturn:
    """Raise the JSONProblem that tells what the parser's error means."""
    message = str(error)
    if isinstance(error, RecursionError):
        raise _too_deep() from None
    if isinstance(error, msgspec.ValidationError):
        found = _PATH.search(message)
        path = found[1] if found else ""
        if "out of range" in message:
            raise JSONProblem("out-of-range", "A number is out of range.", path) from None
        raise JSONProblem("wrong-type", "Every item must be an object.", path) from None
    if "truncated" in message and _SURROGATE_ESCAPE.search(text):
        raise JSONProblem("lone-surrogate", "Text holds half of a surrogate pair.") from None
    if "truncated" in message:
        raise JSONProblem(
            "invalid-json", "The file ends in the middle of a value. Export or upload it again."
        ) from None
    byte = _BYTE.search(message)
    place = _place(text, int(byte[1])) if byte else ""
    reason = _BYTE.sub("", message).removeprefix("JSON is malformed: ")
    raise JSONProblem("invalid-json", f"The file is not valid JSON: {reason} {place}.") from None


def _place(data: bytes, offset: int) -> str:
    before = data[:offset]
    line = before.count(b"\n") + 1
    column = len(before) - before.rfind(b"\n")
    return f"at line {line}, column {column}"


def _skip_white_space(data: bytes, position: int) -> int:
    match = _WHITE_SPACE.match(data, position)
    return match.end() if match else position
