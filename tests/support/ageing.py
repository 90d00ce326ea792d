"""Histories that are old: every time that a database holds, so many days earlier."""

from datetime import timedelta

from django.db.models import F
from reversion.models import Revision

from flows.models import MODELS
from imports.models import ImportItem, ImportRecord


def age_history(days: float) -> None:
    """Make all runs, saves and writes of rows happen so many days earlier."""
    by = timedelta(days=days)
    ImportRecord.objects.update(started_at=F("started_at") - by, finished_at=F("finished_at") - by)
    ImportItem.objects.update(file_updated_at=F("file_updated_at") - by)
    Revision.objects.update(date_created=F("date_created") - by)
    for model in MODELS.values():
        model._default_manager.update(updated_at=F("updated_at") - by)
