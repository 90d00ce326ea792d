"""What waits for its user: uploaded files with their plans, and built downloads."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from flows.database.current import CurrentDatabaseModel
from imports.models.records import ImportRecord, make_choices
from imports.plans.plan import Mode


class PendingImport(CurrentDatabaseModel):
    """An uploaded file with its plan, kept until it is cancelled or a day old.

    After it is applied, the row is kept for that day without the file, so that its address
    redirects to the record.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    file_name = models.TextField()
    file_size = models.BigIntegerField(help_text="Bytes.")
    file_sha256 = models.CharField(max_length=64)
    content = models.BinaryField(null=True, help_text="The file, in zlib, encrypted.")

    mode = models.CharField(max_length=20, choices=make_choices(Mode))
    with_backup = models.BooleanField(default=True)
    override_locks = models.BooleanField(default=False)
    decisions = models.JSONField(default=list, help_text="For single items.")
    only = models.JSONField(default=list, help_text="Items; empty for the whole file.")

    planned_at = models.DateTimeField(null=True)
    plan = models.BinaryField(null=True, help_text="What was shown, compressed.")
    reviewed = models.JSONField(default=list, help_text="The marks of items that were reviewed.")
    record = models.ForeignKey(ImportRecord, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"Upload of {self.file_name} by {self.user}"


class _Built(CurrentDatabaseModel):
    """What a user had built last, available for a day."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    built_at = models.DateTimeField()

    class Meta:
        abstract = True
        default_permissions: ClassVar = ()


class BuiltExport(_Built):
    """The last export that a user had built, available for a day."""

    content = models.BinaryField(help_text="The export file, in gzip.")
    size = models.BigIntegerField(help_text="Bytes of the export file.")
    choice = models.TextField(default="", help_text="The flows that were chosen, as one text.")

    def __str__(self) -> str:
        return f"Export for {self.user}"


class BuiltTransfer(_Built):
    """The last copy of the database that a user had made, available for a day."""

    backup_name = models.TextField(help_text="The name of a file in ZIGGY_BACKUP_DIR.")

    def __str__(self) -> str:
        return f"Copy of the database for {self.user}"
