"""Uploads that wait for somebody's yes: what the admin page does, step by step.

    stage -> look at the plan, decide, look again -> confirm, or cancel

The file waits in the database with the plan that was shown, so that leaving the page loses
nothing. What is confirmed is that plan: where another one would be carried out now, nothing is,
and the new plan is shown with what is different. An upload is its user's own.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from accounts.models import User
from flows.content import Kind
from imports.decisions import (
    Decision,
    Decisions,
    decisions_as_list,
    decisions_from_list,
)
from imports.errors import StalePlan, UnableToImport, WrongServer, storable
from imports.idempotency import AlreadyDone
from imports.models import Door, ImportRecord, PendingImport, Status
from imports.permissions import RUN_IMPORT, check_permission
from imports.plan import Mode
from imports.request import ImportRequest
from imports.service import Preview, examine_import, run_import
from imports.shown_plan import ShownPlan, pack_plan, show, unpack_plan

KEEP_HOURS = 24

_FASTEST = 1
_PROGRESS_SECONDS = 3600


class NothingPending(UnableToImport):
    """The user has no such upload: it was cancelled, or is more than a day old."""

    status = HTTPStatus.NOT_FOUND


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
    """Keep the file with its plan. Raises an UnableToImport, with its record, for a bad file."""
    drop_expired()
    pending = PendingImport(
        user=user,
        created_at=timezone.now(),
        file_name=storable(file_name),
        file_size=len(payload),
        mode=options.mode,
        with_backup=options.with_backup,
        override_locks=options.override_locks,
    )
    preview = examine_import(_request(pending, payload))
    pending.file_sha256 = preview.document.sha256
    pending.content = zlib.compress(payload, _FASTEST)
    _keep_plan(pending, preview, None)
    pending.save()
    return pending


def waiting_uploads(user: User) -> list[PendingImport]:
    """The user's uploads that wait, newest first, without their files."""
    drop_expired()
    waiting = PendingImport.objects.filter(user=user, record=None)
    return list(waiting.defer("content", "plan").order_by("-created_at", "-pk"))


def find_pending(user: User, number: int) -> PendingImport:
    """The user's upload, without its file; its `record` where it is applied.

    Raises NotPermitted and NothingPending.
    """
    check_permission(user, RUN_IMPORT)
    pending = (
        PendingImport.objects.filter(user=user, pk=number, created_at__gte=_oldest())
        .select_related("user", "record")
        .defer("content")
        .first()
    )
    if pending is None:
        raise NothingPending(
            "nothing-pending",
            "This upload is not there any more: it was cancelled, or is more than a day old. "
            "Upload the file again.",
        )
    return pending


def shown_plan(pending: PendingImport) -> ShownPlan:
    """The plan that was made last."""
    return unpack_plan(bytes(pending.plan or b""))


def decide(
    pending: PendingImport, options: Options, decisions: Mapping[tuple[Kind, str], Decision]
) -> None:
    """Plan again with these options, and with these decisions beside those of before.

    A decision for nothing takes back the one that there was.
    """
    merged: Decisions = {**decisions_from_list(pending.decisions), **decisions}
    pending.decisions = decisions_as_list(
        {key: one for key, one in merged.items() if one.mode or one.target_uuid}
    )
    pending.mode = options.mode
    pending.with_backup = options.with_backup
    pending.override_locks = options.override_locks
    _plan_again(pending, earlier=None)


def look_again(pending: PendingImport) -> ShownPlan:
    """Plan again, with what is different from the plan that was shown before."""
    return _plan_again(pending, earlier=shown_plan(pending))


def confirm(pending: PendingImport, *, server_name: str = "") -> ImportRecord:
    """Do exactly what was shown; the record of the import.

    Raises StalePlan, with the new plan in the place of the old one, where something else would
    be done now, WrongServer where the server's name had to be typed and was not, and whatever
    else `run_import` raises. Whatever is raised, nothing was written and the file still waits.
    """
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
            fingerprint=shown_plan(pending).fingerprint,
            progress=lambda done, total: cache.set(
                _progress_key(pending), (done, total), _PROGRESS_SECONDS
            ),
        ).record
    except AlreadyDone as earlier:
        record = earlier.record
    except StalePlan:
        look_again(pending)
        raise
    pending.record = record
    pending.content = pending.plan = None
    pending.save()
    return record


def cancel(pending: PendingImport) -> None:
    """Forget the upload."""
    pending.delete()


def progress_of(pending: PendingImport) -> Progress:
    """How far the import of the upload is."""
    if pending.record_id:
        return Progress(is_running=False, record=pending.record_id)
    running = ImportRecord.objects.filter(
        status=Status.RUNNING, user=pending.user, idempotency_key=_key(pending)
    ).first()
    if running is None:
        return Progress(is_running=False)
    if running.with_backup and not running.backup_path:
        return Progress(is_running=True, phase="Planning again and backing the database up")
    done, total = cache.get(_progress_key(pending), (0, 0))
    return Progress(is_running=True, phase="Writing", done=done, total=total)


def drop_expired() -> None:
    """Forget the uploads that are more than a day old."""
    PendingImport.objects.filter(created_at__lt=_oldest()).delete()


def _oldest() -> datetime:
    return timezone.now() - timedelta(hours=KEEP_HOURS)


def _plan_again(pending: PendingImport, *, earlier: ShownPlan | None) -> ShownPlan:
    preview = examine_import(request_of(pending))
    plan = _keep_plan(pending, preview, earlier)
    pending.save(
        update_fields=[
            "plan",
            "planned_at",
            "decisions",
            "mode",
            "with_backup",
            "override_locks",
        ]
    )
    return plan


def _keep_plan(pending: PendingImport, preview: Preview, earlier: ShownPlan | None) -> ShownPlan:
    decisions = decisions_from_list(pending.decisions)
    plan = show(preview.plan, decisions, refusal=preview.refusal, earlier=earlier)
    pending.plan = pack_plan(plan)
    pending.planned_at = timezone.now()
    return plan


def request_of(pending: PendingImport) -> ImportRequest:
    """The import that the upload asks for, with its file."""
    return _request(pending, zlib.decompress(bytes(pending.content or b"")))


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
