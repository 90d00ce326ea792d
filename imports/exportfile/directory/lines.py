"""The line of a value in a JSON text. Pure."""

import re
from collections.abc import Iterator, Sequence

import msgspec

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


def find_line(data: bytes, path: Sequence[str | int]) -> int | None:
    """Return the line, from 1, of the value at this path of valid JSON; None if there is none.

    Of a key that an object has twice it is the second. Of a path that leads further than the text,
    it is the line of the last value on its way.
    """
    offset = None
    deepest = -1
    for at, place in _find_values(data):
        depth = len(place)
        if depth >= deepest and place == tuple(path[:depth]):
            offset, deepest = at, depth
    return None if offset is None else data.count(b"\n", 0, offset) + 1


def _find_values(data: bytes) -> Iterator[tuple[int, tuple[str | int, ...]]]:
    """Yield the offset and the path of each value; of one under a key, the offset of the key."""
    steps: list[str | int] = []
    key_at: int | None = None
    awaits_key = False
    yield 0, ()
    for token in _TOKEN.finditer(data):
        mark = token[0]
        if mark in {b"]", b"}"}:
            steps.pop()
            awaits_key = False
        elif mark == b",":
            if isinstance(steps[-1], int):
                steps[-1] += 1
            else:
                awaits_key = True
        elif mark == b":":
            awaits_key = False
        elif awaits_key:
            steps[-1], key_at = msgspec.json.decode(mark, type=str), token.start()
        else:
            yield token.start() if key_at is None else key_at, tuple(steps)
            key_at = None
            if mark == b"[":
                steps.append(0)
            elif mark == b"{":
                steps.append("")
                awaits_key = True
