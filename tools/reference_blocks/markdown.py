"""Write Markdown: a table, words as code, a text in one line."""

from collections.abc import Iterable, Sequence


def format_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(_format_cell(cell) for cell in line)} |" for line in lines)


def _format_cell(text: str) -> str:
    return put_on_one_line(text).replace("|", "\\|")


def format_code(words: Iterable[str]) -> str:
    """Return the words as code, with commas between them."""
    return ", ".join(f"`{word}`" for word in words)


def put_on_one_line(text: str) -> str:
    """Return the text in one line."""
    return " ".join(text.split())
