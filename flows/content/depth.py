"""How deep a JSON value may be nested, by a limit of our own: how much a parser takes differs.

A file may be 64 deep. An item in it is in a list in an object, and a document of an item is under a
key of it: what is taken by any door can be exported, and imported again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import EXTRA, FIELDS, Kind

MAX_DEPTH = 64
"""Of a file, and of any other JSON text."""
MAX_ITEM_DEPTH = MAX_DEPTH - 2

_CONTAINERS = (dict, list)


def is_deeper(value: Any, most: int) -> bool:
    """Return whether the value is nested deeper than `most`."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(most):
        if not level:
            return False
        level = [child for parent in level for child in _find_containers(parent)]
    return bool(level)


def _find_containers(value: Any) -> Iterator[Any]:
    children = value.values() if isinstance(value, dict) else value
    return (child for child in children if type(child) in _CONTAINERS)


def get_max_depth(column: str | None) -> int:
    """Return how deep a column's document may be nested."""
    # The unknown keys are keys of the item itself.
    return MAX_ITEM_DEPTH if column == EXTRA else MAX_ITEM_DEPTH - 1


def find_too_deep_columns(kind: Kind, content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns of the content whose documents are too deep. Raises msgspec.DecodeError."""
    for column in (*(spec.column for spec in FIELDS[kind] if spec.shape.is_document), EXTRA):
        text = read_text(content[column])
        if text is not None and _is_text_deeper(text, get_max_depth(column)):
            yield column


def _is_text_deeper(text: str, most: int) -> bool:
    if text.count("[") + text.count("{") <= most:
        return False
    try:
        return is_deeper(canonical.decode(text), most)
    except RecursionError:  # deeper than the parser goes
        return True
