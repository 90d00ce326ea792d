"""The states of a plan's rows before and after the import, read in batches."""

from collections.abc import Iterator

from flows.batches import split_batches
from flows.content.documents import copy_unread
from flows.content.fields import EXTRA, Content, Kind
from flows.models import get_blank_content
from flows.servers import target_server
from imports.plans.plan import Change, Plan, Result
from imports.rows.read import read_contents
from imports.rows.states import STATES_BATCH, RowStates


def read_states(plan: Plan) -> Iterator[tuple[Change, RowStates | None]]:
    """Yield each change with the states of its row; None where nothing is written.

    Only rows that are overwritten are read, in batches, and forgotten when the next batch is read.
    """
    for kind in Kind:
        for batch in split_batches(plan.changes[kind], STATES_BATCH):
            rows = [
                change.row.pk
                for change in batch
                if change.row and change.result in (Result.OVERWRITE, Result.PRUNE)
            ]
            with target_server(plan.server):
                present = dict(read_contents(kind, rows))
            for change in batch:
                before = present.get(change.row.pk) if change.row else None
                yield change, make_states(change, before) if change.writes else None


def make_states(change: Change, before: Content | None) -> RowStates:
    """Return the states of a change that writes; `before` is the row's content, if it has one."""
    after = make_content_after(change, before)
    return RowStates(before=before, after=None if after is None else copy_unread(after))


def make_content_after(change: Change, before: Content | None) -> Content | None:
    """Return the whole content that the change leaves in its row; None where it is pruned."""
    if change.result is Result.PRUNE:
        return None
    # A copy is a new row: it takes nothing from the row that it duplicates.
    if before is None or change.result is Result.DUPLICATE:
        before = get_blank_content(change.item.kind)
    if change.result is Result.AMBIGUOUS:  # nobody knows which row: shown as a new one
        return {**before, **change.item.content, EXTRA: change.item.extra}
    return {**before, **(change.content or {})}
