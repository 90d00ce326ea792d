"""Store documents, each once, with what they mention. Nothing here changes a stored one, nor looks
whether it is whole: documents.mending writes damaged ones anew.

The sweep (documents.sweep) removes what nothing refers to. Whoever is about to refer to a document
keeps it first, in the same transaction: the sweep passes over what is being kept. Who writes many
rows locks them first, and then keeps all documents in the order of their digests, so that two such
writers do not wait for each other.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.utils import timezone

from flows.batches import split_batches
from flows.content.documents import Document
from flows.content.references import find_secret_names, find_uuids
from flows.database.bulk import insert_missing_rows, insert_rows
from flows.destinations.uses import find_secrets_used_by
from flows.documents.models import Mention, MentionKind, StoredDocument
from flows.documents.packing import pack
from flows.servers import target_database

GRACE = timedelta(days=1)
"""How long a document stays that nothing refers to."""
_BATCH = 400


class KeptDigest(str):
    """The digest of a document that was kept in the present transaction."""

    __slots__ = ()


def keep_documents(documents: Iterable[Document], alias: str) -> None:
    """Store those of the documents that the database does not have; keep the others.

    Two queries for a batch of stored documents, four for one with new ones. Raises
    DamagedDocumentError where a document without a text is not there.
    """
    by_digest = {document.digest: document for document in documents}
    for digests in split_batches(sorted(by_digest), _BATCH):
        _keep_batch([by_digest[digest] for digest in digests], alias, timezone.now())


def _keep_batch(documents: Sequence[Document], alias: str, now: datetime) -> None:
    found = _keep_stored([each.digest for each in documents], alias, now)
    if new := [each for each in documents if each.digest not in found]:
        # Together, so that no document is ever without its mentions.
        with target_database(alias), transaction.atomic(using=alias, savepoint=False):
            insert_missing_rows([make_row(each, now) for each in new])
            # Two writers at once may both write them: whoever reads them makes sets of them.
            insert_rows([mention for each in new for mention in make_mentions(each)])


def _keep_stored(digests: Sequence[str], alias: str, now: datetime) -> set[str]:
    """Keep those of the documents that are there from being swept; return which they are."""
    connection, rows = connections[alias], StoredDocument.objects.using(alias)
    if not connection.in_atomic_block:
        # Nothing holds a lock until the row is written: for that moment they count as new.
        return {each for each in sorted(digests) if rows.filter(digest=each).update(kept_at=now)}
    if connection.vendor != "postgresql":  # SQLite has one writer at a time
        return set(rows.filter(digest__in=digests).order_by().values_list("digest", flat=True))
    table = connection.ops.quote_name(StoredDocument._meta.db_table)
    with connection.cursor() as cursor:
        # A shared lock, against nothing but a removal.
        cursor.execute(
            f"SELECT digest FROM {table} WHERE digest = ANY(%s) ORDER BY digest FOR KEY SHARE",  # noqa: S608
            [sorted(digests)],
        )
        return {digest for (digest,) in cursor.fetchall()}


def make_row(document: Document, now: datetime) -> StoredDocument:
    """Return the row of a document, with its text packed."""
    utf8 = document.utf8
    return StoredDocument(digest=document.digest, body=pack(utf8), size=len(utf8), kept_at=now)


def make_mentions(document: Document) -> Iterator[Mention]:
    """Yield the rows of what a document mentions."""
    for kind, target in find_mentioned(document):
        yield Mention(digest=document.digest, kind=kind, target=target)


def find_mentioned(document: Document) -> Iterator[tuple[str, str]]:
    """Yield what a document mentions: the kind, as in the table, and the target.

    The secrets that it uses are looked for where they are not known yet.
    """
    text = document.text
    targets = {
        MentionKind.UUID: find_uuids(text, json=True),
        MentionKind.SECRET_NAME: find_secret_names(text, json=True),
        MentionKind.SECRET_USED: find_secrets_used_by(document),
    }
    for kind, found in targets.items():
        yield from ((kind.value, target) for target in sorted(found))
