"""Write texts of files into Markdown as code, where no text acts. Pure.

A text of a file is in a code span, in a `<code>` of an HTML block, in a fenced block, or in the
label of a picture, and nowhere else: the hosts of pull requests look there for no mention, no
reference to an issue or a commit, no address and no command, and a parser for no Markdown.
"""

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from flows.differences.pieces import make_visible

_LONGEST_TEXT = 200
_LONGEST_SENTENCE = 1_000
_LONGEST_LABEL = 40
_LONGEST_MARK = 255
_BACKTICKS = re.compile("`+")
_SHORTEST_FENCE = 3
_ADDRESS = re.compile(r"https?://[\w.-]+(:\d+)?(/[\w./~?=&%-]*)?", re.ASCII)


def show_text(text: str, *, most: int = _LONGEST_TEXT) -> str:
    """Return the text on one line, with what cannot be seen written out, and cut if it is long."""
    shown = text if len(text) <= most else f"{text[:most]}..."
    return show_line(shown).replace("\t", "\\t")


def show_line(line: str) -> str:
    """Return a line of a block: on one line, with what cannot be seen written out."""
    return make_visible(line).replace("\n", "\\n")


def write_code(text: str, *, most: int = _LONGEST_TEXT) -> str:
    """Return the text as a code span of a paragraph or a list."""
    shown = show_text(text, most=most) or '""'
    fence = "`" * (_find_longest_run([shown]) + 1)
    # One space is taken away at each end where there is one at both.
    needs_space = "`" in (shown[0], shown[-1]) or (shown[0] == shown[-1] == " ")
    space = " " if needs_space and shown.strip() else ""
    return f"{fence}{space}{shown}{space}{fence}"


def write_sentence(text: str) -> str:
    """Return a sentence that names things of a file, such as a warning, as a code span."""
    return write_code(text, most=_LONGEST_SENTENCE)


def write_html_code(text: str) -> str:
    """Return the text as the code of an HTML block, such as the summary of details."""
    shown = show_text(text) or '""'
    return f"<code>{escape(shown)}</code>"


def write_block(language: str, lines: Iterable[str]) -> str:
    """Return the lines as a fenced block, which no line of it can end."""
    shown = [show_line(line) for line in lines]
    fence = "`" * max(_SHORTEST_FENCE, _find_longest_run(shown) + 1)
    return "\n".join([f"{fence}{language}", *shown, fence])


def write_label(text: str) -> str:
    """Return the text as a label of a mermaid picture, in double quotes.

    All but letters, digits and spaces is written by its number, which mermaid shows as the
    character: none of it is syntax, HTML, Markdown, an icon or a formula there.
    """
    shown = show_text(text if len(text) <= _LONGEST_LABEL else f"{text[:_LONGEST_LABEL]}\u2026")
    written = (char if char.isalnum() or char == " " else f"#{ord(char)};" for char in shown)
    return f'"{"".join(written)}"'


def write_marker(*, server: str, source: str) -> str:
    """Return a comment that is not shown, by which a recipe finds its own text again."""
    return f"<!-- ziggy-plan server={_encode(server)} source={_encode(source)} -->"


def write_place(place: str) -> str:
    """Return where something is: an address of a server as a link, any other text as code."""
    return f"<{place}>" if _ADDRESS.fullmatch(place) else write_code(place)


def _encode(text: str) -> str:
    # Without "-" no text ends the comment.
    return quote(text[:_LONGEST_MARK], safe="", errors="backslashreplace").replace("-", "%2D")


def _find_longest_run(texts: Iterable[str]) -> int:
    return max((len(run) for text in texts for run in _BACKTICKS.findall(text)), default=0)
