"""Plan one item of a file whose plan was made before: read only its slice and the rows it needs."""

from flows.conf import ziggy
from flows.content.fields import Kind
from flows.garbage import pause_garbage_collection
from flows.servers import target_server
from imports.exportfile.document import parse_item
from imports.importing.record import make_record
from imports.importing.request import ImportRequest
from imports.permissions import RUN_IMPORT, check_permission, find_visible_kinds
from imports.planfile.outline import find_position, make_outline
from imports.planfile.page import PageItem, PlanPage
from imports.plans.one_item import ItemInputs, plan_item
from imports.plans.plan import Change
from imports.rows.read import read_contents, read_live_names, read_rows
from imports.runs.run import check_server, record_run


def examine_item(
    request: ImportRequest, page: PlanPage, item: PageItem, *, right: str = RUN_IMPORT
) -> Change | None:
    """Return the item's change as in the plan of the request, but for drift and warnings.

    `page` is of an earlier plan of the same file, which has `item`. None where only the whole plan
    says what becomes of the item: for a row that is pruned; for a user who may not see rows of
    every kind, who may be refused for what the plan describes of others; and as `plan_item` does.
    Writes nothing. Raises what `examine_import` raises for the server and the file as a whole, and
    NotPermitted for a user without the `right`.
    """
    with (
        target_server(request.server),
        record_run(make_record(request, sha256=""), keep=False),
    ):
        check_server(request.server)
        check_permission(request.user, right)
        if item.is_pruned or len(find_visible_kinds(request.user)) < len(Kind):
            return None
        read = parse_item(
            request.payload,
            item.kind,
            find_position(page, item),
            max_bytes=ziggy.MAX_IMPORT_BYTES,
        )
        if read is None or (read.uuid, read.name) != (item.uuid, item.name):
            return None
        inputs = ItemInputs(
            read_rows=read_rows, read_live_names=read_live_names, read_contents=read_contents
        )
        with pause_garbage_collection():
            outline = make_outline(page, read)
            return plan_item(read, outline, inputs, mode=request.mode, decisions=request.decisions)
