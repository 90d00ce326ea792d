"""How the last import left a row that was edited since, as far as that state is kept."""

from dataclasses import dataclass
from datetime import datetime

from reversion.models import Version

from flows.content.fields import Content, get_columns
from flows.models import Item
from flows.saves.saved_states import get_content, get_present_row, read_saved_row
from imports.models import RESTORE, UNDO, ImportItem, Status
from imports.plans.plan import are_comparable, compute_content_digest
from imports.records.item_history import compute_digest, find_imports, find_saves


@dataclass(frozen=True, slots=True, kw_only=True)
class LastState:
    """The state in which the last import left a row that is not in it any more."""

    record: int
    """The number of the import's record."""
    at: datetime
    content: Content | None
    """None if the state is not kept: it is in a named save, if one was taken before the edit."""


def read_last_state(row: Item) -> LastState | None:
    """Return the state; None if no import left the row, or if it is as the last one left it."""
    imports = find_imports(row).filter(record__status=Status.SUCCEEDED)
    item = imports.exclude(record__mode__in=[UNDO, RESTORE]).exclude(content_digest="").first()
    if item is None or item.record.finished_at is None:
        return None
    now = compute_content_digest(get_content(row.kind, get_present_row(row)), get_columns(row.kind))
    if now == item.content_digest or not are_comparable(now, item.content_digest):
        return None
    version = _find_version(row, item)
    content = None if version is None else get_content(row.kind, read_saved_row(version))
    return LastState(record=item.record_id, at=item.record.finished_at, content=content)


def _find_version(row: Item, item: ImportItem) -> Version | None:
    """Return the saved state that is the one after the import: the next one, or the one before."""
    saves = find_saves(row)
    at = item.record.finished_at
    found = (
        saves.filter(revision__date_created__gt=at).order_by("pk").first(),
        saves.filter(revision__date_created__lte=at).order_by("-pk").first(),
    )
    for version in found:
        if version and compute_digest(row.kind, version) == item.content_digest:
            return version
    return None
