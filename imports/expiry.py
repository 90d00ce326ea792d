"""Removal of what has expired: uploads, kept plans, exports, database copies, answers."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from flows.rest.requests.idempotency import drop_expired_answers
from imports.models import BackgroundExport, BuiltExport, BuiltTransfer, PendingImport

KEEP_HOURS = 24


def drop_expired() -> None:
    """Delete what is more than a day old, except backups, and the kept plans that have expired."""
    drop_expired_uploads()
    drop_expired_answers()
    BackgroundExport.objects.exclude(is_export_unexpired()).delete()
    BuiltExport.objects.filter(built_at__lt=get_oldest_kept()).delete()
    BuiltTransfer.objects.filter(built_at__lt=get_oldest_kept()).delete()


def drop_expired_uploads() -> None:
    """Delete the uploads that are more than a day old, and the kept plans that have expired."""
    expired = PendingImport.objects.exclude(is_unexpired())
    if expired.exists():  # deleting nothing would open a transaction too
        expired.delete()


def get_oldest_kept() -> datetime:
    """Return the time before which what was made has expired."""
    return timezone.now() - timedelta(hours=KEEP_HOURS)


def get_expiry(made_at: datetime) -> datetime:
    """Return when what was made then expires."""
    return made_at + timedelta(hours=KEEP_HOURS)


def is_unexpired() -> Q:
    """Return the condition of the uploads and the kept plans that have not expired."""
    is_upload = Q(expires_at=None, created_at__gte=get_oldest_kept())
    return is_upload | Q(expires_at__gt=timezone.now())


def is_export_unexpired() -> Q:
    """Return the condition of the exports in the background that have not expired."""
    oldest = get_oldest_kept()
    return Q(finished_at=None, asked_at__gte=oldest) | Q(finished_at__gte=oldest)
