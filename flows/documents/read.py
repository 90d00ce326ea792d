"""Read stored documents and what they use, a batch in one query."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from flows.batches import split_batches
from flows.content.documents import Document, group_documents
from flows.documents.models import Mention, MentionKind, StoredDocument
from flows.documents.packing import DamagedDocumentError, unpack

BATCH = 200
_GROUP = 400


class StoredDocuments:
    """The documents of one database: a content.documents.DocumentReader."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def read_texts(self, documents: Sequence[Document]) -> None:
        """Set the text of the documents that have none. Raises DamagedDocumentError."""
        wanted = [each for each in documents if not each.has_text]
        for batch in split_batches({each.digest for each in wanted}, _GROUP):
            rows = StoredDocument.objects.using(self.alias).filter(digest__in=batch)
            texts = {
                digest: unpack(bytes(body), digest)
                for digest, body in rows.order_by().values_list("digest", "body")
            }
            if missing := set(batch) - texts.keys():
                raise DamagedDocumentError(min(missing), "is not there any more")
            for document in wanted:
                if document.digest in texts:
                    document.utf8 = texts[document.digest]

    def read_secrets(self, documents: Sequence[Document]) -> None:
        """Set the secrets of the documents that have none."""
        wanted = [each for each in documents if not each.has_secrets]
        found: dict[str, set[str]] = {each.digest: set() for each in wanted}
        for batch in split_batches(found, _GROUP):
            rows = Mention.objects.using(self.alias).filter(
                digest__in=batch, kind=MentionKind.SECRET_USED
            )
            for digest, name in rows.order_by().values_list("digest", "target"):
                found[digest].add(name)
        for document in wanted:
            document.secrets = frozenset(found[document.digest])


@cache
def get_reader(alias: str) -> StoredDocuments:
    """Return the one reader of a database: documents of one reader are read together."""
    return StoredDocuments(alias)


def group_rows(rows: Iterable[Any], size: int = BATCH) -> Iterator[Any]:
    """Yield rows whose documents are read in groups of `size` rows.

    The values of all rows are in one order, or under the same keys. Only documents that are used
    are read, and with them those of the same group. A query's iterator is closed at the end.
    """
    try:
        for batch in split_batches(rows, size):
            first = batch[0].items() if isinstance(batch[0], Mapping) else enumerate(batch[0])
            places = [place for place, value in first if isinstance(value, Document)]
            group_documents([row[place] for row in batch for place in places])
            yield from batch
    finally:
        # A damaged document ends the reading early. The error's traceback holds the iterator, whose
        # cursor would be closed after the connection.
        if isinstance(rows, Generator):
            rows.close()
