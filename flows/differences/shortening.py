"""Long values made readable: the middle of what did not change is left out, and counted. Pure."""

from flows.differences.pieces import Piece, Pieces

_LONG = 200
_SHOWN_END = 60
"""Of a longer text that did not change, so many characters are shown at each end."""


def shorten_same(pieces: Pieces, *, is_same: bool = False) -> Pieces:
    """Return the pieces without the middle of long ones that are the same on both sides.

    Where no piece is marked, all of them differ, unless `is_same`.
    """
    if not (is_same or any(piece.marked for piece in pieces)):
        return pieces
    return tuple(
        piece if piece.marked or len(piece.text) <= _LONG else _leave_out_middle(piece)
        for piece in pieces
    )


def _leave_out_middle(piece: Piece) -> Piece:
    characters = piece.text
    left_out = len(characters) - 2 * _SHOWN_END
    start, end = characters[:_SHOWN_END], characters[-_SHOWN_END:]
    return Piece(text=f"{start}[... {left_out} characters that are the same ...]{end}")
