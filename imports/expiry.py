"""Removal of what is kept for a day: waiting uploads, exports, database copies, answers."""

from datetime import datetime, timedelta

from django.utils import timezone

from flows.rest.requests.idempotency import drop_expired_answers
from imports.models import BuiltExport, BuiltTransfer, PendingImport

KEEP_HOURS = 24


def drop_expired() -> None:
    """Delete what is more than a day old, except backups."""
    drop_expired_uploads()
    drop_expired_answers()
    BuiltExport.objects.filter(built_at__lt=get_oldest_kept()).delete()
    BuiltTransfer.objects.filter(built_at__lt=get_oldest_kept()).delete()


def drop_expired_uploads() -> None:
    """Delete the uploads that are more than a day old."""
    expired = PendingImport.objects.filter(created_at__lt=get_oldest_kept())
    if expired.exists():  # deleting nothing would open a transaction too
        expired.delete()


def get_oldest_kept() -> datetime:
    """Return the time before which what was made has expired."""
    return timezone.now() - timedelta(hours=KEEP_HOURS)
