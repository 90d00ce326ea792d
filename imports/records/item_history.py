"""The imports of one item, with the states before and after each, as far as they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS
from django.db.models import OuterRef, QuerySet, Subquery
from reversion.models import Version

from flows.content.fields import Content, Kind, get_columns
from flows.models import MODELS, Item
from flows.saves.saved_states import (
    get_content,
    get_present_row,
    read_saved_content,
    read_saved_row,
)
from flows.servers import get_current_database
from imports.models import ImportItem
from imports.plans.plan import compute_content_digest
from imports.records.kept_states import Holder, Kept, KeptState, find_state_after, find_state_before

_CONTENT_BATCH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemImport:
    """What one import did to the item."""

    item: ImportItem
    """With its record."""
    before: KeptState
    after: KeptState


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemState:
    """A state of the item. The values of a secret are not part of the content."""

    content: Content
    is_deleted: bool


def find_imports(row: Item) -> QuerySet[ImportItem]:
    """Return what each import did to the row, newest first, with its record without issues.

    Imports that matched the row and left it unchanged are among them.
    """
    return (
        ImportItem.objects.filter(kind=row.kind, target_uuid=row.uuid)
        .select_related("record")
        .defer("record__issues")
        .order_by("-pk")
    )


def add_states(row: Item, items: QuerySet[ImportItem]) -> list[ItemImport]:
    """Return the imports of `find_imports`, or a part of them, with their states.

    Makes three queries, and one for each batch of named saves, of which only digests are kept in
    memory.
    """
    saves = find_saves(row)
    # An import's own named save is taken before it ends; no other run writes the row before.
    later = saves.filter(revision__date_created__gt=OuterRef("record__finished_at"))
    found = list(
        items.annotate(
            own_save=Subquery(saves.filter(revision=OuterRef("named_save")).values("pk")[:1]),
            next_save=Subquery(later.order_by("pk").values("pk")[:1]),
        )
    )
    holders = _read_holders(row.kind, [item.next_save for item in found if item.next_save])
    present = get_content(row.kind, get_present_row(row))
    now = Holder(digest=compute_content_digest(present, get_columns(row.kind)))
    return [
        ItemImport(
            item=item,
            before=find_state_before(item.result, item.own_save),
            after=find_state_after(
                item.result,
                item.content_digest,
                leaves_deleted=item.leaves_deleted,
                row=now,
                next_save=holders.get(item.next_save),
            ),
        )
        for item in found
    ]


def read_state(row: Item, state: KeptState) -> ItemState | None:
    """Return a known state; None if the item did not exist.

    Raises reversion.errors.RevertError if the named save cannot be read any more.
    """
    if state.kept is Kept.NOTHING:
        return None
    held = (
        get_present_row(row)
        if state.kept is Kept.NOW
        else read_saved_row(find_saves(row).get(pk=state.save))
    )
    return ItemState(content=get_content(row.kind, held), is_deleted=held["is_deleted"])


def find_records_by_save(row: Item) -> dict[int, int]:
    """Return the number of the import record by the revision of the named save that it took."""
    items = ImportItem.objects.filter(kind=row.kind, target_uuid=row.uuid, named_save__isnull=False)
    return dict(items.order_by().values_list("named_save", "record"))


def find_saves(row: Item) -> QuerySet[Version]:
    """Return the named saves and other saved states of the row, in no order."""
    model = MODELS[row.kind]
    versions = Version.objects.using(get_current_database()).get_for_model(
        model, model_db=DEFAULT_DB_ALIAS
    )
    saves: QuerySet[Version] = versions.filter(object_id=str(row.pk)).order_by()
    return saves


def _read_holders(kind: Kind, numbers: Sequence[int]) -> dict[int, Holder]:
    versions = Version.objects.using(get_current_database()).filter(pk__in=numbers).order_by()
    return {
        version.pk: Holder(digest=compute_digest(kind, version), save=version.pk)
        for version in versions.iterator(chunk_size=_CONTENT_BATCH)
    }


def compute_digest(kind: Kind, version: Version) -> str:
    """Return the digest of a saved state's content; "" if it cannot be read any more."""
    content = read_saved_content(kind, version)
    return "" if content is None else compute_content_digest(content, get_columns(kind))
