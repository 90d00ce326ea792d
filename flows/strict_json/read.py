"""Bytes to JSON values, strictly: what two parsers could read differently is refused.

Beyond JSON's grammar that is: duplicate keys, invalid UTF-8, a byte order mark, lone surrogates,
`\\u0000` (which PostgreSQL cannot store), numbers out of range, and documents deeper than
MAX_DEPTH. A file is split into the raw texts of its items first, so that only one item at a time
is built from objects. Source of the rules: the last section of the export file page.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Collection
from typing import Any

import msgspec

from flows.content.depth import MAX_DEPTH
from flows.strict_json.problems import (
    JSONProblem,
    Path,
    RepeatedKey,
    check_depth,
    find_value,
    format_place,
    is_deep,
    raise_problem,
)

MAX_ITEMS = 100_000
# A value takes up to 25 times its text in memory, so that a small file could exhaust it.
MAX_VALUES_OF_ITEM = 2_000_000
# The same limit for elements before they are parsed, and for keys of the file's object.
_MAX_RAW_ELEMENTS = 1_000_000
_MAX_TOP_LEVEL_KEYS = 100_000
# A raw element takes 72 bytes, so that as many as a large file may have take twice its memory.
_BYTES_OF_ELEMENT = 32

_CHUNK = 1 << 20
_ESCAPE = re.compile(rb"\\u")  # searched in less than half the time of an `in` (measured)
_ESCAPED_COLON = re.compile(rb"\\u003a", re.IGNORECASE)
_WHITE_SPACE = re.compile(rb"[ \t\r\n]*")
# Possessive (`++`, `*+`): no backtracking positions are kept, which would take more memory than the
# file. The closing quote is optional, so that an unterminated string is matched once, up to the
# end, instead of searching from each quote in it.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def split_top_level(data: bytes) -> dict[str, msgspec.Raw] | msgspec.Raw:
    """Return the raw values of a file's object by key, or the raw text of a file that is a list.

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
        raise_problem(error, data)
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
        raise _make_nul_problem(())
    return {str(key): value for key, value in values.items()}


class _Key(str):
    """A key of the file's object; its own type makes the parser call `take` for each key."""

    __slots__ = ()


_QUICK = dict[_Key, list[msgspec.Raw] | str | int | float | bool | None]


def split_list(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the raw elements of a list. Raise JSONProblem (`wrong-type`, `too-many-items`)."""
    text = bytes(raw)
    start = _skip_white_space(text)
    if text[start : start + 1] != b"[":
        raise JSONProblem("wrong-type", "This must be a list.")
    if text.count(b",") >= _MAX_RAW_ELEMENTS:
        _count_objects(text)
    elements = msgspec.json.decode(raw, type=list[msgspec.Raw])
    if len(elements) > MAX_ITEMS:
        raise _make_too_many_items_problem()
    return elements


def split_quickly(data: bytes, known: Collection[str]) -> dict[str, Any] | None:
    """Return the file's values by key, its lists as raw elements, in one pass over the file.

    None for every file that is not plainly a valid one with none but the `known` keys, each with a
    list or a scalar: `split_top_level` and `split_list` read it, or say what is wrong. Whether the
    elements are UTF-8 is not checked: see `is_utf8`.
    """
    most = max(_MAX_RAW_ELEMENTS, len(data) // _BYTES_OF_ELEMENT)
    if data.count(b",") > most:  # elements take memory before they count
        return None
    taken = 0

    def take(_type: type, key: str) -> _Key:
        nonlocal taken
        taken += 1
        if taken > len(known):
            raise msgspec.ValidationError
        return _Key(key)

    try:
        values = msgspec.json.decode(data, type=_QUICK, dec_hook=take)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_plain = taken == len(values) and values.keys() <= set(known)
    return {str(key): value for key, value in values.items()} if is_plain else None


def read_value(raw: msgspec.Raw, *, outer_depth: int = 0) -> Any:
    """Return the value of a raw text, read strictly.

    Raises JSONProblem with the path within the value. `outer_depth` is the depth of the value in
    the file, to which the limit applies.
    """
    value = read_unchecked(raw, outer_depth=outer_depth)
    check_value(raw, value)
    return value


def check_value(raw: msgspec.Raw, value: Any, *, colons: int | None = None) -> None:
    """Raise JSONProblem for a repeated key or a U+0000 in the text of the value.

    `colons` is how many an encoding of the value has, where that is known already. The parser keeps
    one of two keys: the colon of the other is missing from it. Colons inside strings are in the
    text and the encoding, unless they are escaped.
    """
    text = bytes(raw)
    if colons is None:
        colons = msgspec.json.encode(value).count(b":")
    has_escapes = _ESCAPE.search(text) is not None
    if colons != text.count(b":") or (has_escapes and _ESCAPED_COLON.search(text)):
        _check_keys(text)
    if has_escapes and b"\\u0000" in text and (path := find_value(value, _has_nul)) is not None:
        raise _make_nul_problem(path)


def read_unchecked(raw: msgspec.Raw, *, outer_depth: int = 0) -> Any:
    """Return the value as `read_value` does, for a caller that calls `check_value` later."""
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
        raise_problem(error, text)
    if is_deep(text, MAX_DEPTH - outer_depth):
        check_depth(value, MAX_DEPTH - outer_depth)
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
        # The decoder may keep some bytes of the previous chunk.
        offset = start + error.start - (len(error.object) - len(data[start : start + _CHUNK]))
        raise JSONProblem(
            "invalid-encoding",
            f"The file is not UTF-8 {format_place(data, offset)}. Save it as UTF-8.",
        ) from None


def is_utf8(data: bytes) -> bool:
    """Return whether the bytes are UTF-8 without a byte order mark."""
    try:
        _check_encoding(data)
    except JSONProblem:
        return False
    return True


def _count_objects(text: bytes) -> None:
    """Raise JSONProblem for more than MAX_ITEMS elements, before memory is used for them."""
    count = 0

    class Element(msgspec.Struct):
        def __post_init__(self) -> None:
            nonlocal count
            count += 1
            if count > MAX_ITEMS:
                raise _make_too_many_items_problem()

    try:
        msgspec.json.decode(text, type=list[Element])
    except msgspec.ValidationError:
        raise JSONProblem("wrong-type", "Every item must be an object.", (count,)) from None


def _make_too_many_items_problem() -> JSONProblem:
    return JSONProblem(
        "too-many-items", f"A file may hold at most {MAX_ITEMS:,} items. Export in parts."
    )


def _check_keys(text: bytes) -> None:
    """Raise JSONProblem for an object that has a key twice."""
    value = json.loads(text, object_pairs_hook=_build_object)
    path = find_value(value, lambda found: isinstance(found, RepeatedKey))
    if path is not None:
        raise JSONProblem("duplicate-key", "A key stands twice in one object.", path)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | RepeatedKey:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    counts = Counter(key for key, _ in pairs)
    return RepeatedKey(next(key for key, count in counts.items() if count > 1))


def _has_nul(value: Any) -> bool:
    """Return whether the value is a string with U+0000, or an object with such a key."""
    if isinstance(value, dict):
        return any("\0" in key for key in value)
    return isinstance(value, str) and "\0" in value


def _make_nul_problem(path: Path) -> JSONProblem:
    return JSONProblem("nul-character", "Text must not hold the character U+0000. Remove it.", path)


def _skip_white_space(data: bytes) -> int:
    match = _WHITE_SPACE.match(data)
    return match.end() if match else 0
