"""What the pieces of a difference show, as texts."""

from flows.differences.pieces import Pieces


def read_text(pieces: Pieces | None) -> str | None:
    """The text of a side; None where there is none."""
    return None if pieces is None else "".join(piece.text for piece in pieces)
