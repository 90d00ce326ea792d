"""Flows, and the connections and secrets that they use.

The columns are those of content.fields; documents are canonical JSON text. Rows are soft-deleted:
they keep their uuid and their history and can be restored. `uuid`, `created_at`, `updated_at` and
`updated_by` are a row's own and no content.
"""

import uuid
from typing import Any, ClassVar

import reversion
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from flows.content import canonical
from flows.content.fields import EXECUTION_HISTORY_LEVELS, NAME_MAX_LENGTH, Kind, get_columns
from flows.content.references import is_identifier
from flows.database.current import CurrentDatabaseModel
from flows.documents.field import StoredDocumentField, read_columns
from flows.encryption import Sealed
from flows.fields import DocumentField, EncryptedTextField, SecretExtraField
from flows.servers import get_current_database


class Item(CurrentDatabaseModel):
    """Base of the three kinds."""

    kind: ClassVar[Kind]

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    extra = DocumentField(
        json_type=dict,
        default=canonical.EMPTY_OBJECT,
        blank=True,
        help_text="Keys of an imported file that this version does not know, kept for export.",
    )
    is_deleted = models.BooleanField(default=False, db_index=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_by = models.TextField(
        blank=True,
        default="",
        editable=False,
        help_text="The name of who wrote the row last, kept should the user go.",
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(getattr(self, "name", "")) or f"(no name) {self.uuid}"

    @property
    def content(self) -> dict[str, Any]:
        """Return the content by column; documents that are stored once are not read."""
        return read_columns(self, get_columns(self.kind))

    @property
    def has_value(self) -> bool:
        """Return whether this is a secret that has a value in either environment."""
        return False

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with `updated_at` set to now; the caller sets `updated_by`.

        Imports and reverts write rows without this.
        """
        self.updated_at = timezone.now()
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "updated_at", "updated_by"}
        super().save(*args, **kwargs)


class Flow(Item):
    """An integration: a graph of nodes and edges with its settings."""

    kind = Kind.FLOW

    name = models.CharField(max_length=NAME_MAX_LENGTH, blank=True, db_index=True)
    info = models.TextField(null=True, blank=True, default="", help_text="Markdown.")
    tags = DocumentField(json_type=list, default=canonical.EMPTY_LIST, blank=True)
    listener_type = models.TextField(null=True, blank=True, default="")
    is_subflow = models.BooleanField(null=True, default=False)
    is_commander = models.BooleanField(null=True, default=False)
    is_valid = models.BooleanField(null=True, default=False)
    is_locked = models.BooleanField(
        null=True, default=False, help_text="An import does not overwrite a locked flow."
    )
    timeout = models.BigIntegerField(null=True, blank=True, default=60, help_text="Seconds.")
    num_blocks = models.BigIntegerField(null=True, blank=True, default=0)
    execution_history_level = models.TextField(
        null=True,
        blank=True,
        default="USE_DEFAULT",
        choices=[(level, level) for level in EXECUTION_HISTORY_LEVELS],
    )
    execution_history_mins = models.BigIntegerField(
        null=True, blank=True, default=1440, help_text="Minutes."
    )
    queue_uuid = models.TextField(null=True, blank=True, default=None)
    tenant_id = models.TextField(null=True, blank=True, default=None)
    used_connections = DocumentField(json_type=list, null=True, blank=True, default=None)
    used_secrets = DocumentField(json_type=list, null=True, blank=True, default=None)
    nodes = StoredDocumentField(json_type=list, default=canonical.EMPTY_LIST, blank=True)
    edges = StoredDocumentField(json_type=list, default=canonical.EMPTY_LIST, blank=True)
    viewport = DocumentField(json_type=dict, default=canonical.EMPTY_OBJECT, blank=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        indexes: ClassVar = [
            # For what uses an item, and for what still has a document.
            models.Index(fields=["nodes"], name="flows_flow_by_nodes"),
            models.Index(fields=["edges"], name="flows_flow_by_edges"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, with `updated_at` set to now; its documents are kept in the same transaction."""
        with transaction.atomic(using=kwargs.get("using") or get_current_database()):
            super().save(*args, **kwargs)


class Connection(Item):
    """How flows reach another system. Its values may refer to secrets, as `secrets.NAME`."""

    kind = Kind.CONNECTION

    name = models.CharField(max_length=NAME_MAX_LENGTH, blank=True, db_index=True)
    type = models.TextField(null=True, blank=True, default="")
    description = models.TextField(null=True, blank=True, default="")
    is_core_platform = models.BooleanField(null=True, default=None)
    dev_value = models.TextField(null=True, blank=True, default="")
    prod_value = models.TextField(
        null=True, blank=True, default="", help_text="Empty: the development value is used."
    )

    class Meta:
        ordering: ClassVar = ["name", "pk"]


def validate_identifier(value: str) -> None:
    """Raise ValidationError where the value is not a JavaScript identifier."""
    if not is_identifier(value):
        raise ValidationError(
            "A secret's name must be a JavaScript identifier: letters, digits, _ and $, "
            "not beginning with a digit."
        )


class Secret(Item):
    """A value that connections and code refer to as `secrets.NAME`, encrypted at rest."""

    kind = Kind.SECRET

    extra = SecretExtraField(
        json_type=dict,
        default=canonical.EMPTY_OBJECT,
        blank=True,
        editable=False,
        help_text="Keys of an imported file that this version does not know, kept for export.",
    )
    name = models.CharField(max_length=NAME_MAX_LENGTH, validators=[validate_identifier])
    description = models.TextField(null=True, blank=True, default="")
    type = models.TextField(null=True, blank=True, default="")
    group = models.TextField(null=True, blank=True, default="")
    tags = DocumentField(json_type=list, default=canonical.EMPTY_LIST, blank=True)
    dev_value = EncryptedTextField(editable=False)
    prod_value = EncryptedTextField(editable=False)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            # A soft-deleted secret leaves its name free.
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(is_deleted=False),
                name="flows_secret_unique_name",
                violation_error_message="A secret with this name exists already.",
            )
        ]

    @property
    def has_value(self) -> bool:
        return self.dev_value is not None or self.prod_value is not None

    def check_values_open(self) -> None:
        """Raise WrongKeyError where no configured key opens a stored value."""
        for value in (self.dev_value, self.prod_value):
            if isinstance(value, Sealed):
                value.reveal()


class StoredAnswer(CurrentDatabaseModel):
    """The answer to a request under an Idempotency-Key, for a day."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="A keyed one, of what was asked for.")
    created_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField(help_text="JSON, encrypted.")
    permissions = models.JSONField(help_text="What the user had to be allowed to get the answer.")

    class Meta:
        default_permissions: ClassVar = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="flows_storedanswer_unique_key")
        ]

    def __str__(self) -> str:
        return f"Answer {self.status} to {self.user}"


class EncryptionCanary(CurrentDatabaseModel):
    """A known text, sealed with the keys of the database's secrets: see flows.secrets.canary."""

    token = models.TextField()

    class Meta:
        verbose_name_plural = "encryption canaries"
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return "canary"


MODELS: dict[Kind, type[Flow] | type[Connection] | type[Secret]] = {
    Kind.FLOW: Flow,
    Kind.CONNECTION: Connection,
    Kind.SECRET: Secret,
}


def list_saved_fields(model: type[models.Model]) -> list["models.Field[Any, Any]"]:
    """Return the fields that a saved state has: all but the key and the values of secrets."""
    return [
        field
        for field in model._meta.concrete_fields
        if not field.primary_key and not isinstance(field, EncryptedTextField)
    ]


for _model in MODELS.values():
    reversion.register(_model, fields=[field.name for field in list_saved_fields(_model)])


def get_blank_content(kind: Kind) -> dict[str, Any]:
    """Return the defaults of a new row of the kind, by column."""
    blank = MODELS[kind]()
    return blank.content


class Attempts(CurrentDatabaseModel):
    """The number of failed attempts with something in common, such as a user name, until a time.

    They are counted in the database, which all processes of the server share.
    """

    key = models.CharField(max_length=64, primary_key=True, help_text="A hash.")
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True, help_text="When the count begins anew.")

    class Meta:
        verbose_name_plural = "attempts"
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at}"
