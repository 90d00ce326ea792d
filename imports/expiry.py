"""What is kept for a day: uploads that wait for a yes, built exports, copies of the database."""

from datetime import datetime, timedelta

from django.utils import timezone

from imports.models import BuiltExport, BuiltTransfer, PendingImport

KEEP_HOURS = 24


def drop_expired() -> None:
    """Forget what is more than a day old. Backups stay."""
    drop_expired_uploads()
    BuiltExport.objects.filter(built_at__lt=oldest_kept()).delete()
    BuiltTransfer.objects.filter(built_at__lt=oldest_kept()).delete()


def drop_expired_uploads() -> None:
    """Forget the uploads that are more than a day old."""
    expired = PendingImport.objects.filter(created_at__lt=oldest_kept())
    if expired.exists():  # a deletion of nothing is a transaction too
        expired.delete()


def oldest_kept() -> datetime:
    """What was made before this is forgotten."""
    return timezone.now() - timedelta(hours=KEEP_HOURS)
