"""What was shown of a waiting file's plan, and whether it is still the plan that is kept."""

from hashlib import sha256

from flows.models import MODELS
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from imports.importing.rights import list_needed_by_options
from imports.models import PendingImport
from imports.permissions import (
    PLAN_IMPORT,
    find_lack,
    find_needed_permissions,
    has_permission,
)
from imports.planfile.page import PageItem, PlanPage
from imports.uploads.errors import UploadRefused
from imports.uploads.planning import read_page


def get_token(pending: PendingImport, page: PlanPage) -> str:
    """Return the confirmation token of what was shown."""
    keys = " ".join(sorted(warning.key for warning in page.unacknowledged))
    shown = f"{page.token} {pending.with_backup}{keys}"
    return sha256(shown.encode()).hexdigest()


def check_shown(pending: PendingImport, token: str) -> PlanPage:
    """Return the plan. Raises UploadRefused where the token is that of an earlier one."""
    page = read_page(pending)
    if token != get_token(pending, page):
        raise UploadRefused(
            "other-plan",
            "The plan was made anew since it was shown. Nothing was written. Look at it again.",
        )
    return page


def find_items_written_since(pending: PendingImport, page: PlanPage) -> list[PageItem]:
    """Return the items whose rows somebody wrote since the plan was made, in the plan's order.

    Where there are some, the plan may be out of date. Rows that it does not name are not looked at:
    what counts is checked when it is applied.
    """
    written = {
        (kind, str(uuid))
        for kind in {item.kind for item in page.items if item.row}
        for uuid in MODELS[kind]
        ._default_manager.filter(updated_at__gt=pending.planned_at)
        .values_list("uuid", flat=True)
    }
    return [item for item in page.items if item.row and (item.kind, item.row.uuid) in written]


def may_decide(pending: PendingImport) -> bool:
    """Return whether who works with it may plan it anew: an upload always, a kept plan by right."""
    return not pending.is_kept or has_permission(pending.actor, PLAN_IMPORT)


def explain_lacking_rights(pending: PendingImport, page: PlanPage) -> str:
    """Return why who looks at a kept plan may not apply it; "" where they may, and for an upload.

    An upload's own plan has that as its refusal. What counts is checked when it is applied.
    """
    if not pending.is_kept:
        return ""
    needed = {*list_needed_by_options(pending)}
    for item in page.items:
        needed |= {*find_needed_permissions(item.kind, item.result)}
        needed |= {RETARGET_CONNECTIONS} if item.retargets else set()
    lack = find_lack(pending.actor, *sorted(needed))
    return lack.message if lack else ""
