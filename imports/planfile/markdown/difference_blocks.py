"""The blocks of a difference: its fields, its nodes one by one, its edges, and what moved. Pure."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from flows.content.fields import Kind
from flows.counting import format_count
from flows.differences.graphs.graph import NodeStatus
from flows.differences.graphs.graph_difference import GraphDifference, PartChange
from flows.differences.graphs.graph_parts import WORDS
from flows.differences.lines import LineDiff, RowKind, format_line_numbers
from flows.differences.pieces import Piece, Pieces
from flows.differences.shortening import shorten_same
from flows.differences.value_differences import ValueDifference
from flows.differences.values import OTHER_KEYS, Difference, FieldDifference
from imports.planfile.markdown.blocks import MarkdownBlock
from imports.planfile.markdown.escaping import write_code

_SHORT = 72
"""The most characters of two values that are written on one line."""
_LONGEST_LINE = 600
_NULL = (Piece(text="null"),)
_EMPTY = '""'
_SIGNS = {"added": "+", "removed": "-"}
_ROW_SIGNS = {RowKind.ADDED: "+", RowKind.REMOVED: "-", RowKind.SAME: " "}
_HIDDEN = " (what may be a credential is hidden)"


def make_blocks(difference: Difference) -> Iterator[MarkdownBlock]:
    """Yield the blocks of all that differs, but for the values of what is new or gone as a whole.

    Of a new flow only what is not in its picture, such as its timeout, would be left: no block.
    """
    if difference.kind is Kind.FLOW and (difference.is_new or difference.is_gone):
        return
    lines = [
        line
        for field in difference.fields
        if not (difference.is_new and _says_nothing(field))
        for line in _write_field(field, difference)
    ]
    if lines:
        yield _make_diff("", lines)
    if difference.graph:
        yield from _make_graph_blocks(difference.graph)


def _make_diff(head: str, lines: Iterable[str]) -> MarkdownBlock:
    return MarkdownBlock(head=head, language="diff", lines=tuple(lines))


def _make_graph_blocks(graph: GraphDifference) -> Iterator[MarkdownBlock]:
    if graph.only_order:
        yield MarkdownBlock(head="Only the order of nodes or edges differs.")
        return
    edges: list[str] = []
    for part in graph.changes:
        if part.part == "edge":
            edges += _write_edge(part)
        else:
            yield _make_node_block(part)
    if edges:
        yield _make_diff("**edges**", edges)
    if graph.has_layout:
        yield MarkdownBlock(head=_count_moved(graph))


def _make_node_block(part: PartChange) -> MarkdownBlock:
    kind = f" ({write_code(part.type)})" if part.type else ""
    head = f"**{WORDS[part.status]}** node {write_code(part.label)}{kind}"
    if part.status is NodeStatus.REMOVED:
        return MarkdownBlock(head=head)
    values = (value for value in part.values if not value.is_layout and not _is_id(value, part))
    return _make_diff(head, (line for value in values for line in _write_value("", value)))


def _is_id(value: ValueDifference, part: PartChange) -> bool:
    return part.status is NodeStatus.ADDED and (
        value.steps[:1] in {("id",), ("type",)} or value.path.startswith("position.")
    )


def _write_edge(part: PartChange) -> Iterator[str]:
    if sign := _SIGNS.get(part.status):
        yield f"{sign} {part.label}"
        return
    yield f"@@ {part.label} @@"
    for value in part.values:
        yield from _write_value("", value)


def _count_moved(graph: GraphDifference) -> str:
    moved = next(each for each in graph.counts if each.status is NodeStatus.MOVED)
    counted = [
        format_count(count, noun)
        for count, noun in ((moved.nodes, "node"), (moved.edges, "edge"))
        if count
    ]
    return f"{' and '.join(counted)} moved"


def _write_field(field: FieldDifference, difference: Difference) -> Iterator[str]:
    if field.values:
        for value in field.values:
            yield from _write_value("" if field.key == OTHER_KEYS else field.key, value)
    elif field.lines and field.lines.rows:
        note = _HIDDEN if field.masked else ""
        yield from _write_lines(f"{field.key}{note}", field.lines)
    elif field.before or field.after or not field.lines:
        note = " (only white space differs)" if field.only_space else ""
        before = None if difference.is_new else _get_shown(field.before)
        after = None if difference.is_gone else _get_shown(field.after)
        yield from _write_sides(field.key, before, after, note)
    else:
        yield f"! {field.key} (changed)"


def _says_nothing(field: FieldDifference) -> bool:
    """Return whether a new item's field is empty: a text, or the object of its other keys."""
    if field.lines is None:
        return False
    shown = "".join(piece.text for row in field.lines.rows for piece in row.pieces)
    return shown in ("", "{}")


def _get_shown(side: Pieces | None) -> Pieces:
    return _NULL if side is None else side


def _write_value(key: str, value: ValueDifference) -> Iterator[str]:
    path = f"{key}{'' if not value.path or not key or value.path[0] == '[' else '.'}{value.path}"
    if value.lines is None:
        yield from _write_sides(path, value.before, value.after)
    else:
        yield from _write_lines(path, value.lines)


def _write_sides(
    path: str, before: Pieces | None, after: Pieces | None, note: str = ""
) -> Iterator[str]:
    """Yield a value before and after; a side is None where there is none."""
    if before is None or after is None:
        sign, side = ("+", after) if before is None else ("-", before)
        yield f"{sign} {path}: {_join(side or ()) or _EMPTY}"
        return
    old, new = (_join(side) or _EMPTY for side in (before, after))
    if len(old) + len(new) <= _SHORT:
        yield f"! {path}: {old} -> {new}{note}"
    else:
        yield from (f"@@ {path}{note} @@", f"-{old}", f"+{new}")


def _write_lines(path: str, lines: LineDiff) -> Iterator[str]:
    """Yield the lines that differ and three around them, as a unified diff has them."""
    for is_fold, rows in groupby(lines.rows, key=lambda row: row.kind is RowKind.FOLD):
        if is_fold:
            continue
        hunk = list(rows)
        yield f"{format_line_numbers(hunk)} {path}"
        for row in hunk:
            text = _join(row.pieces, is_same=row.kind is RowKind.SAME)
            yield f"{_ROW_SIGNS[row.kind]}{text}"


def _join(pieces: Pieces, *, is_same: bool = False) -> str:
    """Return the text of the pieces; of a very long one the beginning, and how much more."""
    text = "".join(piece.text for piece in shorten_same(pieces, is_same=is_same))
    more = len(text) - _LONGEST_LINE
    return text if more <= 0 else f"{text[:_LONGEST_LINE]}[... {more} more characters ...]"
