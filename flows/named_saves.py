"""Named saves: states of single items under a name, kept by django-reversion.

A named save is one Revision with one Version and the save's name as its comment. One revision
for each item, never one for many: django-reversion restores a revision as a whole, and so even
viewing one item's save would touch all the others.
"""

import json
from collections.abc import Sequence

from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.exceptions import ObjectDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from reversion.errors import RevertError
from reversion.models import Revision, Version

from accounts.models import User
from flows.bulk import insert_rows
from flows.models import Item
from flows.servers import current_database

_BATCH = 200
# A save lies in the database of its item, by whatever name that is reached: to the server whose
# database it is, whose admin has to find the save, it is the default one.
_SAVED_DB = DEFAULT_DB_ALIAS


def take(item: Item, name: str, *, user: User | None = None) -> Revision:
    """Save the item's state under a name, as the object in memory has it."""
    return take_many([item], name, user=user)[0]


def take_many(items: Sequence[Item], name: str, *, user: User | None = None) -> list[Revision]:
    """Save the state of items of one kind under a name; the revisions in the items' order.

    Read the rows inside the transaction: what is saved is the object in memory. One query for
    each batch of items, and one for all. The rows are what django-reversion would write.
    """
    if not items:
        return []
    database = current_database()
    content_type = ContentType.objects.db_manager(database).get_for_model(type(items[0]))
    now = timezone.now()
    with transaction.atomic(using=database):
        revisions = Revision.objects.bulk_create(
            [Revision(date_created=now, user=user, comment=name) for _ in items],
            batch_size=_BATCH,
        )
        insert_rows(
            [
                Version(
                    revision=revision,
                    object_id=str(item.pk),
                    content_type=content_type,
                    db=_SAVED_DB,
                    format="json",
                    serialized_data=_serialized(item),
                    object_repr=str(item),
                )
                for item, revision in zip(items, revisions, strict=True)
            ]
        )
    return list(revisions)


def _serialized(item: Item) -> str:
    # In one go: Django's JSON serializer streams, which takes twice the time for the same text.
    return json.dumps(
        serializers.serialize("python", [item]), cls=DjangoJSONEncoder, ensure_ascii=False
    )


def list_saves(item: Item) -> list[Version]:
    """All of `saves_of`, read."""
    return list(saves_of(item))


def saves_of(item: Item) -> QuerySet[Version]:
    """The item's named saves, newest first. Each one's name is `version.revision.comment`.

    The saved states themselves are read one by one, where somebody looks at them.
    """
    return (  # type: ignore[no-any-return]
        Version.objects.get_for_object(item, model_db=_SAVED_DB)
        .exclude(revision__comment="")
        .select_related("revision__user")
        .defer("serialized_data")
    )


def find_save(model: type[Item], number: int) -> Version | None:
    """The named save of an item of that model whose version has this number."""
    return (
        Version.objects.get_for_model(model, model_db=_SAVED_DB)
        .filter(pk=number)
        .exclude(revision__comment="")
        .select_related("revision__user")
        .first()
    )


def restore(version: Version) -> None:
    """Put the item back into the state of the save: that item alone.

    Raises reversion.errors.RevertError where the save does not fit the database any more.
    """
    version.db = current_database()
    try:
        # Not the whole revision: one that somebody else made can hold other items as well.
        with transaction.atomic(using=version.db):
            version.revert()
    except (IntegrityError, ObjectDoesNotExist) as error:
        raise RevertError(
            f"The save of {version.object_repr} does not fit the database any more, "
            "for example because another item has its name now."
        ) from error
