"""What planning in the background needs in the database: which uploads a worker plans."""

from typing import ClassVar

from django.db import models

from flows.database.current import CurrentDatabaseModel
from imports.models.records import ImportRecord
from imports.models.waiting import PendingImport


class PlanningJob(CurrentDatabaseModel):
    """An upload that a worker plans, or could not plan: its `code` says so then.

    It is there from the upload until the plan is made. Without constraints, as BackgroundJob.
    """

    pending = models.OneToOneField(
        PendingImport,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="planning",
        db_constraint=False,
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often it was begun.")
    done = models.PositiveIntegerField(default=0, help_text="Items that are planned.")
    total = models.PositiveIntegerField(default=0, help_text="Items; 0 until the file is read.")
    code = models.CharField(
        max_length=100, blank=True, default="", help_text="Why there is no plan; empty until then."
    )
    message = models.TextField(blank=True, default="")
    record = models.ForeignKey(
        ImportRecord,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="That of the refusal, where it has one.",
    )
    queue_number = models.BigIntegerField(null=True, help_text="Its number in the queue.")

    class Meta:
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"Planning of upload {self.pending_id}"

    @property
    def has_ended(self) -> bool:
        """Return whether no plan is made any more."""
        return bool(self.code)
