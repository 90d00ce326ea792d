"""The record of each run with its items.

Records outlive users, rows and revisions, whose names stay as text. No secret value is ever stored
in a record. Source of the rules: section 5 of the flow import page.
"""

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from flows.content.fields import Kind
from flows.database.current import CurrentDatabaseModel
from imports.plans.matching import MatchMethod
from imports.plans.plan import Mode, Result, UndoResult


class Door(models.TextChoices):
    """The door through which a run was started."""

    COMMAND = "command", "Command"
    ADMIN = "admin", "Admin"
    API = "api", "API"


class Status(models.TextChoices):
    """The state of a run.

    QUEUED is written by who asks for a run in the background, in the transaction that queues it;
    CANCELLED, where it was called off before its write began.

    RUNNING is written before the work, in a transaction of its own. SUCCEEDED is written in the
    transaction of the data, so that either both are committed or neither. REFUSED (the file is
    valid, but the import is not allowed) and FAILED (a bad file or an error) are written after
    nothing else was. A run whose process died stays RUNNING until the next run, or a worker's
    sweep, finds it and sets INTERRUPTED. UNDONE follows SUCCEEDED.
    """

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"
    INTERRUPTED = "interrupted", "Interrupted"
    CANCELLED = "cancelled", "Cancelled"
    UNDONE = "undone", "Undone"


# The states in which an idempotency key is taken; a run that wrote nothing may be repeated.
HOLDING_KEYS = (Status.QUEUED, Status.RUNNING, Status.SUCCEEDED, Status.UNDONE)


UNDO = "undo"
"""The mode of a run that undoes another."""

RESTORE = "restore"
"""The mode of a run that restores the whole database from a backup."""


def make_choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    """Return the words as choices of a column. An ambiguous item is refused, and never stored."""
    return [(str(word), str(word)) for word in words if word != Result.AMBIGUOUS]


class ImportRecord(CurrentDatabaseModel):
    """The record of one run, through any door."""

    queued_at = models.DateTimeField(
        null=True, help_text="When it was asked for, of a run in the background."
    )
    started_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=20, choices=Status, db_index=True)
    door = models.CharField(max_length=20, choices=Door)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    user_name = models.TextField(help_text="Who it was, kept should the user go.")
    server = models.TextField()

    file_name = models.TextField()
    file_size = models.BigIntegerField(help_text="Bytes.")
    file_sha256 = models.CharField(max_length=64, db_index=True)

    mode = models.CharField(
        max_length=20, choices=[*make_choices(Mode), (UNDO, UNDO), (RESTORE, RESTORE)]
    )
    origin = models.JSONField(
        default=dict,
        help_text="The kept plan that the run applied, and what it was made for; else empty.",
    )
    undoes = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="undone_by",
        help_text="The run that this one took back; then the mode is undo, and there is no file.",
    )
    undo_depth = models.PositiveSmallIntegerField(
        default=0,
        help_text="0 for an import, 1 for its undo, 2 for the redo, which undoes that, and so on.",
    )
    with_backup = models.BooleanField()
    override_locks = models.BooleanField()
    directory_id = models.CharField(
        max_length=36,
        blank=True,
        default="",
        help_text="Of the directory that the file was; empty for any other file.",
    )
    prune = models.BooleanField(
        default=False, help_text="Whether what left the directory was soft-deleted."
    )

    plan_created_at = models.DateTimeField(
        null=True, help_text="When the saved plan was made that this run applied."
    )
    plan_created_by = models.TextField(blank=True, help_text="Who made it, as the plan has it.")
    plan_checksum = models.CharField(
        max_length=64, blank=True, help_text="Of that plan; empty for a run without one."
    )

    acknowledged = models.JSONField(
        default=list,
        help_text="The codes of warnings that were acknowledged: of how many items, and by whom.",
    )

    counts = models.JSONField(default=dict, help_text="Number of items by result.")
    code = models.CharField(max_length=100, blank=True, help_text="Why it did not happen.")
    message = models.TextField(blank=True)
    issues = models.JSONField(default=list, help_text="Every problem that was found.")

    backup_path = models.TextField(blank=True)
    backup_size = models.BigIntegerField(null=True, help_text="Bytes.")
    backup_sha256 = models.CharField(max_length=64, blank=True)

    pruned = models.JSONField(
        default=dict,
        help_text="What of the old history was removed after the run, as numbers; else empty.",
    )
    history_pruned_at = models.DateTimeField(
        null=True,
        help_text="When its own history was removed, so that it cannot be undone any more.",
    )

    idempotency_key = models.CharField(
        max_length=255, null=True, editable=False, help_text="Of a request that may be sent again."
    )
    idempotency_digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Of what was asked for under the key."
    )

    class Meta:
        ordering: ClassVar = ["-started_at", "-pk"]
        # Rights beyond those on the rows themselves: see imports.permissions.
        permissions: ClassVar = [
            ("run_import", "Can import export files"),
            ("overwrite_items", "Can overwrite items by import"),
            ("skip_backup", "Can import without a backup"),
            ("override_locks", "Can overwrite locked flows by import"),
            ("retarget_connections", "Can point a connection that uses a secret elsewhere"),
            ("undo_import", "Can undo an import"),
            ("back_up_database", "Can back up the database"),
            ("vacuum_database", "Can purge deleted rows and reorganise the database"),
            ("transfer_database", "Can fetch a copy of the whole database"),
            ("purge_items", "Can delete items for good"),
            ("plan_import", "Can plan imports"),
            ("prune_items", "Can delete by import what left its directory"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["directory_id"], name="record_directory"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "idempotency_key"],
                condition=models.Q(status__in=[str(status) for status in HOLDING_KEYS]),
                name="imports_importrecord_unique_key",
            )
        ]

    def __str__(self) -> str:
        return f"Import {self.pk} of {self.file_name} ({self.status})"

    @property
    def seconds(self) -> float | None:
        """Return the seconds that the run took; None while it is running."""
        finished_at = self.finished_at
        return (finished_at - self.started_at).total_seconds() if finished_at else None

    @property
    def is_redo(self) -> bool:
        """Return whether the run undid an undo, which restores what that undo reverted."""
        return self.undo_depth > 0 and self.undo_depth % 2 == 0

    def find_first_run(self) -> "ImportRecord":
        """Return the import that this run is, undoes or redoes, as far as there are records."""
        record, seen = self, {self.pk}
        while record.undoes is not None and record.undoes.pk not in seen:
            record = record.undoes
            seen.add(record.pk)
        return record

    def find_undo_in_effect(self) -> "ImportRecord | None":
        """Return the undo that is in effect for this run; None where it is not undone."""
        if self.status != Status.UNDONE:
            return None
        return self.undone_by.filter(status=Status.SUCCEEDED).order_by("-pk").first()


class ImportItem(CurrentDatabaseModel):
    """The result of one item of a run."""

    record = models.ForeignKey(ImportRecord, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=20, choices=make_choices(Kind))
    position = models.IntegerField(help_text="Its place in the file's list, from 0.")
    uuid = models.TextField(help_text="As the file has it.")
    name = models.TextField(help_text="As the file has it.")
    file_updated_at = models.DateTimeField(
        null=True, help_text="When the item was changed last, as the file has it."
    )
    result = models.CharField(
        max_length=20, choices=[*make_choices(Result), *make_choices(UndoResult)]
    )
    match_method = models.CharField(max_length=20, choices=make_choices(MatchMethod))
    target_uuid = models.UUIDField(db_index=True)
    target_name = models.TextField()
    content_digest = models.CharField(
        max_length=64,
        blank=True,
        help_text="Of what the row then held; empty where it was skipped.",
    )
    is_new = models.BooleanField(
        default=False, help_text="Whether the run made the row: there is no state before."
    )
    leaves_deleted = models.BooleanField(
        default=False, help_text="Whether the row was soft-deleted after the run."
    )
    changed_keys = models.JSONField(default=list, help_text="What an overwrite changed.")
    warnings = models.JSONField(default=list)
    warning_details = models.JSONField(
        default=list, help_text="The warnings as programs know them: code, text and data."
    )
    named_save = models.ForeignKey(
        "reversion.Revision",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The row's state before.",
    )
    looked_at = models.DateTimeField(
        null=True, help_text="When somebody said of a connection that it is right as it came."
    )

    class Meta:
        ordering: ClassVar = ["record", "pk"]
        indexes: ClassVar = [
            # In files, a uuid may be in upper case.
            models.Index(Lower("uuid"), name="imports_importitem_lower_uuid"),
            # The checklist asks for the rows of a kind that a run wrote. Right after a large one,
            # before the database has statistics, it else looks through all items for each row.
            models.Index(fields=["record", "kind", "target_uuid"], name="imports_importitem_rows"),
        ]

    def __str__(self) -> str:
        return f"{self.result} {self.kind} {self.name}"
