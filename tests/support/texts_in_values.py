"""The texts in a JSON value: where they are, and a copy of the value with one of them changed."""

from collections.abc import Callable, Iterator
from typing import Any

from flows.content import canonical
from flows.content.fields import FIELDS, Kind

Path = tuple[Any, ...]
"""Keys and places that lead to a text."""


def find_texts(value: Any, at: Path = ()) -> Iterator[Path]:
    """The paths of all texts, in their order."""
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from find_texts(inner, (*at, key))


def change_text(value: Any, at: Path, change: Callable[[str], str]) -> Any:
    """A copy of the value in which the text at that path is changed."""
    if not at:
        return change(value)
    copy = value.copy()
    copy[at[0]] = change_text(value[at[0]], at[1:], change)
    return copy


def insert_line(line: str, place: int) -> Callable[[str], str]:
    """What inserts the line into a text before the character at that place."""
    return lambda text: f"{text[:place]}\n{line}\n{text[place:]}"


def read_text(value: Any, at: Path) -> str:
    """The text at that path."""
    for step in at:
        value = value[step]
    return str(value)


def make_content(kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
    """The content of an item of a file, with every column."""
    return {
        "extra": canonical.encode(item.get("extra") or {}),
        **{
            field.column: canonical.encode(item[field.key])
            if field.shape.is_document and item.get(field.key) is not None
            else item.get(field.key)
            for field in FIELDS[kind]
        },
    }
