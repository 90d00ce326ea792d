"""What is shown of one item of a plan beside its change: its two states compared. Pure."""

from dataclasses import dataclass

from flows.change_summary import summarize_change, summarize_fields, summarize_new
from flows.content import canonical
from flows.content.fields import Content, Kind
from flows.counting import format_count
from flows.differences.graphs.graph import Graph, read_graph
from flows.differences.values import Difference, compare_contents
from imports.plans.plan import Change, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """An item with what changes in it, for its part of the text."""

    change: Change
    difference: Difference | None = None
    """None where it cannot be told."""
    before: Graph | None = None
    """The graph of a flow that exists already, where it differs."""
    after: Graph | None = None
    """The graph of a flow after the import, where it differs or is new."""
    inside: tuple[str, ...] = ()
    """What differs in its graph or its hosts, in words."""
    problem: str = ""
    """Why the difference cannot be told."""


def compare_item(change: Change, before: Content | None, after: Content) -> ShownItem:
    """Return the item with the differences of its row's states; `before` is None for a new row.

    Raises what reading a stored document raises.
    """
    kind = change.item.kind
    difference = compare_contents(kind, before, after, draws=False)
    has_graph = difference.graph is not None
    new = _read_graph(after) if has_graph else None
    inside = summarize_change(kind, before, after) if before else _summarize_new(kind, after, new)
    return ShownItem(
        change=change,
        difference=difference,
        before=_read_graph(before) if before and has_graph else None,
        after=new,
        inside=inside,
    )


def summarize_fields_of(item: ShownItem) -> tuple[str, ...]:
    """Return the words for the fields of an overwritten item that its graph does not tell."""
    if item.change.result is not Result.OVERWRITE:
        return ()
    return summarize_fields(item.change.fields, item.inside)[len(item.inside) :]


def summarize_unread(change: Change) -> ShownItem:
    """Return the item with what is known of it without reading its row."""
    is_new = change.result is not Result.OVERWRITE and change.content is not None
    inside = summarize_new(change.item.kind, change.content or {}) if is_new else ()
    return ShownItem(change=change, inside=inside)


def _summarize_new(kind: Kind, content: Content, graph: Graph | None) -> tuple[str, ...]:
    if kind is Kind.FLOW:
        return (format_count(len(graph.nodes) if graph else 0, "node"),)
    return summarize_new(kind, content)


def _read_graph(content: Content) -> Graph:
    nodes, edges = (
        str(content.get(column) or canonical.EMPTY_LIST) for column in ("nodes", "edges")
    )
    return read_graph(nodes, edges)
