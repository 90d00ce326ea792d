"""Compare two states of one item, as a tree that a page can show. Pure.

All rules are applied here: which fields are compared how, what is hidden and what is too long.
Secret values are never read: they are no content (see flows.content.fields).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from flows.content import canonical
from flows.content.fields import EXTRA, FIELDS, Content, Field, Kind, Shape, Value
from flows.differences.graph_difference import GraphDifference, compare_graphs
from flows.differences.lines import (
    LONGEST_TEXT,
    Budget,
    LineDiff,
    compare_lines,
    format_document,
    make_visible,
)
from flows.differences.masking import Masks

_GRAPH_COLUMNS = ("nodes", "edges")
# Columns of a connection that may contain a credential.
_MASKED = ("dev_value", "prod_value", EXTRA)
_SHORT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """A field that differs: by short texts, or line by line where they are long.

    A side is None where the field is null, or where the item does not exist.
    """

    key: str
    before: str | None = None
    after: str | None = None
    lines: LineDiff | None = None
    masked: bool = False
    """Whether a probable credential was hidden."""

    @property
    def only_space(self) -> bool:
        """Return whether only white space differs, which is hard to see."""
        sides = (self.before, self.after)
        return None not in sides and (self.before or "").split() == (self.after or "").split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All differences between two states of an item."""

    kind: Kind
    is_new: bool
    is_gone: bool
    fields: tuple[FieldDifference, ...]
    graph: GraphDifference | None
    """Of a flow whose nodes or edges differ."""

    def __bool__(self) -> bool:
        return self.is_new or self.is_gone or bool(self.fields) or self.graph is not None


def compare_contents(kind: Kind, before: Content | None, after: Content | None) -> Difference:
    """Return the differences of two contents; None before: a new item, None after: one removed."""
    old, new = before or {}, after or {}
    budget = Budget()
    return Difference(
        kind=kind,
        is_new=before is None,
        is_gone=after is None,
        fields=tuple(_compare_fields(kind, old, new, budget)),
        graph=_compare_graphs(old, new, budget) if kind is Kind.FLOW else None,
    )


def _compare_fields(
    kind: Kind, old: Content, new: Content, budget: Budget
) -> Iterator[FieldDifference]:
    masks = Masks()
    for field in (*FIELDS[kind], _EXTRA_FIELD):
        if kind is Kind.FLOW and field.column in _GRAPH_COLUMNS:
            continue
        before, after = old.get(field.column), new.get(field.column)
        if before == after:
            continue
        if kind is Kind.CONNECTION and field.column in _MASKED:
            yield _mask_field(field, (before, after), masks, budget)
        elif field.shape.is_document or _is_long(before) or _is_long(after):
            old_text, new_text = _format_long(field, before), _format_long(field, after)
            lines = compare_lines(old_text, new_text, budget)
            yield FieldDifference(key=field.key, lines=lines)
        else:
            yield FieldDifference(
                key=field.key, before=_format_short(before), after=_format_short(after)
            )


_EXTRA_FIELD = Field(key="other keys", column=EXTRA, shape=Shape.OBJECT)


def _mask_field(
    field: Field, sides: tuple[Value, Value], masks: Masks, budget: Budget
) -> FieldDifference:
    clear = [_format_long(field, value) for value in sides]
    texts = clear
    if max(map(len, clear)) <= LONGEST_TEXT:  # no value of a longer one is shown
        texts = [masks.mask_credentials(text) for text in clear]
    lines = compare_lines(texts[0], texts[1], budget)
    return FieldDifference(key=field.key, lines=lines, masked=texts != clear)


def _is_long(value: Value) -> bool:
    return isinstance(value, str) and (len(value) > _SHORT or "\n" in value)


def _format_short(value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else make_visible(str(value))


def _format_long(field: Field, value: Value) -> str:
    text = "" if value is None else str(value)
    return format_document(text) if field.shape.is_document and text else text


def _compare_graphs(old: Content, new: Content, budget: Budget) -> GraphDifference | None:
    before, after = (
        tuple(str(side.get(column) or canonical.EMPTY_LIST) for column in _GRAPH_COLUMNS)
        for side in (old, new)
    )
    if before == after:
        return None
    return compare_graphs(before if old else None, after if new else None, budget)
