"""Columns of text for output without a terminal's width: a pipe, a file, a log."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

_WIDEST = 44  # cells: enough for most names

Row = tuple[Sequence[str], str]
"""The cells of a line, and the style of the line."""


def format_columns(headings: Sequence[str], rows: Sequence[Row]) -> Iterator[Text]:
    """Yield a line for the headings, and one for each row.

    A column is as wide as its widest cell, but at most 44 cells. A longer cell shifts the rest of
    its own line only, so that one long name does not widen every line. Nothing is cut.
    """
    lines = [(headings, ""), *rows]
    widths = [
        min(_WIDEST, max(cell_len(cells[column]) for cells, _ in lines))
        for column in range(len(headings))
    ]
    for cells, style in lines:
        padded = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
        )
        yield Text("  ".join(padded).rstrip(), style=style, no_wrap=True, overflow="ignore")
