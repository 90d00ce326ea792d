"""Uploads that wait for somebody's yes: what the admin page does, step by step.

    stage -> look at the plan, decide, look again -> confirm, or cancel

The file waits in the database with the plan that was shown, so that leaving the page loses
nothing. What is confirmed is that plan: where another one would be carried out now, nothing is,
and the new plan is shown with what is different. An upload is its user's own.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from accounts.models import User
from flows.content.fields import Kind
from flows.encryption import WrongKeyError, decrypt_bytes, encrypt_bytes
from imports.database.lock import is_lock_held
from imports.errors import StalePlan, UnableToImport, WrongServer, storable
from imports.expiry import drop_expired_uploads, oldest_kept
from imports.importing.request import ImportRequest
from imports.importing.service import Preview, examine_import, run_import
from imports.models import Door, ImportRecord, PendingImport, Status
from imports.permissions import RUN_IMPORT, check_permission
from imports.planfile.shown import ShownPlan, pack_plan, show, unpack_plan
from imports.plans.decisions import (
    Decision,
    Decisions,
    decisions_as_list,
    decisions_from_list,
)
from imports.plans.plan import Mode
from imports.runs.idempotency import AlreadyDone
from imports.runs.run import check_encryption_keys

MOST_WAITING = 10
"""So many uploads of a user may wait at a time."""

_FASTEST = 1
_PROGRESS_SECONDS = 3600


class NothingPending(UnableToImport):
    """The user has no such upload: it was cancelled, or is more than a day old."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(
            "nothing-pending",
            "This upload is not there any more: it was imported or cancelled, or is more than a "
            "day old. See the records, or upload the file again.",
        )


class UploadRefused(UnableToImport):
    """The upload cannot be done this with now."""

    status = HTTPStatus.CONFLICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an import is asked to do, but for single items."""

    mode: Mode
    with_backup: bool = True
    override_locks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the import of an upload is."""

    is_running: bool
    record: int | None = None
    """Of the import, when it is done."""
    phase: str = ""
    done: int = 0
    total: int = 0
    """Items to write; 0 where that is not known."""


def stage(user: User, *, payload: bytes, file_name: str, options: Options) -> PendingImport:
    """Keep the file with its plan.

    Raises an UnableToImport, with its record, for a bad file, and UploadRefused where too many
    uploads of the user wait already.
    """
    check_permission(user, RUN_IMPORT)
    drop_expired_uploads()
    if len(waiting_uploads(user)) >= MOST_WAITING:
        raise UploadRefused(
            "too-many-uploads",
            f"{MOST_WAITING} of your uploads wait already. Import or cancel one of them first.",
        )
    pending = PendingImport(
        user=user,
        created_at=timezone.now(),
        file_name=storable(file_name),
        file_size=len(payload),
        mode=options.mode,
        with_backup=options.with_backup,
        override_locks=options.override_locks,
    )
    preview = examine_import(_request(pending, payload), record_refusal=True)
    pending.file_sha256 = preview.document.sha256
    check_encryption_keys()
    pending.content = encrypt_bytes(zlib.compress(payload, _FASTEST))
    _keep_plan(pending, preview)
    pending.save()
    return pending


def waiting_uploads(user: User) -> list[PendingImport]:
    """The user's uploads that wait, newest first, without their files."""
    waiting = PendingImport.objects.filter(user=user, record=None, created_at__gte=oldest_kept())
    return list(waiting.defer("content", "plan").order_by("-created_at", "-pk"))


def find_pending(user: User, number: int) -> PendingImport:
    """The user's upload, without its file; its `record` where it is applied.

    Raises NotPermitted and NothingPending.
    """
    check_permission(user, RUN_IMPORT)
    pending = (
        PendingImport.objects.filter(user=user, pk=number, created_at__gte=oldest_kept())
        .select_related("user")
        .defer("content")
        .first()
    )
    if pending is None:
        raise NothingPending
    return pending


def shown_plan(pending: PendingImport) -> ShownPlan:
    """The plan that was made last. Raises NothingPending."""
    if not pending.plan:
        raise NothingPending
    return unpack_plan(bytes(pending.plan))


def decide(
    pending: PendingImport, options: Options, decisions: Mapping[tuple[Kind, str], Decision]
) -> bool:
    """Plan again with these options, and with these decisions beside those of before.

    A decision for nothing takes back the one that there was. Answers whether anything was decided
    otherwise than before: where not, the plan is the one that there was.
    """
    merged: Decisions = {**decisions_from_list(pending.decisions), **decisions}
    kept = decisions_as_list(
        {key: one for key, one in merged.items() if one.mode or one.target_uuid}
    )
    decided = (options.mode, options.with_backup, options.override_locks, kept)
    if decided == _decided(pending):
        return False
    _check_idle(pending)
    pending.mode, pending.with_backup, pending.override_locks, pending.decisions = decided
    _plan_again(pending, is_decided=True)
    return True


def look_again(pending: PendingImport) -> ShownPlan:
    """Plan again, with what is different from the plan that was shown before."""
    _check_idle(pending)
    return _plan_again(pending)


def token_of(pending: PendingImport, plan: ShownPlan) -> str:
    """Stands for what was shown: another one, where anything else would be done."""
    shown = f"{plan.fingerprint} {pending.with_backup}"
    return sha256(shown.encode()).hexdigest()


def confirm(pending: PendingImport, *, shown: str, server_name: str = "") -> ImportRecord:
    """Do exactly what was shown, by its token; the record of the import.

    Raises StalePlan, with the new plan in the place of the old one, where something else would
    be done now, WrongServer where the server's name had to be typed and was not, and whatever
    else `run_import` raises. Whatever is raised, nothing was written and the file still waits.
    """
    plan = shown_plan(pending)
    if shown != token_of(pending, plan):
        raise UploadRefused(
            "other-plan",
            "The plan was made anew since it was shown on that page. Nothing was written. "
            "Look at it again.",
        )
    if settings.ZIGGY_CONFIRM_SERVER_NAME and server_name != settings.ZIGGY_SERVER_NAME:
        raise WrongServer(
            "wrong-server",
            f"Type the name of this server, {settings.ZIGGY_SERVER_NAME}, to import into it. "
            "Nothing was written.",
        )
    request = request_of(pending)
    try:
        record = run_import(
            request,
            fingerprint=plan.fingerprint,
            progress=lambda done, total: cache.set(
                _progress_key(pending), (done, total), _PROGRESS_SECONDS
            ),
        ).record
    except AlreadyDone as earlier:
        record = earlier.record
    except StalePlan:
        look_again(pending)
        raise
    # Not `save`, which would bring back a row that is gone meanwhile.
    PendingImport.objects.filter(pk=pending.pk).update(record=record, content=None, plan=None)
    return record


def cancel(pending: PendingImport) -> None:
    """Forget the upload. Raises UploadRefused while it is being imported."""
    _check_idle(pending)
    PendingImport.objects.filter(pk=pending.pk, record=None).delete()


def progress_of(pending: PendingImport) -> Progress:
    """How far the import of the upload is."""
    if pending.record_id:
        return Progress(is_running=False, record=pending.record_id)
    running = ImportRecord.objects.filter(
        status=Status.RUNNING, user=pending.user, idempotency_key=_key(pending)
    ).first()
    if running is None or not is_lock_held():  # without the lock, its process died
        return Progress(is_running=False)
    if running.with_backup and not running.backup_path:
        return Progress(is_running=True, phase="Planning again and backing the database up")
    done, total = cache.get(_progress_key(pending), (0, 0))
    # All is written, but what is recorded with it is not: then the transaction ends.
    phase = "Writing" if done < total or not total else "Recording what was written"
    return Progress(is_running=True, phase=phase, done=done, total=total)


def _decided(pending: PendingImport) -> tuple[Any, ...]:
    return (pending.mode, pending.with_backup, pending.override_locks, pending.decisions)


def _check_idle(pending: PendingImport) -> None:
    if progress_of(pending).is_running:
        raise UploadRefused(
            "import-running", "This upload is being imported. Its record will say how it ended."
        )


def _plan_again(pending: PendingImport, *, is_decided: bool = False) -> ShownPlan:
    earlier = shown_plan(pending)
    preview = examine_import(request_of(pending), record_refusal=True)
    plan = _keep_plan(pending, preview, earlier, is_decided=is_decided)
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
    return plan


def _keep_plan(
    pending: PendingImport,
    preview: Preview,
    earlier: ShownPlan | None = None,
    *,
    is_decided: bool = False,
) -> ShownPlan:
    plan = show(
        preview.plan,
        decisions_from_list(pending.decisions),
        refusal=preview.refusal,
        earlier=earlier,
        is_decided=is_decided,
    )
    pending.plan = pack_plan(plan)
    pending.planned_at = timezone.now()
    return plan


def request_of(pending: PendingImport) -> ImportRequest:
    """The import that the upload asks for, with its file. Raises NothingPending."""
    try:
        content = pending.content
        if not content:  # applied in the meantime
            raise NothingPending
        return _request(pending, zlib.decompress(decrypt_bytes(bytes(content))))
    except PendingImport.DoesNotExist:
        raise NothingPending from None
    except WrongKeyError:
        raise UploadRefused(
            "wrong-encryption-key",
            "The encryption keys of this server were changed. Cancel this upload, and upload the "
            "file again.",
        ) from None


def _request(pending: PendingImport, payload: bytes) -> ImportRequest:
    return ImportRequest(
        payload=payload,
        file_name=pending.file_name,
        server=settings.ZIGGY_SERVER_NAME,
        mode=Mode(pending.mode),
        door=Door.ADMIN,
        user=pending.user,
        user_name=pending.user.get_username(),
        with_backup=pending.with_backup,
        override_locks=pending.override_locks,
        decisions=decisions_from_list(pending.decisions),
        idempotency_key=_key(pending) if pending.pk else None,
    )


def _key(pending: PendingImport) -> str:
    # Whatever becomes of the answer, the upload is applied once.
    return f"upload-{pending.pk}"


def _progress_key(pending: PendingImport) -> str:
    return f"imports.progress.{pending.pk}"
