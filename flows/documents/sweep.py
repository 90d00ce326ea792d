"""Remove the documents that nothing refers to any more."""

from collections.abc import Iterator, Sequence
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
    sweep = _Sweep(flows=flows, alias=alias, old=old, last_save=last_save)
    removed = [sweep.remove(batch) for batch in _split(sorted(candidates))]
    return Swept(
        documents=sum(each.documents for each in removed), size=sum(each.size for each in removed)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sweep:
    flows: Any
    alias: str
    old: Any
    last_save: int
    """The number of the last named save that was looked at."""

    def remove(self, digests: Sequence[str]) -> Swept:
        """Remove those of the documents to which still nothing refers."""
        with transaction.atomic(using=self.alias):
            # What is being kept is passed over. Who keeps one from now on waits, and stores it.
            locked = self.old.filter(digest__in=digests).select_for_update(
                skip_locked=connections[self.alias].features.has_select_for_update_skip_locked
            )
            found = set(locked.values_list("digest", flat=True))
            found -= find_references_to(self.flows, self.alias, found)
            saves = find_references_of_saves(self.flows, self.alias, after=self.last_save)
            found.difference_update(digest for _, digest in saves)
            rows = StoredDocument.objects.using(self.alias).filter(digest__in=found)
            size = rows.aggregate(total=Sum("size"))["total"] or 0
            Mention.objects.using(self.alias).filter(digest__in=found).delete()
            rows.delete()
        return Swept(documents=len(found), size=size)


def _split(digests: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(digests)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
