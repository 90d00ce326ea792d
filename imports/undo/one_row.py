"""Show one row of an undo with what would change, for a decision on it."""

from dataclasses import dataclass

from flows.content.fields import Content, Kind
from flows.saves.saved_states import get_content
from flows.servers import target_server
from imports.plans.plan import UndoResult
from imports.rows.read import read_contents
from imports.undo.plans.plan import UndoChange
from imports.undo.read import read_saved_states
from imports.undo.request import UndoRequest
from imports.undo.service import examine_undo_of_row


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPreview:
    """A row of the plan with its contents before and after, which exclude secret values."""

    change: UndoChange
    before: Content | None
    """The content now; None where the row is gone."""
    after: Content | None
    """The content after the undo; None where the row would be deleted."""


def preview_row(request: UndoRequest, kind: Kind, uuid: str) -> RowPreview | None:
    """Return the row as the request would leave it; None where the run did not write that row.

    Raises an UnableToImport where there is nothing to undo, or where the user may not see it.
    """
    change = examine_undo_of_row(request, (kind, uuid))
    if change is None:
        return None
    with target_server(request.server):
        before = _read_present(change)
        return RowPreview(change=change, before=before, after=_read_after(change, before))


def _read_present(change: UndoChange) -> Content | None:
    if change.pk is None:
        return None
    return next((content for _, content in read_contents(change.kind, [change.pk])), None)


def _read_after(change: UndoChange, before: Content | None) -> Content | None:
    if change.result is UndoResult.DELETE:
        return None
    if change.save is None:
        return before
    states = (state for _, state in read_saved_states(change.kind, [change.save]))
    return next((get_content(change.kind, state) for state in states), before)
