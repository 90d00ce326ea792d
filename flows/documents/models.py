"""The tables of documents, and of what they mention."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from flows.content.documents import DIGEST_LENGTH
from flows.database.current import CurrentDatabaseModel


class StoredDocument(CurrentDatabaseModel):
    """A document, packed, that rows and named saves refer to by its digest. It never changes."""

    digest = models.CharField(
        max_length=DIGEST_LENGTH, primary_key=True, help_text="SHA-256 of the text, hexadecimal."
    )
    body = models.BinaryField(help_text="The text in UTF-8, compressed with zstd.")
    size = models.PositiveIntegerField(help_text="Bytes of the text.")
    kept_at = models.DateTimeField(
        default=timezone.now,
        help_text="When it was stored, or last kept outside of a transaction.",
    )

    class Meta:
        db_table = "flows_document"
        verbose_name = "document"
        default_permissions: ClassVar = ()

    def __str__(self) -> str:
        return str(self.digest)


class MentionKind(models.TextChoices):
    """What a mention is of."""

    UUID = "u", "a uuid"
    SECRET_NAME = "n", "a secret, by its whole name"
    SECRET_USED = "s", "a secret that may be used, or every one"


class Mention(CurrentDatabaseModel):
    """A uuid or a secret that a stored document mentions: a pure function of its text.

    The targets are those of `content.references.find_uuids` and `find_secret_names`, and of
    `destinations.uses.find_secrets_used`.
    """

    digest = models.CharField(max_length=DIGEST_LENGTH, db_index=True)
    kind = models.CharField(max_length=1, choices=MentionKind.choices)
    target = models.TextField()

    class Meta:
        db_table = "flows_document_mention"
        default_permissions: ClassVar = ()
        indexes: ClassVar = [models.Index(fields=["kind", "target"], name="flows_mention_target")]

    def __str__(self) -> str:
        return f"{self.digest} mentions {self.target}"
