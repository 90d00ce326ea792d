"""One item of a waiting upload, with what it would change: no other item is read for it."""

from dataclasses import dataclass, replace

from flows.content.fields import Content, Kind
from flows.models import MODELS, Item
from imports.importing.one_item import examine_item
from imports.importing.request import ImportRequest
from imports.importing.service import examine_for_others, examine_import
from imports.importing.states import make_content_after
from imports.models import PendingImport
from imports.permissions import RUN_IMPORT, VIEW_RECORDS, check_permission
from imports.planfile.page import PageItem, PlanPage
from imports.plans.decisions import ItemAction, ItemDecision
from imports.plans.plan import Change, Mode, Result
from imports.records.last_state import LastState, read_last_state
from imports.rows.read import read_contents
from imports.uploads.planning import make_request, read_page


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPreview:
    """An item as it was shown, with its states before and after."""

    page: PlanPage
    """The page of the plan that the item is of."""
    item: PageItem
    before: Content | None
    """The present content of the row; None if there is no such row."""
    after: Content | None
    """The content after the import; for a skipped item, as if it were overwritten.

    None for a row that is pruned.
    """
    last: LastState | None
    """How the last import left a row that was edited since, and would be overwritten."""
    is_same_plan: bool
    """Whether what would happen now is what was shown."""


def preview_item(pending: PendingImport, kind: Kind, uuid: str) -> ItemPreview | None:
    """Return the item with this uuid; None if the file has none.

    Raises NotPermitted if the user may not see items of this kind, and what `examine_import`
    raises.
    """
    check_permission(pending.actor, f"flows.view_{kind}")
    page = read_page(pending)
    item = next((one for one in page.items if (one.kind, one.uuid) == (kind, uuid)), None)
    if item is None:
        return None
    request = make_request(pending)
    decisions = {
        (each.kind, each.uuid): ItemDecision(action=ItemAction.LEAVE_OUT)
        for each in page.items
        if each.is_left_out
    }
    if item.result is Result.SKIP:
        decision = ItemDecision(mode=Mode.OVERWRITE, target_uuid=item.decided_target)
        decisions[kind, uuid] = decision
    request = replace(request, only=(), decisions={**request.decisions, **decisions})
    right = VIEW_RECORDS if pending.is_kept else RUN_IMPORT
    change = examine_item(request, page, item, right=right)
    change = change or _find_in_whole_plan(request, item, is_kept=pending.is_kept)
    before = _read_content_of_row(change)
    return ItemPreview(
        page=page,
        item=item,
        before=before,
        after=make_content_after(change, before),
        last=_read_last_state(change) if change.result is Result.OVERWRITE and before else None,
        is_same_plan=item.is_left_out
        or (
            (change.before == item.before or item.result is Result.SKIP)
            and (change.row and change.row.uuid) == (item.row and item.row.uuid)
        ),
    )


def _find_in_whole_plan(request: ImportRequest, item: PageItem, *, is_kept: bool) -> Change:
    preview = examine_for_others(request) if is_kept else examine_import(request)
    changes = preview.plan.changes[item.kind]
    return next(one for one in changes if one.item.uuid == item.uuid)


def _read_last_state(change: Change) -> LastState | None:
    model: type[Item] = MODELS[change.item.kind]
    row = model._default_manager.filter(pk=change.row.pk).first() if change.row else None
    return read_last_state(row) if row else None


def _read_content_of_row(change: Change) -> Content | None:
    if change.row is None or change.row.is_deleted:
        return None
    return next((row for _, row in read_contents(change.item.kind, [change.row.pk])), None)
