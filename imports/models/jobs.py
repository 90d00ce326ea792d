"""What background work needs in the database: the jobs that were asked for, how far a run is."""

from typing import ClassVar, Final

from django.db import models
from django.db.models import QuerySet

from flows.database.current import CurrentDatabaseManager, CurrentDatabaseModel
from imports.models.records import ImportRecord
from imports.models.waiting import PendingImport

REQUEST_OF_JOB: Final = ("job__content", "job__options")
"""What to defer where a record is read together with its job: a file may have 200 MB."""


class JobKind(models.TextChoices):
    """What a job does."""

    IMPORT = "import", "Import"
    UPLOAD = "upload", "Import of an upload, or of a kept plan"
    UNDO = "undo", "Undo"


class BackgroundJobManager(CurrentDatabaseManager["BackgroundJob"]):
    """Reads jobs without what was asked for, which is read when the worker comes to it.

    Who looks how far a run is would fetch its whole file each time.
    """

    def get_queryset(self) -> "QuerySet[BackgroundJob]":
        """Return the jobs, with their files and options deferred."""
        return super().get_queryset().defer("content", "options")


class BackgroundJob(CurrentDatabaseModel):
    """A run that was asked for, and that a worker carries out.

    Its record, which is made together with it, says how it is and how it ended. What was asked for
    is dropped when it has ended. Without constraints: a backup that lacks this table restores the
    tables that it refers to.
    """

    record = models.OneToOneField(
        ImportRecord, on_delete=models.CASCADE, related_name="job", db_constraint=False
    )
    kind = models.CharField(max_length=20, choices=JobKind)
    pending = models.ForeignKey(
        PendingImport,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    options = models.BinaryField(null=True, help_text="What was asked for, in zstd, encrypted.")
    content = models.BinaryField(null=True, help_text="The file, in zstd, encrypted.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often it was begun.")
    is_cancelled = models.BooleanField(default=False, help_text="Whether it is to stop.")
    is_writing = models.BooleanField(
        default=False, help_text="Whether the write has begun: it cannot be cancelled any more."
    )
    queue_number = models.BigIntegerField(null=True, help_text="Its number in the queue.")

    objects: ClassVar[BackgroundJobManager] = BackgroundJobManager()

    class Meta:
        base_manager_name = "objects"
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of record {self.record_id}"


class RunProgress(CurrentDatabaseModel):
    """How many items a run has written, of how many: of the last long run, which may have ended."""

    record = models.OneToOneField(
        ImportRecord,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
        db_constraint=False,
    )
    done = models.PositiveIntegerField()
    total = models.PositiveIntegerField()

    class Meta:
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"{self.done} of {self.total} of record {self.record_id}"
