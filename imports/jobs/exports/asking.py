"""Asking for an export in the background: its row and its job in the queue, in one transaction."""

from http import HTTPStatus
from typing import ClassVar

import msgspec
from django.db import transaction
from django.utils import timezone

from flows.content.fields import Kind
from flows.servers import get_current_database
from flows.users import User
from imports.errors import UnableToImport
from imports.expiry import drop_expired
from imports.exporting.choice import ExportChoice
from imports.exporting.selection import check_flows_exist
from imports.jobs.queue import EXPORT_TASK, put_in_queue
from imports.models import BackgroundExport, ExportStatus
from imports.permissions import check_permission
from imports.runs.run import check_encryption_keys

UNFINISHED = (ExportStatus.QUEUED, ExportStatus.RUNNING)
NEEDED_RIGHTS = tuple(f"flows.view_{kind}" for kind in Kind)
MOST_EXPORTS = 5
"""How many exports a user may have: the next one takes the place of the oldest that has ended."""


class TooManyExports(UnableToImport):
    """All exports that the user may have are queued, or being built."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    retry_after: ClassVar[int] = 30


def queue_export(user: User, choice: ExportChoice, *, form: str = "") -> BackgroundExport:
    """Queue the export, and return it; the same one again, while it is queued.

    One that is being built already may be of an earlier state than the user has seen.

    `form` is that in which its file will be fetched: see BackgroundExport.

    Raises NotPermitted, TooManyExports, WrongEncryptionKey, and UnknownFlowsError.
    """
    check_permission(user, *NEEDED_RIGHTS)
    check_flows_exist(choice.uuids)
    check_encryption_keys()  # the file is kept encrypted
    drop_expired()
    asked = msgspec.json.decode(msgspec.json.encode(choice))
    with transaction.atomic(using=get_current_database()):
        own = list(BackgroundExport.objects.filter(user=user).defer("content").order_by("pk"))
        for one in own:
            if one.status == ExportStatus.QUEUED and (one.choice, one.form) == (asked, form):
                return one
        _make_room(own)
        export = BackgroundExport.objects.create(
            user=user,
            asked_at=timezone.now(),
            status=ExportStatus.QUEUED,
            choice=asked,
            form=form,
        )
        export.queue_number = put_in_queue(export.pk, EXPORT_TASK, order=None)
        export.save(update_fields=["queue_number"])
    return export


def _make_room(own: list[BackgroundExport]) -> None:
    """Delete the oldest of the user's exports that have ended, until there is room for one."""
    surplus = len(own) - MOST_EXPORTS + 1
    ended = [export.pk for export in own if export.status not in UNFINISHED]
    if surplus > len(ended):
        raise TooManyExports(
            "too-many-exports",
            f"You have {MOST_EXPORTS} exports that are queued or being built.",
            remedy="Wait until one has ended, or call one off.",
        )
    if surplus > 0:
        BackgroundExport.objects.filter(pk__in=ended[:surplus]).delete()
