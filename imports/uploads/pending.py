"""Uploads that wait for a confirmation: what the admin's pages do, step by step.

    stage -> look at the plan, decide, look again -> confirm, or cancel

The file is stored with the plan that was shown, so that leaving the page loses nothing. That plan
is what is confirmed: if something else would be done now, nothing is, and the new plan is shown
with the differences. Nobody else sees a user's uploads. A kept plan has the same pages, for
whoever may see it: see imports.uploads.keeping.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from flows.conf import ziggy
from flows.content.fields import Kind
from flows.texts import make_storable
from flows.users import User
from imports.errors import NeedsAcknowledgement, StalePlan, WrongServer
from imports.expiry import drop_expired_uploads, get_oldest_kept, is_unexpired
from imports.importing.acknowledging import NEEDS_ACKNOWLEDGEMENT
from imports.importing.request import ImportRequest
from imports.models import FILE_OF_PENDING, ImportRecord, PendingImport
from imports.permissions import PLAN_IMPORT, RUN_IMPORT, check_permission
from imports.planfile.acknowledgement import group_by_code
from imports.planfile.page import PlanPage
from imports.plans.decisions import (
    Decisions,
    ItemDecision,
    convert_decisions,
    read_decision_list,
)
from imports.plans.plan import Mode
from imports.runs.idempotency import AlreadyDone
from imports.runs.run import check_encryption_keys
from imports.uploads.applying import accept_of_page, run_shown
from imports.uploads.errors import NothingKept, NothingPending, UploadRefused
from imports.uploads.keeping import check_may_delete, check_may_look, may_only_look
from imports.uploads.planning import make_first_request, make_request, plan_again, plan_first
from imports.uploads.progress import check_idle
from imports.uploads.showing import check_shown, may_decide
from imports.uploads.stored_file import pack_file
from imports.uploads.unplanned import waits_for_decision

MOST_WAITING = 10
"""The most uploads of a user that may wait at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of an import, without the decisions on single items."""

    mode: Mode
    with_backup: bool = True
    override_locks: bool = False
    prune: bool = False


def stage(user: User, *, payload: bytes, file_name: str, options: Options) -> PendingImport:
    """Store the file with its plan.

    Raises an UnableToImport, with its record, for a bad file, and what `start_upload` raises.
    """
    pending = start_upload(user, file_name=file_name, options=options)
    return plan_upload(pending, make_first_request(pending, payload))


def start_upload(user: User, *, file_name: str, options: Options) -> PendingImport:
    """Return an upload that is not stored yet.

    Raises NotPermitted, and UploadRefused if too many uploads of the user wait already.
    """
    check_permission(user, RUN_IMPORT)
    drop_expired_uploads()
    if sum(waits_for_decision(upload) for upload in list_waiting_uploads(user)) >= MOST_WAITING:
        raise UploadRefused(
            "too-many-uploads",
            f"{MOST_WAITING} of your uploads wait already. Import or cancel one of them first.",
        )
    return PendingImport(
        user=user,
        created_at=timezone.now(),
        file_name=make_storable(file_name),
        mode=options.mode,
        with_backup=options.with_backup,
        override_locks=options.override_locks,
        prune=options.prune,
    )


def plan_upload(pending: PendingImport, request: ImportRequest) -> PendingImport:
    """Plan the unpacked request of an upload that was started, and store it. Raises as `stage`."""
    plan_first(pending, request)
    check_encryption_keys()
    # Unpacked: a later plan, and the page of an item, read neither gzip nor an archive.
    pending.content = pack_file(request.payload)
    pending.save()
    return pending


def list_waiting_uploads(user: User) -> list[PendingImport]:
    """Return the user's waiting uploads, newest first, without their files."""
    waiting = PendingImport.objects.filter(
        user=user, record=None, expires_at=None, created_at__gte=get_oldest_kept()
    )
    waiting = waiting.select_related("planning").defer("content", "plan")
    return list(waiting.order_by("-created_at", "-pk"))


def find_pending(user: User, number: int, *, with_plan: bool = True) -> PendingImport:
    """Return the user's upload, or a kept plan, without its file; with a `record` if it is applied.

    Without its plan, which may be large, for who does not show it.

    Raises NotPermitted and NothingPending.
    """
    found = PendingImport.objects.filter(is_unexpired(), pk=number)
    found = found.defer("content", "answer") if with_plan else found.defer(*FILE_OF_PENDING)
    pending = found.select_related("user", "planning").first()
    if pending is not None and pending.is_kept:
        check_may_look(user, pending)
        return pending
    if pending is None and may_only_look(user):
        raise NothingKept
    check_permission(user, RUN_IMPORT)
    if pending is None or pending.user_id != user.pk:
        raise NothingPending
    return pending


def _check_may_decide(pending: PendingImport) -> None:
    if pending.is_kept:
        check_permission(pending.actor, PLAN_IMPORT)


def decide(
    pending: PendingImport,
    options: Options,
    decisions: Mapping[tuple[Kind, str], ItemDecision],
    *,
    only: Sequence[tuple[Kind, str]] | None = None,
) -> bool:
    """Plan again with these options, and with these decisions added to the earlier ones.

    An empty decision removes the earlier one. `only` has the items to import with what they use,
    and is empty for all; None leaves it as it was. Returns whether anything was decided
    differently; if not, the plan is kept. Raises NotPermitted for a kept plan and a user who may
    not plan.
    """
    _check_may_decide(pending)
    merged: Decisions = {**read_decision_list(pending.decisions), **decisions}
    kept = convert_decisions({key: one for key, one in merged.items() if one})
    words = pending.only if only is None else [f"{kind}:{uuid}" for kind, uuid in only]
    chosen = (options.mode, options.with_backup, options.override_locks, options.prune)
    if (*chosen, kept, words) == _get_decided(pending):
        return False
    check_idle(pending)
    pending.mode, pending.with_backup, pending.override_locks, pending.prune = chosen
    pending.decisions, pending.only = kept, words
    plan_again(pending, is_decided=True)
    return True


def look_again(pending: PendingImport) -> PlanPage:
    """Plan again, and return the page with what differs from the plan that was shown before."""
    _check_may_decide(pending)
    check_idle(pending)
    return plan_again(pending)


def confirm(
    pending: PendingImport, *, shown: str, server_name: str = "", accept: Collection[str] = ()
) -> ImportRecord:
    """Import exactly what was shown, given its confirmation token, and return the record.

    `accept` has the codes of the warnings that are acknowledged, as far as they were shown: raises
    NeedsAcknowledgement where that is not all of them.

    Raises UploadRefused if the page showed an earlier plan; StalePlan if something else would be
    done now, after storing the new plan; WrongServer if the server's name is required and was not
    typed; and what `run_import` raises. Then nothing was written and the upload still waits.
    """
    page = check_confirmed(pending, shown=shown, server_name=server_name, accept=accept)
    request = accept_all_shown(make_request(pending), page)
    try:
        return run_shown(pending, request, page).record
    except AlreadyDone as earlier:
        return earlier.record
    except StalePlan:
        if may_decide(pending):
            look_again(pending)
        raise


def check_confirmed(
    pending: PendingImport, *, shown: str, server_name: str, accept: Collection[str]
) -> PlanPage:
    """Return the page of what was shown. Raises what `confirm` raises before it tries."""
    page = check_shown(pending, shown)
    if ziggy.CONFIRM_SERVER_NAME and server_name != ziggy.SERVER_NAME:
        raise WrongServer(
            "wrong-server",
            f"Type the name of this server, {ziggy.SERVER_NAME}, to import into it. "
            "Nothing was written.",
        )
    _check_ticked(page, accept)
    return page


def cancel(pending: PendingImport) -> None:
    """Delete the upload or the kept plan.

    Raises UploadRefused while it is being imported, and NotPermitted for a kept plan.
    """
    if pending.is_kept:
        check_may_delete(pending)
    check_idle(pending)
    PendingImport.objects.filter(pk=pending.pk, record=None).delete()


def accept_all_shown(request: ImportRequest, page: PlanPage) -> ImportRequest:
    """Return the request with all of the page's warnings acknowledged."""
    return accept_of_page(request, page, [str(each.code) for each in page.unacknowledged])


def _check_ticked(page: PlanPage, codes: Collection[str]) -> None:
    """Check that all of the page's warnings are acknowledged.

    Raises NeedsAcknowledgement where one is not: as for the server's name, nothing was tried.
    """
    missing = [
        group.code for group in group_by_code(page.unacknowledged) if group.code not in codes
    ]
    if missing:
        raise NeedsAcknowledgement(
            NEEDS_ACKNOWLEDGEMENT,
            f"Look at the warnings that must be acknowledged, and tick them: {', '.join(missing)}. "
            "Nothing was written.",
        )


def _get_decided(pending: PendingImport) -> tuple[Any, ...]:
    return (
        *(pending.mode, pending.with_backup, pending.override_locks, pending.prune),
        *(pending.decisions, pending.only),
    )
