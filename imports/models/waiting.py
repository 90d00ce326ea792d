"""What waits: files with their plans, of an upload or kept for others, and built downloads."""

from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import models

from flows.database.current import CurrentDatabaseManager, CurrentDatabaseModel
from imports.models.records import ImportRecord, make_choices
from imports.plans.plan import Mode

FILE_OF_PENDING: Final = ("content", "plan", "answer")
"""What to defer where only the rest of the row is asked for: a file may have 200 MB."""


class PendingImportQuerySet(models.QuerySet["PendingImport"]):
    """Rows of waiting files."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows, whose files are not read for it."""
        return super(PendingImportQuerySet, self.only("pk")).delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class PendingImport(CurrentDatabaseModel):
    """A file with its plan, until it is imported or has expired.

    An upload is its user's own, and a day old at most. A kept plan is seen by whoever may see
    records and its kinds, until `expires_at`. After it is applied, the row is kept for that time
    without the file, so that its address redirects to the record.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    file_name = models.TextField()
    file_size = models.BigIntegerField(help_text="Bytes.")
    file_sha256 = models.CharField(max_length=64)
    content = models.BinaryField(
        null=True, help_text="The file, packed and encrypted: see imports.uploads.stored_file."
    )

    mode = models.CharField(max_length=20, choices=make_choices(Mode))
    with_backup = models.BooleanField(default=True)
    override_locks = models.BooleanField(default=False)
    prune = models.BooleanField(default=False)
    decisions = models.JSONField(default=list, help_text="For single items.")
    only = models.JSONField(default=list, help_text="Items; empty for the whole file.")

    planned_at = models.DateTimeField(null=True)
    plan = models.BinaryField(null=True, help_text="What was shown, compressed.")
    reviewed = models.JSONField(default=list, help_text="The marks of items that were reviewed.")
    record = models.ForeignKey(ImportRecord, null=True, on_delete=models.CASCADE, related_name="+")

    # What only a kept plan has.
    expires_at = models.DateTimeField(null=True, help_text="Of a kept plan; null for an upload.")
    key = models.CharField(
        max_length=255, null=True, help_text="What it is known by: the next one replaces it."
    )
    link = models.TextField(blank=True, default="", help_text="What it was made for.")
    title = models.TextField(blank=True, default="")
    commit = models.TextField(blank=True, default="")
    kinds = models.CharField(
        max_length=40, blank=True, default="", help_text="The kinds that the plan tells of."
    )
    counts = models.JSONField(default=dict, help_text="Number of items by result.")
    refusal_code = models.CharField(max_length=100, blank=True, default="")
    answer = models.BinaryField(
        null=True, help_text="The plan as it is answered and applied, compressed."
    )

    objects: ClassVar = CurrentDatabaseManager.from_queryset(PendingImportQuerySet)()

    acting_user: Any = None
    """Who works with the row now, where that is not `user`: it is not stored."""

    class Meta:
        default_permissions: ClassVar = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key"], name="imports_pendingimport_unique_key")
        ]

    def __str__(self) -> str:
        what = "Kept plan" if self.is_kept else "Upload"
        return f"{what} of {self.file_name} by {self.user}"

    @property
    def is_kept(self) -> bool:
        """Return whether it is a kept plan, and not an upload."""
        return self.expires_at is not None

    @property
    def actor(self) -> Any:
        """Return the user who works with it now, for whom it is planned."""
        return self.acting_user or self.user

    @property
    def label(self) -> str:
        """Return what pages call it: its title, its key or the name of its file."""
        return self.title or self.key or self.file_name


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
