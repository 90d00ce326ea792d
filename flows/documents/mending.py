"""Write damaged and missing documents anew, with what they mention."""

from collections.abc import Iterable, Sequence

from django.utils import timezone

from flows.batches import split_batches
from flows.content.documents import Document
from flows.database.bulk import insert_missing_rows, insert_rows
from flows.documents.models import Mention, StoredDocument
from flows.documents.packing import is_whole, pack
from flows.documents.store import make_mentions, make_row
from flows.servers import target_database

_BATCH = 400


def mend_documents(documents: Iterable[Document], alias: str) -> list[str]:
    """Write those of the documents that are damaged or missing; return their digests.

    Whole ones stay as they are. Call it in a transaction.
    """
    by_digest = {document.digest: document for document in documents}
    mended: list[str] = []
    with target_database(alias):
        # In the order of their digests, as all writers keep them: see documents.store.
        for digests in split_batches(sorted(by_digest), _BATCH):
            mended += _mend_batch([by_digest[digest] for digest in digests])
    return mended


def _mend_batch(documents: Sequence[Document]) -> list[str]:
    rows = StoredDocument.objects.filter(digest__in=[each.digest for each in documents])
    # A lock against a removal, which does not keep anybody from keeping one of them.
    locked = rows.order_by("digest").select_for_update(no_key=True)
    bodies = dict(locked.values_list("digest", "body"))
    wrong = [
        each
        for each in documents
        if each.digest not in bodies or not is_whole(bytes(bodies[each.digest]), each.digest)
    ]
    for each in wrong:
        rows.filter(digest=each.digest).update(body=pack(each.utf8), size=len(each.utf8))
    now = timezone.now()
    insert_missing_rows([make_row(each, now) for each in wrong if each.digest not in bodies])
    mended = [each.digest for each in wrong]
    Mention.objects.filter(digest__in=mended).delete()
    insert_rows([mention for each in wrong for mention in make_mentions(each)])
    return mended
