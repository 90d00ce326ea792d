"""What a node is drawn as: a box, a note with its text, or a frame around other nodes. Pure.

Editors name their notes differently, and keep text and size at different places. What is not known
is drawn as a box.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import Any

from flows.differences.graphs.graph import Node

NODE_WIDTH = 180
NODE_HEIGHT = 64
_NOTES = frozenset({"note", "notenode", "comment", "commentnode", "annotation", "textnote"})
_FRAMES = frozenset({"group", "groupnode", "frame", "iteration", "loopgroup"})
# Of a note without a size, which its editor draws in one of its own.
_STICKY_SIZE = (240.0, 160.0)
_SMALLEST, _LARGEST = 40.0, 100_000.0
# Longer names of types are known by their beginning.
_LONGEST_TYPE = 100
_NO_LETTERS = re.compile(r"[^a-z]+")
_TEXT_PATHS = (
    ("parameters", "content"),
    ("parameters", "info"),
    ("inputs", "note"),
    ("node", "description"),
    ("content",),
    ("text",),
    ("note",),
    ("info",),
    ("description",),
)


class NodeLook(StrEnum):
    """What a node is drawn as."""

    BOX = "box"
    NOTE = "note"
    FRAME = "frame"
    """A rectangle with a title, behind the nodes that stand in it."""


def find_look(node: Node) -> NodeLook:
    """Return what the node is drawn as, by its type; a frame has a size of its own."""
    look = _find_look_of_type(node.type[:_LONGEST_TYPE])
    return NodeLook.BOX if look is NodeLook.FRAME and not _read_size(node) else look


@lru_cache(maxsize=1024)
def _find_look_of_type(kind: str) -> NodeLook:
    name = _NO_LETTERS.sub("", kind.lower())
    if name in _NOTES or "stickynote" in name:
        return NodeLook.NOTE
    return NodeLook.FRAME if name in _FRAMES else NodeLook.BOX


def find_area(node: Node) -> tuple[float, float] | None:
    """Return the width and height that a note or a frame covers in its editor; None for a box.

    A comment, which its editor draws as large as a node, has none either.
    """
    look = find_look(node)
    if look is NodeLook.BOX:
        return None
    size = _read_size(node)
    return _STICKY_SIZE if size is None and "sticky" in node.type[:_LONGEST_TYPE].lower() else size


def read_note(node: Node) -> str:
    """Return the text of a note: that of its data, after its label where that is one of its own."""
    data = _get_object(node.value, "data")
    texts = (_get_at(data, path) for path in _TEXT_PATHS)
    text = next((each for each in texts if isinstance(each, str) and each.strip()), "")
    if not text:
        return node.label
    is_titled = "comment" in node.type[:_LONGEST_TYPE].lower() and node.label != node.key
    return f"{node.label}\n{text}" if is_titled else text


def _read_size(node: Node) -> tuple[float, float] | None:
    for holder in _find_size_holders(node.value):
        width, height = (_read_length(holder.get(key)) for key in ("width", "height"))
        if width and height:
            return width, height
    return None


def _find_size_holders(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield value
    for name in ("measured", "style"):
        yield _get_object(value, name)
    yield _get_object(_get_object(value, "data"), "parameters")


def _read_length(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        length = float(value)
    except OverflowError:
        return _LARGEST
    return min(max(length, _SMALLEST), _LARGEST) if isfinite(length) else None


def _get_object(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _get_at(value: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for key in path[:-1]:
        value = _get_object(value, key)
    return value.get(path[-1])
