"""The states of rows before and after one run, for a page of its items: read together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Min
from reversion.models import Version

from flows.change_summary import summarize_change, summarize_fields
from flows.content.documents import Document, group_documents
from flows.content.fields import Content, Kind, get_columns
from flows.documents.packing import DamagedDocumentError
from flows.models import MODELS
from flows.saves.named_saves import find_saves_in
from flows.saves.saved_states import read_saved_content
from flows.servers import get_current_database
from imports.models import ImportItem
from imports.plans.comparison import find_differences
from imports.plans.plan import compute_content_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStates:
    """The contents of a row before and after a run wrote it."""

    before: Content
    after: Content


def read_written_states(kind: Kind, items: Sequence[ImportItem]) -> dict[int, WrittenStates]:
    """Return, by the key of an item, the states of the rows that existed before and after.

    The items are of that kind and of one record. The state before is in the named save that the run
    took. The state after is the row's, or that of the next named save: where neither is what the
    run wrote, the row was edited since, and the item is left out. Reads in a fixed number of
    queries; documents are read when they are used, all together.
    """
    saved = [item for item in items if item.named_save_id and not item.leaves_deleted]
    if not saved:
        return {}
    before = _read_saves_before(kind, saved)
    after = _read_states_after(kind, [item for item in saved if item.pk in before])
    found = {pk: WrittenStates(before=before[pk], after=after[pk]) for pk in before.keys() & after}
    group_documents(list(_find_documents(found.values())))
    return found


def describe_change(item: ImportItem, states: WrittenStates | None) -> tuple[str, ...]:
    """Return what the run changed in the row, in words.

    The fields alone are named where the states are not kept, or a document is damaged: the item's
    page says what is damaged.
    """
    keys = (f"{', '.join(item.changed_keys)} changed",) if item.changed_keys else ()
    if states is None:
        return keys
    kind = Kind(item.kind)
    fields = find_differences(kind, states.before, states.after)
    try:
        inside = summarize_change(kind, states.before, states.after)
    except DamagedDocumentError:
        return keys
    return summarize_fields(fields, inside) or keys


def _read_saves_before(kind: Kind, items: Sequence[ImportItem]) -> dict[int, Content]:
    keys = {item.named_save_id: item.pk for item in items}
    versions = find_saves_in(MODELS[kind], [revision for revision in keys if revision])
    found = ((keys[version.revision_id], read_saved_content(kind, version)) for version in versions)
    return {pk: content for pk, content in found if content is not None}


def _read_states_after(kind: Kind, items: Sequence[ImportItem]) -> dict[int, Content]:
    """Return, by the key of an item, the content that the run wrote, where it is kept."""
    rows = _read_rows(kind, items)
    wanted = {item.target_uuid: item for item in items}
    found = {}
    overwritten = {}
    for uuid, (pk, content) in rows.items():
        item = wanted[uuid]
        if _has_digest(kind, content, item.content_digest):
            found[item.pk] = content
        else:
            overwritten[str(pk)] = item
    for version in _read_next_saves(kind, overwritten, items[0] if items else None):
        item = overwritten[version.object_id]
        saved = read_saved_content(kind, version)
        if saved is not None and _has_digest(kind, saved, item.content_digest):
            found[item.pk] = saved
    return found


def _read_rows(kind: Kind, items: Iterable[ImportItem]) -> dict[UUID, tuple[int, Content]]:
    names = get_columns(kind)
    rows = MODELS[kind]._default_manager.filter(uuid__in={item.target_uuid for item in items})
    return {
        uuid: (pk, dict(zip(names, values, strict=True)))
        for uuid, pk, *values in rows.order_by().values_list("uuid", "pk", *names)
    }


def _read_next_saves(
    kind: Kind, wanted: Iterable[str], item: ImportItem | None
) -> Iterable[Version]:
    """Return the first named save of each row, by its key as a text, after the run's own."""
    keys = list(wanted)
    if not keys or item is None or item.record.finished_at is None:
        return ()
    versions = Version.objects.using(get_current_database())
    # An import's own named saves are taken before it ends.
    later = versions.get_for_model(MODELS[kind], model_db=DEFAULT_DB_ALIAS).filter(
        object_id__in=keys, revision__date_created__gt=item.record.finished_at
    )
    first = later.order_by().values("object_id").annotate(first=Min("pk")).values("first")
    return list(versions.filter(pk__in=[each["first"] for each in first]).order_by())


def _has_digest(kind: Kind, content: Content, digest: str) -> bool:
    return compute_content_digest(content, get_columns(kind)) == digest


def _find_documents(states: Iterable[WrittenStates]) -> Iterator[Document]:
    """Yield the documents that differ, the only ones that are read."""
    for state in states:
        for column, value in state.after.items():
            before = state.before[column]
            if isinstance(value, Document) and isinstance(before, Document) and value != before:
                yield from (before, value)
