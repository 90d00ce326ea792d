"""Remove an item for good: its row, and all its versions in django-reversion, named or not."""

import json
from collections.abc import Iterator

from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS
from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast
from reversion.models import Revision, Version

from flows.batches import split_batches
from flows.content.documents import Document
from flows.content.fields import Kind
from flows.documents.references import find_digests_in_save
from flows.models import MODELS, Item
from flows.servers import get_current_database

_BATCH = 400  # SQLite takes 999 variables in the oldest build that Django supports


def find_row(kind: Kind, uuid: str) -> Item | None:
    """Return the item's row, a soft-deleted one too."""
    model: type[Item] = MODELS[kind]
    return model._default_manager.filter(uuid=uuid).first()


def find_versions(kind: Kind, uuid: str) -> list[int]:
    """Return the keys of the item's versions, also of rows that were removed before."""
    row = find_row(kind, uuid)
    own = _query_versions(kind).filter(object_id=str(row.pk)) if row else Version.objects.none()
    return [*own.order_by().values_list("pk", flat=True), *_find_of_removed_rows(kind, uuid)]


def find_documents(kind: Kind, uuid: str) -> set[str]:
    """Return the digests of the documents that the item's row and versions have."""
    row = find_row(kind, uuid)
    values = row.content.values() if row else ()
    digests = {value.digest for value in values if isinstance(value, Document)}
    for batch in split_batches(find_versions(kind, uuid), _BATCH):
        texts = Version.objects.using(get_current_database()).filter(pk__in=batch)
        for text in texts.order_by().values_list("serialized_data", flat=True):
            digests.update(find_digests_in_save(text))
    return digests


def remove_item(kind: Kind, uuid: str) -> int:
    """Delete the item's row and versions, and revisions that hold nothing else; return how many
    versions there were.

    Call it in a transaction.
    """
    database = get_current_database()
    keys = find_versions(kind, uuid)
    for batch in split_batches(keys, _BATCH):
        versions = Version.objects.using(database).filter(pk__in=batch)
        revisions = set(versions.order_by().values_list("revision_id", flat=True))
        versions.delete()
        left = Version.objects.using(database).filter(revision__in=revisions)
        shared = set(left.order_by().values_list("revision_id", flat=True))
        Revision.objects.using(database).filter(pk__in=revisions - shared).delete()
    MODELS[kind]._default_manager.filter(uuid=uuid).delete()
    return len(keys)


def _query_versions(kind: Kind) -> QuerySet[Version]:
    database = get_current_database()
    content_type = ContentType.objects.db_manager(database).get_for_model(MODELS[kind])
    versions: QuerySet[Version] = Version.objects.using(database).filter(
        content_type=content_type, db=DEFAULT_DB_ALIAS
    )
    return versions


def _find_of_removed_rows(kind: Kind, uuid: str) -> Iterator[int]:
    """Yield the versions of rows that had the uuid: others may mention it."""
    keys = MODELS[kind]._default_manager.order_by().annotate(key=Cast("pk", CharField()))
    removed = _query_versions(kind).filter(
        ~Q(object_id__in=keys.values("key")), serialized_data__contains=uuid
    )
    for pk, text in removed.order_by().values_list("pk", "serialized_data").iterator():
        if json.loads(text)[0]["fields"].get("uuid") == uuid:
            yield pk
