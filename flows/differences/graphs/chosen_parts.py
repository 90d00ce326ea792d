"""Write the nodes and edges of a flow that is new or gone: a page shows the chosen one. Pure.

They are HTML, and not a template's: there are thousands of them in a large flow, each with all its
values.
"""

from collections.abc import Iterable, Iterator
from html import escape

from flows.differences.pieces import Pieces
from flows.differences.value_differences import ValueDifference


def write_part(number: int, name: str, values: Iterable[ValueDifference]) -> str:
    """Return the element `change-NUMBER` with all values of a part, which are on one side only."""
    rows = "".join(_write_value(value) for value in values)
    table = f'<table class="value-diff"><tbody>{rows}</tbody></table>' if rows else ""
    return (
        f'<div class="difference-node" id="change-{number}"><h4>{escape(name)}</h4>'
        f'<p><a href="#pictures" data-show="{number}">Show in the picture</a></p>{table}</div>\n'
    )


def _write_value(value: ValueDifference) -> str:
    if value.lines is None:
        shown = "".join(_write_pieces(value.after if value.before is None else value.before or ()))
    else:
        shown = "\n".join("".join(_write_pieces(row.pieces)) for row in value.lines.rows)
    path = escape(value.path) or "all of it"
    return (
        f'<tr><th scope="row"><code>{path}</code></th>'
        f'<td><span class="difference-text">{shown}</span></td></tr>'
    )


def _write_pieces(pieces: Pieces | None) -> Iterator[str]:
    for piece in pieces or ():
        text = escape(piece.text)
        yield f'<span class="invisible">{text}</span>' if piece.invisible else text
