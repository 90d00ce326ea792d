"""The Markdown of an import's plan: the rows that it shows are read in batches."""

from collections.abc import Iterator, Sequence

from flows.batches import split_batches
from flows.content.fields import Kind
from flows.documents.packing import DamagedDocumentError
from flows.servers import target_server
from imports.importing.prepare import Preview
from imports.importing.states import make_states
from imports.planfile.markdown.plan_page import format_plan_markdown
from imports.planfile.markdown.shown_item import ShownItem, compare_item
from imports.plans.plan import Change, Result
from imports.rows.read import read_contents
from imports.rows.states import STATES_BATCH, RowStates, separate_documents


def make_plan_markdown(preview: Preview, *, source: str, whole: str = "") -> str:
    """Return the plan of a preview as Markdown, with its refusal if it has one.

    See format_plan_markdown for `source` and `whole`. Reads the rows that are overwritten, on the
    plan's server, as they are now.
    """
    plan = preview.plan

    def read_items(changes: Sequence[Change]) -> Iterator[ShownItem]:
        return _read_items(changes, plan.server)

    return format_plan_markdown(
        plan,
        source=source,
        read_items=read_items,
        unacknowledged=preview.unacknowledged,
        refusal=preview.refusal,
        whole=whole,
    )


def _read_items(changes: Sequence[Change], server: str) -> Iterator[ShownItem]:
    for batch in split_batches(changes, STATES_BATCH):
        with target_server(server):
            present = {
                (kind, pk): content
                for kind in Kind
                for pk, content in read_contents(kind, _find_overwritten(kind, batch))
            }
        for change in batch:
            row = change.row
            before = present.get((change.item.kind, row.pk)) if row else None
            yield _compare(change, make_states(change, before))


def _find_overwritten(kind: Kind, changes: Sequence[Change]) -> list[int]:
    return [
        change.row.pk
        for change in changes
        if change.row and change.item.kind is kind and change.result is Result.OVERWRITE
    ]


def _compare(change: Change, states: RowStates) -> ShownItem:
    after = states.after or {}
    try:
        return compare_item(change, states.before, after)
    except DamagedDocumentError:  # it may be that of another row
        separate_documents(states.before, after)
    try:
        return compare_item(change, states.before, after)
    except DamagedDocumentError as error:
        return ShownItem(change=change, problem=str(error))
