"""Store documents, each once, with what they mention. Nothing here changes a stored one.

The sweep (documents.sweep) removes what nothing refers to. It leaves a document alone that was kept
within GRACE; so whoever is about to refer to a document keeps it first.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.utils import timezone

from flows.content.documents import Document
from flows.content.references import find_secret_names, find_uuids
from flows.database.bulk import insert_missing_rows, insert_rows
from flows.destinations.uses import find_secrets_used
from flows.documents.models import Mention, MentionKind, StoredDocument
from flows.documents.packing import encode, pack
from flows.servers import target_database

GRACE = timedelta(days=1)
"""How long a document stays that nothing refers to."""
_KEPT_AGAIN_AFTER = GRACE / 2
_BATCH = 400


def keep_documents(documents: Iterable[Document], alias: str) -> None:
    """Store those of the documents that the database does not have; keep the others.

    Two queries for a batch of stored documents, four for one with new ones. Raises
    DamagedDocumentError where a document without a text is not there.
    """
    by_digest = {document.digest: document for document in documents}
    iterator = iter(by_digest.values())
    while batch := list(islice(iterator, _BATCH)):
        _keep_batch(batch, alias, timezone.now())


def _keep_batch(documents: Sequence[Document], alias: str, now: datetime) -> None:
    rows = StoredDocument.objects.using(alias)
    found = dict(
        rows.filter(digest__in=[each.digest for each in documents])
        .order_by()
        .values_list("digest", "kept_at")
    )
    old = [digest for digest, at in found.items() if at < now - _KEPT_AGAIN_AFTER]
    if old and rows.filter(digest__in=old).update(kept_at=now) != len(old):
        found = {digest: at for digest, at in found.items() if digest not in old}  # swept just now
    if new := [each for each in documents if each.digest not in found]:
        with target_database(alias):
            insert_missing_rows([_make_row(each, now) for each in new])
            insert_rows([mention for each in new for mention in _make_mentions(each)])


def _make_row(document: Document, now: datetime) -> StoredDocument:
    text = document.text
    return StoredDocument(
        digest=document.digest, body=pack(text), size=len(encode(text)), kept_at=now
    )


def _make_mentions(document: Document) -> Iterator[Mention]:
    text = document.text
    targets = {
        MentionKind.UUID: find_uuids(text, json=True),
        MentionKind.SECRET_NAME: find_secret_names(text, json=True),
        MentionKind.SECRET_USED: find_secrets_used(text, json=True),
    }
    for kind, found in targets.items():
        for target in sorted(found):
            yield Mention(digest=document.digest, kind=kind.value, target=target)
