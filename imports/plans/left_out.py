"""Leave items out of a file's plan, as if the file did not have them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flows.content.fields import Kind
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.plans.decisions import Decisions, ItemAction
from imports.plans.matching import MatchMethod
from imports.plans.plan import Change, Result


def remove_left_out(document: ExportDocument, decisions: Decisions) -> ExportDocument:
    """Return the document without the items that are decided to be left out."""
    left_out = {
        key for key, decision in decisions.items() if decision.action is ItemAction.LEAVE_OUT
    }
    if not left_out:
        return document
    items = {
        kind: tuple(item for item in of_kind if (kind, item.uuid) not in left_out)
        for kind, of_kind in document.items.items()
    }
    return replace(document, items=items)


def add_left_out(
    document: ExportDocument, changes: Mapping[Kind, Sequence[Change]]
) -> dict[Kind, tuple[Change, ...]]:
    """Return the changes of all items of the document, in its order.

    `changes` are those of the items that are not left out.
    """
    complete: dict[Kind, tuple[Change, ...]] = {}
    for kind, items in document.items.items():
        of_kind = {change.item.position: change for change in changes[kind]}
        complete[kind] = tuple(of_kind.get(item.position) or make_left_out(item) for item in items)
    return complete


def is_left_out(item: FileItem, decisions: Decisions) -> bool:
    """Return whether the item is decided to be left out."""
    decision = decisions.get((item.kind, item.uuid))
    return decision is not None and decision.action is ItemAction.LEAVE_OUT


def make_left_out(item: FileItem) -> Change:
    """Return the change of an item that is left out."""
    return Change(
        item=item,
        result=Result.SKIP,
        method=MatchMethod.UNMATCHED,
        target_uuid=item.uuid,
        target_name=item.name,
    )
