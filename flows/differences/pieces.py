"""Parts of a text as a page shows them: what differs is marked, what is invisible is written out.

Pure. No part of a text is left out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from flows.content.invisible import MAY_BE_INVISIBLE, is_invisible
from flows.differences.matching import Budget, match_closely

# Longer changed stretches of a line are marked as a whole.
_MOST_WORDS = 50
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a text; `marked` where it differs from the other side.

    An `invisible` one is a character that cannot be seen, by its number, such as `\\u200b`.
    """

    text: str
    marked: bool = False
    invisible: bool = False


Pieces = tuple[Piece, ...]


def make_pieces(text: str, *, marked: bool = False) -> Pieces:
    """Return the text as pieces: of one that can be seen as a whole, one."""
    if text and text.isascii() and text.isprintable():
        return (Piece(text=text, marked=marked),)
    return tuple(_split_invisible(text, marked=marked))


def make_visible(text: str) -> str:
    """Return the text with every invisible character written out, such as `\\u200b`."""
    return MAY_BE_INVISIBLE.sub(lambda found: _write_out(found[0]), text)


def mark_words(old: str, new: str, budget: Budget) -> tuple[Pieces, Pieces]:
    """Return the pieces of two texts, with the words that differ marked."""
    old_words, new_words = _WORD.findall(old), _WORD.findall(new)
    blocks = list(match_closely(old_words, new_words, budget, most=_MOST_WORDS))
    return (
        _join_words(
            (old_words[block.old.start : block.old.stop], block.differs) for block in blocks
        ),
        _join_words(
            (new_words[block.new.start : block.new.stop], block.differs) for block in blocks
        ),
    )


def _join_words(parts: Iterable[tuple[Sequence[str], bool]]) -> Pieces:
    return tuple(
        piece
        for words, marked in parts
        if words
        for piece in _split_invisible("".join(words), marked=marked)
    )


def _split_invisible(text: str, *, marked: bool) -> Iterator[Piece]:
    done = 0
    for found in MAY_BE_INVISIBLE.finditer(text):
        if is_invisible(found[0]):
            if done < found.start():
                yield Piece(text=text[done : found.start()], marked=marked)
            yield Piece(text=_write_out(found[0]), marked=marked, invisible=True)
            done = found.end()
    if done < len(text):
        yield Piece(text=text[done:], marked=marked)


def _write_out(char: str) -> str:
    if not is_invisible(char):
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004
