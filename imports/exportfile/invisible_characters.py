"""Warn of characters in an item's texts that are not seen, and that its row does not have. Pure.

A file can hide in them what a text does, also from whoever reads its difference: see
flows.content.invisible, which says where such a character is ordinary. Which of them the row has
already is told by its lines: a character is known where the same line, at the same place of the
item, is here as it is in the file. A node of a list is the same place wherever it stands in it.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any
from unicodedata import name as get_unicode_name

from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import EXTRA, FIELDS, PROSE_KEYS, Content, Field, Kind
from flows.content.invisible import find_unseen, has_unseen
from flows.texts import make_json_path
from imports.exportfile.warnings import PlanWarning, WarningCode

_PLACES_KEPT = 20
_PLACES_SHOWN = 3
_CHARACTERS_KEPT = 10

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of a text that has characters which are not seen."""

    place: tuple[Hashable, ...]
    """What is the same place in another state of the item."""
    path: Steps
    """Its place in the item, as in the file."""
    text: str
    characters: tuple[str, ...]


def warn_of_invisible(kind: Kind, content: Content) -> PlanWarning | None:
    """Return the warning for an item with this content; None where all of it is seen."""
    return _make_warning(list(_find_lines(kind, content)))


def warn_of_new_invisible(kind: Kind, content: Content, stored: Content) -> PlanWarning | None:
    """Return the warning for what the row, with the `stored` content, does not have already."""
    lines = list(_find_lines(kind, content))
    changed = {column: value for column, value in stored.items() if content.get(column) != value}
    unchanged = stored.keys() - changed.keys()
    lines = [line for line in lines if line.place[0] not in unchanged]
    if not lines:
        return None
    known = Counter((line.place, line.text) for line in _find_lines(kind, changed))
    new = []
    for line in lines:
        known[line.place, line.text] -= 1
        if known[line.place, line.text] < 0:
            new.append(line)
    return _make_warning(new)


def _make_warning(lines: list[_Line]) -> PlanWarning | None:
    if not lines:
        return None
    by_path: dict[Steps, dict[str, None]] = {}
    for line in lines:
        by_path.setdefault(line.path, {}).update(dict.fromkeys(line.characters))
    found = [(make_json_path(*path), chars) for path, chars in by_path.items()]
    places = [
        {"path": path, "characters": [_name(char) for char in list(chars)[:_CHARACTERS_KEPT]]}
        for path, chars in found[:_PLACES_KEPT]
    ]
    shown = "; ".join(
        f"{', '.join(place['characters'])} in {place['path']}" for place in places[:_PLACES_SHOWN]
    )
    more = len(found) - min(len(places), _PLACES_SHOWN)
    return PlanWarning(
        code=WarningCode.INVISIBLE_CHARACTERS,
        text=f"has characters that are not seen, and are not here yet: {shown}"
        f"{f'; and in {more} more places' if more > 0 else ''}",
        data={"places": places, "more": len(found) - len(places)},
        is_serious=True,
    )


def _name(char: str) -> str:
    """Return the number of a character and its name, such as `U+202E RIGHT-TO-LEFT OVERRIDE`."""
    return f"U+{ord(char):04X} {get_unicode_name(char, '')}".rstrip()


def _find_lines(kind: Kind, content: Content) -> Iterator[_Line]:
    """Yield the lines with such characters; a column that `content` does not have is skipped."""
    for spec in FIELDS[kind]:
        text = read_text(content.get(spec.column))
        if isinstance(text, str) and has_unseen(text):
            yield from _find_lines_of_field(spec, text)
    extra = content.get(EXTRA)
    if isinstance(extra, str) and has_unseen(extra):
        yield from _find_lines_of_value(canonical.decode(extra), (EXTRA,), ())


def _find_lines_of_field(spec: Field, text: str) -> Iterator[_Line]:
    place, path = (spec.column,), (spec.key,)
    if not spec.shape.is_document:
        yield from _find_lines_of_text(text, place, path, is_prose=spec.key in PROSE_KEYS)
    elif any(True for _ in find_unseen(text)):  # else no value need be built
        yield from _find_lines_of_value(canonical.decode(text), place, path)


def _find_lines_of_value(value: Any, place: tuple[Hashable, ...], path: Steps) -> Iterator[_Line]:
    if isinstance(value, str):
        yield from _find_lines_of_text(value, place, path)
    elif isinstance(value, dict):
        for key, element in value.items():
            yield from _find_lines_of_text(key, (*place, key, "key"), (*path, key))
            yield from _find_lines_of_value(element, (*place, key), (*path, key))
    elif isinstance(value, list):
        for number, element in enumerate(value):
            step = _identify(element, number)
            yield from _find_lines_of_value(element, (*place, step), (*path, number))


def _identify(element: Any, number: int) -> Hashable:
    """Return what an element of a list is known by: its id where it has one."""
    own = element.get("id") if isinstance(element, dict) else None
    return ("id", own) if isinstance(own, str) else number


def _find_lines_of_text(
    text: str, place: tuple[Hashable, ...], path: Steps, *, is_prose: bool = False
) -> Iterator[_Line]:
    start = end = -1
    chars: list[str] = []
    for at, char in find_unseen(text, is_prose=is_prose):
        if at > end:  # in another line, of which the ends are looked for once
            if chars:
                yield _make_line(text[start:end], place, path, chars)
            start, end = text.rfind("\n", max(end, 0), at) + 1, text.find("\n", at)
            end = end if end >= 0 else len(text)
            chars = []
        chars.append(char)
    if chars:
        yield _make_line(text[start:end], place, path, chars)


def _make_line(text: str, place: tuple[Hashable, ...], path: Steps, chars: list[str]) -> _Line:
    return _Line(place=place, path=path, text=text, characters=tuple(dict.fromkeys(chars)))
