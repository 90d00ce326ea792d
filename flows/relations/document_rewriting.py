"""Replace references in a JSON document, also in its keys, without losing a value. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.content import canonical
from flows.content.references import rewrite

Path = tuple[str | int, ...]


class KeyCollisionError(Exception):
    """Two keys of one object would become the same one, and one of their values would be lost."""

    def __init__(self, path: Path) -> None:
        super().__init__("Two keys of one object would become the same one.")
        self.path = path
        """The second of the keys, by the keys and indexes that lead to it."""


def rewrite_document(text: str, *, uuids: Mapping[str, str], names: Mapping[str, str]) -> str:
    """Return the canonical document with every reference replaced; the same text where none is.

    Raises KeyCollisionError.
    """
    new = rewrite(text, uuids=uuids, names=names, json=True)
    if new is text:
        return text
    encoded = canonical.encode(canonical.decode(new))  # keys may need sorting again
    if len(encoded) != len(new) and (path := next(_find_collisions(_read(text), _read(new)), None)):
        raise KeyCollisionError(path)
    return encoded


class _Pairs(list[tuple[str, Any]]):
    """An object with all its keys, equal ones too."""


def _read(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_Pairs)


def _find_collisions(before: Any, after: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the keys of the document before that are the same key as another one after."""
    if isinstance(before, _Pairs):
        seen: set[str] = set()
        for (key, value), (new_key, new_value) in zip(before, after, strict=True):
            if new_key in seen:
                yield (*path, key)
            seen.add(new_key)
            yield from _find_collisions(value, new_value, (*path, key))
    elif isinstance(before, list):
        for index, (value, new_value) in enumerate(zip(before, after, strict=True)):
            yield from _find_collisions(value, new_value, (*path, index))
