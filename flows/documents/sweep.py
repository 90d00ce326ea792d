"""Remove the documents that nothing refers to any more."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import connections, transaction
from django.db.models import Max
from django.utils import timezone
from reversion.models import Version

from flows.batches import split_batches
from flows.documents.models import Mention, StoredDocument
from flows.documents.references import (
    find_references_of_rows,
    find_references_of_saves,
    find_references_to,
)
from flows.documents.store import GRACE

_BATCH = 400


def sweep_documents(flows: Any, alias: str, *, grace: timedelta = GRACE) -> int:
    """Remove the documents that no row or save of the model `flows` has; return how many.

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
    return _remove_all(flows, alias, candidates, of=old, after_save=last_save)


def remove_unshared_documents(flows: Any, alias: str, digests: Collection[str]) -> int:
    """Remove those of the documents that no row or save has, however new; return how many.

    Call it under the import lock, in the transaction that removed what had them.
    """
    return _remove_all(flows, alias, digests, of=StoredDocument.objects.using(alias), after_save=0)


def _remove_all(
    flows: Any, alias: str, digests: Collection[str], *, of: Any, after_save: int
) -> int:
    return sum(
        _remove(flows, alias, of.filter(digest__in=batch), after_save=after_save)
        for batch in split_batches(sorted(digests), _BATCH)
    )


def _remove(flows: Any, alias: str, documents: Any, *, after_save: int) -> int:
    """Remove those of the documents to which nothing refers; return how many.

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
        Mention.objects.using(alias).filter(digest__in=found).delete()
        StoredDocument.objects.using(alias).filter(digest__in=found).delete()
    return len(found)
