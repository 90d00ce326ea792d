"""Planning an upload: the request for its import, and the stored page of its plan."""

import zlib

from django.utils import timezone

from flows.conf import ziggy
from flows.encryption import WrongKeyError, decrypt_bytes
from imports.importing.changes import read_changes
from imports.importing.prepare import Preview
from imports.importing.request import ImportRequest
from imports.importing.service import examine_import
from imports.models import Door, PendingImport
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
from imports.uploads.errors import NothingPending, UploadRefused


def read_page(pending: PendingImport) -> PlanPage:
    """Return the page of the last plan. Raises NothingPending."""
    if not pending.plan:
        raise NothingPending
    return unpack_page(bytes(pending.plan))


def plan_first(pending: PendingImport, payload: bytes) -> Preview:
    """Plan the import of a file that is not stored yet, and set the page of its plan."""
    preview = examine_import(_make_request(pending, payload), record_refusal=True)
    _keep_page(pending, preview, {})
    return preview


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
    try:
        content = pending.content
        if not content:  # it was applied meanwhile
            raise NothingPending
        # In one piece, where the file was not in gzip: put together, it would take twice its size.
        payload = zlib.decompress(
            decrypt_bytes(bytes(content)), bufsize=max(pending.file_size, zlib.DEF_BUF_SIZE)
        )
        return _make_request(pending, payload)
    except PendingImport.DoesNotExist:
        raise NothingPending from None
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
    )
    pending.plan = pack_page(page)
    pending.planned_at = timezone.now()
    return page
