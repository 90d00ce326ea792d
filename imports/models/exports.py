"""Exports that workers build: what was asked for, how far it is, and for a day the file."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from flows.database.current import CurrentDatabaseModel


class ExportStatus(models.TextChoices):
    """The state of an export in the background.

    QUEUED is written by who asks for it, in the transaction that queues it. One whose worker died
    stays RUNNING until a sweep gives it to another worker. REFUSED is one that its user may not
    have any more, or of flows that are gone.
    """

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class BackgroundExport(CurrentDatabaseModel):
    """An export that was left to a worker: its user's own, until a day after it has ended.

    Whoever calls it off deletes the row: the worker that has it finds that out. Without
    constraints, as a BackgroundJob.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    asked_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=20, choices=ExportStatus)
    code = models.CharField(max_length=100, blank=True, default="")
    message = models.TextField(blank=True, default="")

    choice = models.JSONField(help_text="What was asked for.")
    form = models.CharField(
        max_length=10, blank=True, default="", help_text="Of the file: empty, `gzip` or `dir`."
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often it was begun.")
    queue_number = models.BigIntegerField(null=True, help_text="Its number in the queue.")

    done = models.PositiveIntegerField(default=0, help_text="Items that are written so far.")
    total = models.PositiveIntegerField(default=0, help_text="Items to write; 0 if unknown.")
    size = models.BigIntegerField(default=0, help_text="Bytes that are written so far.")
    counts = models.JSONField(default=dict, help_text="Number of items by kind, of a whole one.")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    warnings = models.JSONField(default=list)
    limit_codes = models.JSONField(default=list, help_text="Of the limits that it is beyond.")
    content = models.BinaryField(null=True, help_text="The export file, in gzip, encrypted.")

    class Meta:
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"Export {self.pk} of {self.user}, {self.status}"
