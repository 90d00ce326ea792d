"""Remove the documents that nothing refers to any more."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import connections, transaction
from django.db.models import Max, Sum
from django.utils import timezone
from reversion.models import Version

from flows.documents.models import Mention, StoredDocument
from flows.documents.references import (
    find_references_of_rows,
    find_references_of_saves,
    find_references_to,
)
from flows.documents.store import GRACE

_BATCH = 400


@dataclass(frozen=True, slots=True)
class Swept:
    """How many documents were removed, and their size as they were stored, in bytes of text."""

    documents: int = 0
    size: int = 0


def sweep_documents(flows: Any, alias: str, *, grace: timedelta = GRACE) -> Swept:
    """Remove the documents that no row and no named save of the model `flows` refers to.

    Call it under the import lock, outside a transaction. A document that was stored within `grace`
    stays: a transaction in flight may be about to refer to it. Of the others, those that one is
    about to refer to are locked, and stay as well.
    """
    old = StoredDocument.objects.using(alias).filter(kept_at__lt=timezone.now() - grace).order_by()
    candidates = set(old.values_list("digest", flat=True))
    last_save = Version.objects.using(alias).aggregate(last=Max("pk"))["last"] or 0
    # Rows before saves: what a run moves, it moves from a row to a save, in one transaction.
    for find_references in (find_references_of_rows, find_references_of_saves):
        if candidates:
            candidates.difference_update(digest for _, digest in find_references(flows, alias))
    removed = [
        _remove(flows, alias, old.filter(digest__in=batch), after_save=last_save)
        for batch in _split(sorted(candidates))
    ]
    return Swept(
        documents=sum(each.documents for each in removed), size=sum(each.size for each in removed)
    )


def remove_unshared_documents(flows: Any, alias: str, digests: Collection[str]) -> Swept:
    """Remove those of the documents that no row and no named save refers to, however new.

    Call it under the import lock, in the transaction that removed what had them.
    """
    removed = [
        _remove(flows, alias, StoredDocument.objects.using(alias).filter(digest__in=batch))
        for batch in _split(sorted(digests))
    ]
    return Swept(
        documents=sum(each.documents for each in removed), size=sum(each.size for each in removed)
    )


def _remove(flows: Any, alias: str, documents: Any, *, after_save: int = 0) -> Swept:
    """Remove those of the documents to which nothing refers.

    Named saves up to the number `after_save` were looked at before.
    """
    with transaction.atomic(using=alias):
        # What is being kept is passed over. Who keeps one from now on waits, and stores it.
        locked = documents.order_by().select_for_update(
            skip_locked=connections[alias].features.has_select_for_update_skip_locked
        )
        found = set(locked.values_list("digest", flat=True))
        found -= find_references_to(flows, alias, found)
        if found:
            saves = find_references_of_saves(flows, alias, after=after_save)
            found.difference_update(digest for _, digest in saves)
        rows = StoredDocument.objects.using(alias).filter(digest__in=found)
        size = rows.aggregate(total=Sum("size"))["total"] or 0
        Mention.objects.using(alias).filter(digest__in=found).delete()
        rows.delete()
    return Swept(documents=len(found), size=size)


def _split(digests: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(digests)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
