"""The text of one value that differs, for a terminal: nothing that changed is cut. Pure.

Changed lines have the signs and the line numbers of a unified diff. Characters that cannot be seen,
those that would act on a terminal among them, are written out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from rich.text import Text

from flows.differences.lines import DiffRow, LineDiff, RowKind, format_line_numbers
from flows.differences.pieces import Piece, Pieces
from flows.differences.shortening import shorten_same

ADDED, REMOVED, CHANGED = "+", "-", "~"
STEP = 4
"""How much further to the right what belongs to a line is."""

_STYLES = {ADDED: "green", REMOVED: "red", CHANGED: "yellow", " ": "dim"}
_SIGNS = {RowKind.ADDED: ADDED, RowKind.REMOVED: REMOVED, RowKind.SAME: " "}
_NUMBERS_STYLE = "cyan"
_MARKED = "bold underline"
_INVISIBLE = "reverse"
_SHORT = 72
"""The most characters of two values that are written as `before -> after`."""


def format_value(
    path: str,
    before: Pieces | None,
    after: Pieces | None,
    *,
    whole: bool,
    indent: int,
    note: str = "",
) -> Iterator[Text]:
    """Yield the lines of a value that differs; a side is None where there is no value.

    Without `whole`, the middle of long parts that are the same on both sides is left out.
    """
    if before is None or after is None:
        sign = ADDED if before is None else REMOVED
        yield make_line(indent, sign, join_sides(path, before, after), note)
    elif count_characters(before) + count_characters(after) <= _SHORT:
        yield make_line(indent, CHANGED, join_sides(path, before, after), note)
    else:
        yield make_line(indent, CHANGED, [Piece(text=path)], note)
        for sign, side in ((REMOVED, before), (ADDED, after)):
            yield make_line(indent + STEP, sign, side if whole else shorten_same(side))


def join_sides(path: str, before: Pieces | None, after: Pieces | None) -> Pieces:
    """Return a value on one line: `path: before -> after`, or the side that there is."""
    before, after = _mark_parts_only(before), _mark_parts_only(after)
    arrow = () if before is None or after is None else (Piece(text=" -> "),)
    return (Piece(text=f"{path}: "), *(before or ()), *arrow, *(after or ()))


def _mark_parts_only(pieces: Pieces | None) -> Pieces | None:
    """Return the pieces without marks where all of them have one, which says nothing."""
    if not pieces or any(not piece.marked and piece.text.strip('"') for piece in pieces):
        return pieces
    return tuple(replace(piece, marked=False) for piece in pieces)


def format_lines(lines: LineDiff, *, whole: bool, indent: int) -> Iterator[Text]:
    """Yield the lines that differ and three around them, with numbers as in a unified diff.

    Without `whole`, the middle of long parts that are the same on both sides is left out.
    """
    is_one_sided = len({row.kind for row in lines.rows}) == 1
    for is_fold, rows in groupby(lines.rows, key=lambda row: row.kind is RowKind.FOLD):
        if is_fold:
            continue
        hunk = list(rows)
        if not is_one_sided:
            yield Text(f"{' ' * indent}{format_line_numbers(hunk)}", style=_NUMBERS_STYLE)
        for row in hunk:
            pieces = row.pieces if whole else _shorten_row(row)
            yield make_line(indent, _SIGNS[row.kind], pieces)


def make_line(indent: int, sign: str, pieces: Iterable[Piece], note: str = "") -> Text:
    """Return a line with its sign, in the sign's colour; what differs and is hidden is marked."""
    line = Text(f"{' ' * indent}{sign} ", style=_STYLES[sign])
    for piece in pieces:
        style = _INVISIBLE if piece.invisible else ""
        line.append(piece.text, f"{style} {_MARKED}".strip() if piece.marked else style)
    return line.append(note) if note else line


def count_characters(pieces: Iterable[Piece]) -> int:
    """Return how many characters the pieces have."""
    return sum(len(piece.text) for piece in pieces)


def _shorten_row(row: DiffRow) -> Pieces:
    is_same = row.kind is RowKind.SAME
    return shorten_same(row.pieces, is_same=is_same)
