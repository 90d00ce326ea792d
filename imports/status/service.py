"""Reading the status of a file on a server. Nothing is written.

The file is planned as an overwrite; imports.status.decide decides on the states.
"""

from collections.abc import Iterator

from flows.content.fields import Kind
from flows.models import MODELS, get_blank_content
from imports.database.one_state import read_one_state
from imports.importing.document import read_document
from imports.importing.prepare import draft_plan
from imports.importing.request import ImportRequest
from imports.permissions import check_sight_of
from imports.plans.plan import Plan, Result
from imports.records.last_imports import read_last_imports
from imports.rows.read import read_last_writes
from imports.status.decide import (
    FileStatus,
    LiveRow,
    StatusInputs,
    decide_status,
    find_ambiguous_paths,
)


def read_status(request: ImportRequest, *, with_only_here: bool = True) -> FileStatus:
    """Return how the items of the request's file compare with the rows of the current database.

    The request is for an overwrite. Live rows that the file does not have are included for each
    kind of which it has items, unless `with_only_here` is False, as for a file that is a selection.
    Raises an UnableToImport for a bad file, and if the user may not see the rows.
    """
    document = read_document(request)
    kinds = [kind for kind in Kind if document.items[kind]]
    check_sight_of(request.user, *kinds)
    with read_one_state():
        plan = draft_plan(document, request)
        inputs = StatusInputs(
            last_imports={
                kind: read_last_imports(kind, _list_overwritten(plan, kind)) for kind in Kind
            },
            blank_content=get_blank_content,
            read_last_writes=read_last_writes,
            only_here={kind: list(_read_only_here(plan, kind)) for kind in kinds if with_only_here},
        )
        return decide_status(plan, inputs)


def _list_overwritten(plan: Plan, kind: Kind) -> Iterator[str]:
    for change in plan.changes[kind]:
        if change.row and change.result is Result.OVERWRITE:
            yield change.row.uuid


def _read_only_here(plan: Plan, kind: Kind) -> Iterator[LiveRow]:
    """Yield the live rows that match no item. An ambiguous name may match any row that has it."""
    ambiguous = find_ambiguous_paths(plan)
    names = {change.item.name for change in plan.changes[kind] if change.item.path in ambiguous}
    matched = {change.row.uuid for change in plan.changes[kind] if change.row}
    rows = MODELS[kind]._default_manager.filter(is_deleted=False).order_by()
    only_here = {
        pk: (str(uuid), name)
        for pk, uuid, name in rows.values_list("pk", "uuid", "name")
        if str(uuid) not in matched and name not in names
    }
    for pk, write in read_last_writes(kind, list(only_here)).items():
        uuid, name = only_here[pk]
        yield LiveRow(uuid=uuid, name=name, last_write=write)
