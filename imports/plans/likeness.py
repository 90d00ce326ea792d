"""How much of a file's item a row has too, to choose among rows of one name. Pure."""

from collections import Counter
from collections.abc import Mapping

from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import EXTRA, FIELDS, Content, Field, Kind, Value

_NAME = "name"

Parts = Counter[tuple[str, str]]
"""How often each part is in a content, by its column, or its key in a document, and its text."""


def count_parts(kind: Kind, content: Mapping[str, Value]) -> Parts:
    """Return the parts of a content but its name: the lines of texts, the values in documents.

    Nothing is counted of what is empty, in which any two rows are alike.
    """
    parts: Parts = Counter()
    for field in FIELDS[kind]:
        if field.column != _NAME and field.column in content:
            _count_value(field, content[field.column], parts)
    if extra := content.get(EXTRA):
        _count_leaves("", canonical.decode(str(extra)), parts)
    return parts


def compute_share(of_item: Parts, of_row: Parts) -> int:
    """Return how much of the item's content the row has too, in percent; 100 only for all of it."""
    total = of_item.total()
    if not total:
        return 100
    return 100 * (of_item & of_row).total() // total


def count_item_parts(kind: Kind, content: Mapping[str, Value], extra: str) -> Parts:
    """Return the parts of a file's item, whose unknown keys are `extra`."""
    return count_parts(kind, {**content, EXTRA: extra})


def _count_value(field: Field, value: Value | Content, parts: Parts) -> None:
    text = read_text(value)
    if not isinstance(text, str):
        if text is not None and text is not False:
            parts[field.column, str(text)] += 1
    elif field.shape.is_document:
        _count_leaves("", canonical.decode(text), parts)
    else:
        parts.update((field.column, line) for line in text.splitlines() if line.strip())


def _count_leaves(key: str, value: object, parts: Parts) -> None:
    """Count each text, number and truth value in a JSON value under the last key above it."""
    waiting = [(key, value)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += ((key, each) for each in value)
        elif value not in (None, ""):
            parts[key, str(value)] += 1
