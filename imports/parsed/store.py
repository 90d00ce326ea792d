"""Find what is known of flows by the digests of their slices, and remember it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.utils import timezone

from flows.batches import split_batches
from flows.database.bulk import insert_missing_rows
from imports.exportfile.document import ExportDocument
from imports.exportfile.known_items import pack_item
from imports.parsed.models import ParsedItem

_BATCH = 400
_USED_AGAIN_AFTER = timedelta(hours=12)
KEPT_DAYS = 30
"""How long what is known of a flow is kept after it was last used."""
MOST_KEPT = 100_000
"""How many are kept: the newest."""


def find_parsed(digests: Sequence[str]) -> Mapping[str, bytes]:
    """Return what is known, by digest. One query for a batch."""
    found: dict[str, bytes] = {}
    for batch in split_batches(digests, _BATCH):
        rows = ParsedItem.objects.filter(digest__in=batch).order_by()
        found |= {digest: bytes(body) for digest, body in rows.values_list("digest", "body")}
    return found


def remember_parsed(document: ExportDocument) -> None:
    """Keep what was read of the document's flows. Call it in the import's own transaction."""
    now = timezone.now()
    for batch in split_batches(document.known_slices, _BATCH):
        ParsedItem.objects.filter(digest__in=batch, used_at__lt=now - _USED_AGAIN_AFTER).update(
            used_at=now
        )
    if document.new_slices:
        forget_old()
    for batch in split_batches(document.new_slices, _BATCH):
        insert_missing_rows(
            [
                ParsedItem(
                    digest=digest,
                    uuid=document.new_slices[digest].uuid,
                    body=pack_item(document.new_slices[digest]),
                    used_at=now,
                )
                for digest in batch
            ]
        )


def forget_old() -> int:
    """Remove what was not used for KEPT_DAYS, and all but the newest MOST_KEPT; return how many."""
    old = ParsedItem.objects.filter(used_at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    removed, _ = old.delete()
    newest = ParsedItem.objects.order_by("-used_at", "-digest").values_list("used_at", "digest")
    if last := newest[MOST_KEPT : MOST_KEPT + 1].first():
        beyond, _ = ParsedItem.objects.filter(used_at__lte=last[0]).delete()
        removed += beyond
    return removed


def forget_all() -> None:
    """Remove all of it: a flow that is deleted for good may be in the slice of any."""
    ParsedItem.objects.all().delete()
