"""What is kept for a day: uploads that wait for a yes, built exports, copies of the database."""

from datetime import datetime, timedelta

from django.utils import timezone

from imports.models import BuiltExport, BuiltTransfer, PendingImport

KEEP_HOURS = 24


def drop_expired() -> None:
    """Forget what is more than a day old. Backups stay."""
    PendingImport.objects.filter(created_at__lt=oldest_kept()).delete()
    BuiltExport.objects.filter(built_at__lt=oldest_kept()).delete()
    BuiltTransfer.objects.filter(built_at__lt=oldest_kept()).delete()


def oldest_kept() -> datetime:
    """What was made before this is forgotten."""
    return timezone.now() - timedelta(hours=KEEP_HOURS)
