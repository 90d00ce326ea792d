"""The text of the difference of an item's two states, for a terminal: with every change. Pure."""

import re
from collections.abc import Iterator, Sequence

from rich.text import Text

from flows.content.fields import FIELDS, Kind, Shape
from flows.counting import format_count, format_list
from flows.differences.graphs.graph import NodeStatus
from flows.differences.graphs.graph_difference import GraphDifference, PartChange
from flows.differences.pieces import Piece, Pieces
from flows.differences.value_differences import ValueDifference
from flows.differences.values import OTHER_KEYS, Difference, FieldDifference
from imports.management.value_text import (
    ADDED,
    CHANGED,
    REMOVED,
    STEP,
    count_characters,
    format_lines,
    format_value,
    join_sides,
    make_line,
)

_SIGNS = {"added": ADDED, "removed": REMOVED}
"""By the status of a node, an edge or a value."""
_BARE_SHAPES = {Shape.BOOLEAN, Shape.INTEGER}
_NO_TEXT = re.compile(r"-?\d[\d.eE+-]*|true|false|null|\[\]|\{\}")
_ENDS_OF_EDGES = {"id", "source", "target"}
_SHORT = 72
"""The most characters of values that are written beside the name of their node or edge."""
_NAMES_SHOWN = 10


def format_difference(difference: Difference, *, whole: bool, indent: int) -> Iterator[Text]:
    """Yield the lines of a difference, field by field and node by node, with all values.

    Without `whole` these are left out: where something is that only moved, by numbers alone; the
    ids and ends of edges that came or went; and the middle of long parts that did not change.
    """
    for field in difference.fields:
        yield from _format_field(field, difference, whole=whole, indent=indent)
    if difference.graph:
        yield from _format_graph(difference.graph, whole=whole, indent=indent)


def _format_field(
    field: FieldDifference, difference: Difference, *, whole: bool, indent: int
) -> Iterator[Text]:
    if field.values:
        for value in field.values:
            path = _join_paths("" if field.key == OTHER_KEYS else field.key, value.path)
            yield from _format_value_difference(path, value, whole=whole, indent=indent)
    elif field.lines and field.lines.rows:
        sign = ADDED if field.nothing_before else REMOVED if field.nothing_after else CHANGED
        note = " (what may be a credential is hidden)" if field.masked else ""
        yield make_line(indent, sign, [Piece(text=field.key)], note)
        yield from format_lines(field.lines, whole=whole, indent=indent + STEP)
    elif field.before or field.after or not field.lines:
        yield from _format_short(field, difference, whole=whole, indent=indent)
    else:
        yield make_line(indent, CHANGED, [Piece(text=f"{field.key} (changed)")])


def _format_short(
    field: FieldDifference, difference: Difference, *, whole: bool, indent: int
) -> Iterator[Text]:
    before, after = (
        _quote(side, field.key, difference.kind) for side in (field.before, field.after)
    )
    note = " (only white space differs)" if field.only_space else ""
    yield from format_value(
        field.key,
        None if difference.is_new else before,
        None if difference.is_gone else after,
        whole=whole,
        indent=indent,
        note=note,
    )


def _quote(pieces: Pieces | None, key: str, kind: Kind) -> Pieces:
    if pieces is None:
        return (Piece(text="null"),)
    if any(field.key == key and field.shape in _BARE_SHAPES for field in FIELDS[kind]):
        return pieces
    return (Piece(text='"'), *pieces, Piece(text='"'))


def _join_paths(key: str, path: str) -> str:
    return f"{key}{'' if not path or not key or path.startswith('[') else '.'}{path}"


def _format_value_difference(
    path: str, value: ValueDifference, *, whole: bool, indent: int
) -> Iterator[Text]:
    if value.lines is None:
        yield from format_value(path, value.before, value.after, whole=whole, indent=indent)
        return
    yield make_line(indent, _SIGNS.get(value.status, CHANGED), [Piece(text=path)])
    yield from format_lines(value.lines, whole=whole, indent=indent + STEP)


def _format_graph(graph: GraphDifference, *, whole: bool, indent: int) -> Iterator[Text]:
    if graph.only_order:
        yield make_line(indent, CHANGED, [Piece(text="nodes, edges: only their order differs")])
        return
    moved = [part for part in graph.layout if whole or not _has_only_numbers(part)]
    for part in (*graph.changes, *moved):
        yield from _format_part(part, whole=whole, indent=indent)
    if folded := [part for part in graph.layout if part not in moved]:
        yield make_line(indent, CHANGED, [Piece(text=_format_moved(folded))])


def _format_part(part: PartChange, *, whole: bool, indent: int) -> Iterator[Text]:
    sign = _SIGNS.get(part.status, CHANGED)
    heading = [Piece(text=_format_heading(part))]
    if whole and "".join(piece.text for piece in part.key) != part.label:
        heading += [Piece(text=" ["), *part.key, Piece(text="]")]
    values = [value for value in part.values if whole or not _is_end_of_edge(part, value)]
    if beside := _write_beside(values, sign):
        yield make_line(indent, sign, [*heading, Piece(text=": "), *beside])
        return
    yield make_line(indent, sign, heading)
    for value in values:
        yield from _format_value_difference(value.path, value, whole=whole, indent=indent + STEP)


def _format_heading(part: PartChange) -> str:
    what = f"moved {part.part}" if part.status is NodeStatus.MOVED else part.part
    return f'{what} "{part.label}"{f" ({part.type})" if part.type else ""}'


def _write_beside(values: Sequence[ValueDifference], sign: str) -> Sequence[Piece]:
    """Return the values on one line; nothing where they are too long for that."""
    pieces: list[Piece] = []
    for value in values:
        if value.lines:
            return ()
        own_sign = _SIGNS.get(value.status, CHANGED)
        prefix = f"{', ' if pieces else ''}{'' if own_sign == sign else f'{own_sign} '}"
        pieces += [Piece(text=prefix), *join_sides(value.path, value.before, value.after)]
    return pieces if count_characters(pieces) <= _SHORT else ()


def _is_end_of_edge(part: PartChange, value: ValueDifference) -> bool:
    return part.part == "edge" and value.status == part.status and value.path in _ENDS_OF_EDGES


def _has_only_numbers(part: PartChange) -> bool:
    """Return whether no text differs: a place, a size, or whether it is selected."""
    return all(
        side is None or _NO_TEXT.fullmatch("".join(piece.text for piece in side))
        for value in part.values
        for side in (value.before, value.after)
    ) and not any(value.lines for value in part.values)


def _format_moved(parts: Sequence[PartChange]) -> str:
    names = [f'"{part.label}"' for part in parts[:_NAMES_SHOWN]]
    nodes = sum(part.part == "node" for part in parts)
    counts = [
        format_count(count, noun)
        for count, noun in ((nodes, "node"), (len(parts) - nodes, "edge"))
        if count
    ]
    listed = format_list(names, more=len(parts) - len(names))
    return f"{' and '.join(counts)} only moved: {listed}"
