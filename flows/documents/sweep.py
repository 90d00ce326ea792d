"""Remove the documents that nothing refers to any more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from flows.documents.models import Mention, StoredDocument
from flows.documents.references import find_references_of_rows, find_references_of_saves
from flows.documents.store import GRACE

_BATCH = 400


@dataclass(frozen=True, slots=True)
class Swept:
    """How many documents were removed, and their size as they were stored, in bytes of text."""

    documents: int = 0
    size: int = 0


def sweep_documents(flows: Any, alias: str, *, grace: timedelta = GRACE) -> Swept:
    """Remove the documents that no row and no named save of the model `flows` refers to.

    Call it under the import lock, outside a transaction. A document that was kept within `grace`
    stays: a transaction in flight may be about to refer to it. Whoever refers to an older one keeps
    it first (`store.keep_documents`), which this sees, or waits for.
    """
    before = timezone.now() - grace
    old = StoredDocument.objects.using(alias).filter(kept_at__lt=before).order_by()
    candidates = set(old.values_list("digest", flat=True))
    # Rows before saves: what a run moves, it moves from a row to a save, in one transaction.
    for find_references in (find_references_of_rows, find_references_of_saves):
        if candidates:
            candidates.difference_update(digest for _, digest in find_references(flows, alias))
    removed = [_remove(batch, alias, old) for batch in _split(sorted(candidates))]
    return Swept(
        documents=sum(each.documents for each in removed), size=sum(each.size for each in removed)
    )


def _remove(digests: Sequence[str], alias: str, old: Any) -> Swept:
    with transaction.atomic(using=alias):
        # Who keeps one of them now waits for this, and stores it again; who did, is waited for.
        found = old.filter(digest__in=digests).select_for_update().values_list("digest", flat=True)
        gone = list(found)
        rows = StoredDocument.objects.using(alias).filter(digest__in=gone)
        size = rows.aggregate(total=Sum("size"))["total"] or 0
        Mention.objects.using(alias).filter(digest__in=gone).delete()
        rows.delete()
    return Swept(documents=len(gone), size=size)


def _split(digests: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(digests)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
