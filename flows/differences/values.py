"""Compare two states of one item, as a tree that a page can show. Pure.

All rules are applied here: which fields are compared how, what is hidden and what is too long.
Secret values are never read: they are no content (see flows.content.fields).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flows.content import canonical
from flows.content.fields import EXTRA, FIELDS, Content, Field, Kind, Shape, Value
from flows.differences.graphs.graph_difference import GraphDifference, compare_graphs
from flows.differences.lines import LineDiff, compare_lines, format_document
from flows.differences.masking import Masks
from flows.differences.matching import Budget
from flows.differences.pieces import Pieces, make_pieces, mark_words
from flows.differences.value_differences import ValueDifference, compare_values, find_values

_GRAPH_COLUMNS = ("nodes", "edges")
# Columns of a connection that may contain a credential.
_MASKED = ("dev_value", "prod_value", EXTRA)
_SHORT = 80
OTHER_KEYS = "other keys"
"""The key of the difference of an item's unknown keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """A field that differs: by short texts, by the lines of long ones, or by a document's values.

    A side is None where the field is null, or where the item does not exist.
    """

    key: str
    before: Pieces | None = None
    after: Pieces | None = None
    lines: LineDiff | None = None
    values: tuple[ValueDifference, ...] = ()
    masked: bool = False
    """Whether a probable credential was hidden."""
    nothing_before: bool = False
    """Whether `lines` are compared with none, and not with an empty text."""
    nothing_after: bool = False
    only_space: bool = False
    """Whether only white space differs, which is hard to see."""
    is_lost: bool = False
    """Whether a change that was made here since the last import would be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All differences between two states of an item."""

    kind: Kind
    is_new: bool
    is_gone: bool
    fields: tuple[FieldDifference, ...]
    graph: GraphDifference | None
    """Of a flow whose nodes or edges differ."""
    here: "Difference | None" = None
    """What was changed here since the last import, where that is asked for."""

    @property
    def losses(self) -> int:
        """Return how many fields, nodes and edges lose a change that was made here."""
        parts = self.graph.changes if self.graph else ()
        return sum(each.is_lost for each in self.fields) + sum(each.is_lost for each in parts)

    def __bool__(self) -> bool:
        return self.is_new or self.is_gone or bool(self.fields) or self.graph is not None


def compare_contents(
    kind: Kind,
    before: Content | None,
    after: Content | None,
    *,
    last: Content | None = None,
    draws: bool = True,
) -> Difference:
    """Return the differences of two contents; None before: a new item, None after: one removed.

    `last` is how the last import left what is `before` now: changes that were made since, and that
    are no more in `after`, are marked as lost. Without `draws` the pictures of a flow are left out.
    """
    old, new = before or {}, after or {}
    budget = Budget()
    here = compare_contents(kind, last, before) if last and before and after else None
    changed_here = {field.key for field in here.fields} if here else set()
    fields = _compare_fields(kind, old, new, budget)
    return Difference(
        kind=kind,
        is_new=before is None,
        is_gone=after is None,
        fields=tuple(replace(each, is_lost=each.key in changed_here) for each in fields),
        graph=_compare_graphs(old, new, last if here else None, budget, draws=draws)
        if kind is Kind.FLOW
        else None,
        here=here or None,
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
        elif field.shape.is_document:
            values = tuple(_compare_documents(before, after, budget))
            yield FieldDifference(key=field.key, values=values)
        elif _is_long(before) or _is_long(after):
            lines = compare_lines(str(before or ""), str(after or ""), budget)
            yield FieldDifference(
                key=field.key,
                lines=lines,
                nothing_before=before is None,
                nothing_after=after is None,
            )
        else:
            yield _compare_short(field, (before, after), budget)


_EXTRA_FIELD = Field(key=OTHER_KEYS, column=EXTRA, shape=Shape.OBJECT)


def _mask_field(
    field: Field, sides: tuple[Value, Value], masks: Masks, budget: Budget
) -> FieldDifference:
    clear = [_format_long(field, value) for value in sides]
    texts = [masks.mask_credentials(text) for text in clear]
    lines = compare_lines(texts[0], texts[1], budget)
    return FieldDifference(
        key=field.key,
        lines=lines,
        masked=texts != clear,
        nothing_before=sides[0] is None,
        nothing_after=sides[1] is None,
    )


def _compare_documents(before: Value, after: Value, budget: Budget) -> list[ValueDifference]:
    if before and after:
        return compare_values(canonical.decode(str(before)), canonical.decode(str(after)), budget)
    document = canonical.decode(str(before or after))
    return find_values(document, budget, is_new=not before)


def _compare_short(field: Field, sides: tuple[Value, Value], budget: Budget) -> FieldDifference:
    before, after = (_format_short(side) for side in sides)
    if before is None or after is None:
        old, new = (None if side is None else make_pieces(side) for side in (before, after))
        return FieldDifference(key=field.key, before=old, after=new)
    old, new = mark_words(before, after, budget)
    only_space = before.split() == after.split()
    return FieldDifference(key=field.key, before=old, after=new, only_space=only_space)


def _is_long(value: Value) -> bool:
    return isinstance(value, str) and (len(value) > _SHORT or "\n" in value)


def _format_short(value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _format_long(field: Field, value: Value) -> str:
    text = "" if value is None else str(value)
    return format_document(text) if field.shape.is_document and text else text


def _compare_graphs(
    old: Content, new: Content, last: Content | None, budget: Budget, *, draws: bool
) -> GraphDifference | None:
    before, after = _get_graph(old), _get_graph(new)
    if before == after:
        return None
    return compare_graphs(
        before if old else None,
        after if new else None,
        budget,
        last=_get_graph(last) if last else None,
        draws=draws,
    )


def _get_graph(content: Content) -> tuple[str, ...]:
    return tuple(str(content.get(column) or canonical.EMPTY_LIST) for column in _GRAPH_COLUMNS)
