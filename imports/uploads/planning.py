"""Planning an upload: the request for its import, and the stored page of its plan."""

from django.utils import timezone
from msgspec.structs import replace

from flows.conf import ziggy
from flows.encryption import WrongKeyError
from imports.importing.changes import read_changes
from imports.importing.prepare import Preview
from imports.importing.request import ImportRequest
from imports.importing.service import examine_import
from imports.models import Door, PendingImport
from imports.planfile.acknowledgement import make_page_warnings
from imports.planfile.page import (
    PlanPage,
    find_differences,
    make_page,
    make_page_snapshot,
    pack_page,
    unpack_page,
)
from imports.planfile.snapshot import ItemKey
from imports.plans.decisions import read_decision_list
from imports.plans.plan import Mode
from imports.uploads.candidates import read_candidates
from imports.uploads.errors import NothingPending, UploadRefused
from imports.uploads.stored_file import unpack_file
from imports.uploads.summaries import read_summaries


def read_page(pending: PendingImport) -> PlanPage:
    """Return the page of the last plan. Raises NothingPending."""
    if not pending.plan:
        raise NothingPending
    return unpack_page(bytes(pending.plan))


def plan_first(pending: PendingImport, payload: bytes) -> None:
    """Plan the import of a file that is not stored yet; set the page of its plan, and its digest.

    The plan itself is not returned: it takes more memory than the file.
    """
    preview = examine_import(_make_request(pending, payload), record_refusal=True)
    _keep_page(pending, preview, {})
    pending.file_sha256, pending.file_size = preview.document.sha256, preview.document.size


def plan_again(pending: PendingImport, *, is_decided: bool = False) -> PlanPage:
    """Plan again, and store the page with what differs from the one before.

    With `is_decided`, the upload's options or decisions were changed, and are stored too. Raises
    NothingPending if the upload is gone meanwhile, and what `examine_import` raises.
    """
    earlier = read_page(pending)
    preview = examine_import(make_request(pending), record_refusal=True)
    differences = _find_differences(pending, preview, earlier, is_decided=is_decided)
    page = _keep_page(pending, preview, differences)
    waiting = PendingImport.objects.filter(pk=pending.pk, record=None)
    if not waiting.update(
        plan=pending.plan,
        planned_at=pending.planned_at,
        decisions=pending.decisions,
        only=pending.only,
        mode=pending.mode,
        with_backup=pending.with_backup,
        override_locks=pending.override_locks,
    ):
        raise NothingPending
    return page


def make_request(pending: PendingImport) -> ImportRequest:
    """Return the request for the upload's import, with its file.

    Raises NothingPending, and UploadRefused if the file cannot be decrypted any more.
    """
    rows = PendingImport.objects.filter(pk=pending.pk)
    # Not as `pending.content`, which would be kept beside the file for as long as the import takes.
    content = rows.values_list("content", flat=True).first()
    if not content:  # it was cancelled or applied meanwhile
        raise NothingPending
    try:
        return _make_request(pending, unpack_file(bytes(content)))
    except WrongKeyError:
        raise UploadRefused(
            "wrong-encryption-key",
            "The encryption keys of this server were changed. Cancel this upload, and upload the "
            "file again.",
        ) from None


def _make_request(pending: PendingImport, payload: bytes) -> ImportRequest:
    return ImportRequest(
        payload=payload,
        file_name=pending.file_name,
        server=ziggy.SERVER_NAME,
        mode=Mode(pending.mode),
        door=Door.ADMIN,
        user=pending.user,
        user_name=pending.user.get_username(),
        with_backup=pending.with_backup,
        override_locks=pending.override_locks,
        decisions=read_decision_list(pending.decisions),
        only=tuple(pending.only),
        idempotency_key=make_key(pending) if pending.pk else None,
    )


def make_key(pending: PendingImport) -> str:
    """Return the idempotency key of its import, so that it is applied only once."""
    return f"upload-{pending.pk}"


def _find_differences(
    pending: PendingImport, preview: Preview, earlier: PlanPage, *, is_decided: bool
) -> dict[ItemKey, str]:
    before = make_page_snapshot(earlier)
    decisions = read_decision_list(pending.decisions)
    changes = read_changes(before, preview.plan, decisions, made_at=pending.planned_at)
    return find_differences(changes, earlier, is_decided=is_decided)


def _keep_page(
    pending: PendingImport, preview: Preview, differences: dict[ItemKey, str]
) -> PlanPage:
    page = make_page(
        preview.plan,
        read_decision_list(pending.decisions),
        refusal=preview.refusal,
        differences=differences,
        summaries=read_summaries(preview.plan),
        candidates=read_candidates(preview, pending.user),
    )
    page = replace(page, unacknowledged=make_page_warnings(preview.unacknowledged))
    pending.plan = pack_page(page)
    pending.planned_at = timezone.now()
    return page
