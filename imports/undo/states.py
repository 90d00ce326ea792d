"""The states of a run's rows before and after its undo, read in batches."""

from collections.abc import Iterator, Mapping, Sequence

from flows.batches import split_batches
from flows.content.fields import Content, Kind
from flows.saves.saved_states import get_content
from flows.servers import target_server
from imports.plans.plan import UndoResult
from imports.rows.read import read_contents
from imports.rows.states import STATES_BATCH, RowStates
from imports.undo.plans.plan import UndoChange, UndoPlan
from imports.undo.read import read_saved_states


def read_undo_states(plan: UndoPlan) -> Iterator[tuple[UndoChange, RowStates | None]]:
    """Yield each change with the states of its row; None where nothing is written.

    Only rows that are written are read, in batches, and forgotten when the next batch is read.
    """
    for kind in Kind:
        for batch in split_batches(plan.changes[kind], STATES_BATCH):
            written = [change for change in batch if change.writes]
            keys = [change.key for change in written]
            with target_server(plan.server):
                states = dict(zip(keys, read_states_of(kind, written), strict=True))
            for change in batch:
                yield change, states.get(change.key)


def read_states_of(kind: Kind, changes: Sequence[UndoChange]) -> list[RowStates]:
    """Return the states of these changes' rows, in their order."""
    if not changes:
        return []
    present = dict(read_contents(kind, [c.pk for c in changes if c.pk is not None]))
    saves = [c.save for c in changes if c.save is not None]
    saved = {save: get_content(kind, state) for save, state in read_saved_states(kind, saves)}
    return [_make_states(change, present, saved) for change in changes]


def _make_states(
    change: UndoChange, present: Mapping[int, Content], saved: Mapping[int, Content]
) -> RowStates:
    before = None if change.pk is None else present.get(change.pk)
    if change.result is UndoResult.DELETE:
        return RowStates(before=before, after=None)
    after = before if change.save is None else saved.get(change.save, before)
    return RowStates(before=before, after=after)
