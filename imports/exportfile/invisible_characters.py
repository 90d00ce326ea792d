"""Warn of characters in an item's texts that are not seen, and that its row does not have. Pure.

A file can hide in them what code does, also from whoever reads its difference: see
flows.content.invisible, which says where such a character is ordinary. The warning is serious where
code, a connection's value, a name or a key lies by them; anywhere else they are counted. Which of
them the row has already is told by its lines: a character is known where the same line, at the same
place of the item, is here as it is in the file. A node of a list is the same place wherever it
stands in it.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from unicodedata import name as get_unicode_name

from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import EXTRA, FIELDS, PROSE_KEYS, Content, Field, Kind, Shape
from flows.content.invisible import changes_order, find_unseen, has_unseen
from flows.texts import make_json_path
from imports.exportfile.warnings import PlanWarning, WarningCode

_MISLEADS = "reads as something else than it is, by characters that are not seen and are new here"
_HAS_UNSEEN = "has characters that are not seen, and are not here yet"
_PLACES_KEPT = 20
_PLACES_SHOWN = 3
_CHARACTERS_KEPT = 10

Steps = tuple[str | int, ...]

# The ends of keys of documents whose texts are for people, or are made into such.
_PROSE_KEY = re.compile(
    r"(?:label|title|descriptions?|info|notes?|comments?|(?<!con)texts?|contents?|messages?|prompts?"
    r"|html|markdown|templates?|subject|body|placeholder|help|caption|summary|instructions?)\Z",
    re.IGNORECASE,
)
_CODE_KEY = re.compile(r"(?:code|func|function|script|expression|condition)\Z", re.IGNORECASE)
_CODE_MARK = re.compile(r"[;{}=]|\w\(|//|/\*|&&|\|\|")


class _Role(Enum):
    """What a text is, which decides what of it is told, and what may lie."""

    PROSE = 0
    NAME = 1
    CODE = 2

    def is_told(self, char: str) -> bool:
        """Return whether a character that is not seen is told of: what joins words is prose."""
        return self is not _Role.PROSE or changes_order(char)

    def is_lie(self, char: str) -> bool:
        """Return whether a character that makes code lie does so here, too."""
        return self is _Role.CODE or (self is _Role.NAME and changes_order(char))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of a text that has characters which are not seen."""

    place: tuple[Hashable, ...]
    """What is the same place in another state of the item."""
    path: Steps
    """Its place in the item, as in the file."""
    text: str
    characters: tuple[str, ...]
    is_lie: bool


def warn_of_invisible(kind: Kind, content: Content) -> list[PlanWarning]:
    """Return the warnings for an item with this content: of what lies, and of all else."""
    return _make_warnings(list(_find_lines(kind, content)))


def warn_of_new_invisible(kind: Kind, content: Content, stored: Content) -> list[PlanWarning]:
    """Return the warnings for what the row, with the `stored` content, does not have already."""
    lines = list(_find_lines(kind, content))
    changed = {column: value for column, value in stored.items() if content.get(column) != value}
    unchanged = stored.keys() - changed.keys()
    lines = [line for line in lines if line.place[0] not in unchanged]
    if not lines:
        return []
    known = Counter((line.place, line.text) for line in _find_lines(kind, changed))
    new = []
    for line in lines:
        known[line.place, line.text] -= 1
        if known[line.place, line.text] < 0:
            new.append(line)
    return _make_warnings(new)


def _make_warnings(lines: Sequence[_Line]) -> list[PlanWarning]:
    groups = [[line for line in lines if line.is_lie is is_lie] for is_lie in (True, False)]
    return [_make_warning(group, is_serious=group[0].is_lie) for group in groups if group]


def _make_warning(lines: Sequence[_Line], *, is_serious: bool) -> PlanWarning:
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
        text=f"{_MISLEADS if is_serious else _HAS_UNSEEN}: {shown}"
        f"{f'; and in {more} more places' if more > 0 else ''}",
        data={"places": places, "more": len(found) - len(places)},
        is_serious=is_serious,
    )


def _name(char: str) -> str:
    """Return the number of a character and its name, such as `U+202E RIGHT-TO-LEFT OVERRIDE`."""
    return f"U+{ord(char):04X} {get_unicode_name(char, '')}".rstrip()


def _find_lines(kind: Kind, content: Content) -> Iterator[_Line]:
    """Yield the lines with such characters; a column that `content` does not have is skipped."""
    for spec in FIELDS[kind]:
        text = read_text(content.get(spec.column))
        if isinstance(text, str) and has_unseen(text):
            yield from _find_lines_of_field(kind, spec, text)
    extra = content.get(EXTRA)
    if isinstance(extra, str) and has_unseen(extra):
        yield from _find_lines_of_value(canonical.decode(extra), (EXTRA,), ())


def _find_lines_of_field(kind: Kind, spec: Field, text: str) -> Iterator[_Line]:
    place, path = (spec.column,), (spec.key,)
    if not spec.shape.is_document:
        yield from _find_lines_of_text(text, place, path, _find_role_of_field(kind, spec))
    elif any(True for _ in find_unseen(text)):  # else no value need be built
        yield from _find_lines_of_value(canonical.decode(text), place, path)


def _find_lines_of_value(value: Any, place: tuple[Hashable, ...], path: Steps) -> Iterator[_Line]:
    if isinstance(value, str):
        yield from _find_lines_of_text(value, place, path, _find_role(value, path))
    elif isinstance(value, dict):
        for key, element in value.items():
            yield from _find_lines_of_text(key, (*place, key, "key"), (*path, key), _Role.CODE)
            yield from _find_lines_of_value(element, (*place, key), (*path, key))
    elif isinstance(value, list):
        for number, element in enumerate(value):
            step = _identify(element, number)
            yield from _find_lines_of_value(element, (*place, step), (*path, number))


def _find_role_of_field(kind: Kind, spec: Field) -> _Role:
    if spec.key in PROSE_KEYS:
        return _Role.PROSE
    is_label = spec.shape is Shape.NAME and kind is not Kind.SECRET  # code names secrets
    return _Role.NAME if is_label else _Role.CODE


def _find_role(text: str, path: Steps) -> _Role:
    """Return what a text in a document is: sentences are prose under any key."""
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if _CODE_KEY.search(key):
        return _Role.CODE
    is_sentence = " " in text.strip() and _CODE_MARK.search(text) is None
    return _Role.PROSE if is_sentence or _PROSE_KEY.search(key) else _Role.CODE


def _identify(element: Any, number: int) -> Hashable:
    """Return what an element of a list is known by: its id where it has one."""
    own = element.get("id") if isinstance(element, dict) else None
    return ("id", own) if isinstance(own, str) else number


def _find_lines_of_text(
    text: str, place: tuple[Hashable, ...], path: Steps, role: _Role
) -> Iterator[_Line]:
    start = end = -1
    chars: dict[str, bool] = {}
    for at, char, lies in find_unseen(text):
        if not role.is_told(char):
            continue
        if at > end:  # in another line, of which the ends are looked for once
            if chars:
                yield _make_line(text[start:end], place, path, chars)
            start, end = text.rfind("\n", max(end, 0), at) + 1, text.find("\n", at)
            end = end if end >= 0 else len(text)
            chars = {}
        chars[char] = chars.get(char, False) or (lies and role.is_lie(char))
    if chars:
        yield _make_line(text[start:end], place, path, chars)


def _make_line(
    text: str, place: tuple[Hashable, ...], path: Steps, chars: dict[str, bool]
) -> _Line:
    return _Line(
        place=place, path=path, text=text, characters=tuple(chars), is_lie=any(chars.values())
    )
