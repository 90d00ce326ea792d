"""The texts of a picture: on one line, wrapped to lines of a width, escaped for SVG. Pure."""

from collections.abc import Iterator
from functools import lru_cache
from html import escape
from unicodedata import east_asian_width

_NARROW = frozenset("fijlrtI.,:;'|!()[] ")
_WIDE = frozenset("mw@%&\N{EM DASH}")
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def put_on_one_line(text: str) -> str:
    """Return the text on one line; what cannot be printed is a space."""
    return " ".join(_replace_unprintable(text).split())


def cut(text: str, width: int) -> str:
    """Return as much of the line as is about `width` letters wide, with `…` where it is longer."""
    lines = _break_lines(text, width, most=1)
    return lines[0] if lines else ""


def wrap(text: str, width: int, most: int) -> list[str]:
    """Return the text as at most `most` lines, each about `width` letters wide.

    The last line ends with `…` where not all of the text is there. Lines of the text stay lines.
    """
    return _break_lines(text, width, most=most)


def escape_text(text: str) -> str:
    """Return the text escaped for SVG, without characters that XML does not allow."""
    return escape(_replace_unprintable(text))


def _replace_unprintable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def _break_lines(text: str, width: int, *, most: int) -> list[str]:
    # What cannot be shown is not looked at: a wide letter counts as two, and blanks may be many.
    text = text.strip()
    beginning = text[: (width + 1) * most * 4]
    found: list[str] = []
    for line in beginning.splitlines():
        for part in _break_line(put_on_one_line(line), width):
            if len(found) == most:
                return [*found[:-1], _shorten(found[-1], width)]
            found.append(part)
    if found and len(beginning) < len(text):
        found[-1] = _shorten(found[-1], width)
    return found


def _break_line(line: str, width: int) -> Iterator[str]:
    """Yield the parts of a line, broken at its spaces, or within a word that is too long."""
    while line:
        end = _count_fitting(line, width)
        if end < len(line):
            space = line.rfind(" ", 0, end + 1)
            end = space if space > end // 3 else end
        yield line[:end].rstrip()
        line = line[end:].lstrip()


def _count_fitting(line: str, width: int) -> int:
    left = float(width)
    for at, char in enumerate(line):
        left -= _measure(char)
        if left < 0:
            return max(1, at)
    return len(line)


@lru_cache(maxsize=4096)
def _measure(char: str) -> float:
    """Return about how wide a letter is, where most are 1."""
    if char in _NARROW:
        return 0.6
    if east_asian_width(char) in "WF":
        return 2
    return 1.3 if char.isupper() or char in _WIDE else 1


def _shorten(line: str, width: int) -> str:
    return line[: _count_fitting(line, width - 1)].rstrip() + _ELLIPSIS
