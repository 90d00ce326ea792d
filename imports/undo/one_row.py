"""Show one row of an undo with what would change, for a decision on it."""

from dataclasses import dataclass

from flows.content.fields import Content, Kind
from flows.servers import target_server
from imports.undo.plans.plan import UndoChange
from imports.undo.request import UndoRequest
from imports.undo.service import examine_undo_of_row
from imports.undo.states import read_states_of


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
        [states] = read_states_of(change.kind, [change])
    return RowPreview(change=change, before=states.before, after=states.after)
