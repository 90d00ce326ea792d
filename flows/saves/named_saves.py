"""Named saves: states of single items under a name, kept by django-reversion.

A named save is one Revision with one Version and the save's name as its comment. One revision
for each item, never one for many: django-reversion restores a revision as a whole, so even
viewing one item's save would touch all the others.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from django.utils import timezone
from reversion.errors import RevertError
from reversion.models import Revision, Version

from flows.content.documents import Document
from flows.database.bulk import insert_rows
from flows.documents.field import DOCUMENT_KEY, StoredDocumentField, read_columns
from flows.documents.packing import DamagedDocumentError
from flows.documents.store import keep_documents
from flows.models import Item, list_saved_fields
from flows.saves.json_serializer import ExactEncoder
from flows.saves.row_json import make_row_json, make_uuid_text
from flows.servers import get_current_database
from flows.users import User

_BATCH = 200
# A save is written to the database of its item, under whatever alias that is used: for the server
# that has the database, and lists the save in its admin, it is the default one.
_SAVED_DB = DEFAULT_DB_ALIAS


def take(item: Item, name: str, *, user: User | None = None) -> Revision:
    """Save the item's state under a name, as the object in memory has it."""
    return take_many([item], name, user=user)[0]


def take_many(items: Sequence[Item], name: str, *, user: User | None = None) -> list[Revision]:
    """Save the state of items of one kind under a name; return the revisions in the items' order.

    Read the rows inside the transaction: the object in memory is what is saved. One query for
    each batch of items, and one for all. The rows are what django-reversion would write.
    """
    if not items:
        return []
    database = get_current_database()
    content_type = ContentType.objects.db_manager(database).get_for_model(type(items[0]))
    with transaction.atomic(using=database):
        revisions = _make_revisions(len(items), name, user)
        documents = [document for item in items for _, document in _list_documents(item)]
        keep_documents(documents, database)
        insert_rows(
            [
                Version(
                    revision=revision,
                    object_id=str(item.pk),
                    content_type=content_type,
                    db=_SAVED_DB,
                    format="json",
                    serialized_data=_serialize(item),
                    object_repr=str(item),
                )
                for item, revision in zip(items, revisions, strict=True)
            ]
        )
    return revisions


def take_rows(
    model: type[Item], pks: Sequence[int], name: str, *, user: User | None = None
) -> list[int]:
    """Save the state of rows of one kind under a name; return the revisions' numbers in that order.

    As `take_many`, but from the rows in the database: they are not read into Python.
    """
    database = get_current_database()
    connection = connections[database]
    with transaction.atomic(using=database):
        revisions = _make_revision_numbers(len(pks), name, user)
        for batch in range(0, len(pks), _BATCH):
            pairs = zip(pks[batch : batch + _BATCH], revisions[batch : batch + _BATCH], strict=True)
            with connection.cursor() as cursor:
                cursor.execute(*_make_copy_statement(model, connection, pairs))
                if cursor.rowcount != len(pks[batch : batch + _BATCH]):
                    raise ObjectDoesNotExist("A row is not there any more.")
    return revisions


def _make_copy_statement(
    model: type[Item],
    connection: BaseDatabaseWrapper,
    pairs: Iterable[tuple[int, int]],
) -> tuple[str, list[Any]]:
    """Return the statement that copies each row into its revision, and its parameters."""
    quote = connection.ops.quote_name
    key, uuid, named = (quote(column) for column in (str(model._meta.pk.column), "uuid", "name"))
    values = ", ".join(f"({int(pk)}, {int(revision)})" for pk, revision in pairs)
    statement = f"""
        INSERT INTO {quote(Version._meta.db_table)} (
            revision_id, object_id, content_type_id, db, format, object_repr, serialized_data
        )
        WITH saved(row_key, revision_key) AS (VALUES {values})
        SELECT revision_key, CAST({key} AS text), %s, %s, 'json',
            COALESCE(NULLIF({named}, ''), '(no name) ' || {make_uuid_text(uuid, connection)}),
            {make_row_json(model, connection)}
        FROM {quote(model._meta.db_table)} JOIN saved ON {key} = row_key
        ORDER BY revision_key
    """  # noqa: S608 - names of the model's own, and whole numbers
    content_type = ContentType.objects.db_manager(connection.alias).get_for_model(model)
    return statement, [content_type.pk, _SAVED_DB]


def _make_revisions(number: int, name: str, user: User | None) -> list[Revision]:
    now = timezone.now()
    revisions = [Revision(date_created=now, user=user, comment=name) for _ in range(number)]
    made = Revision.objects.using(get_current_database())
    return list(made.bulk_create(revisions, batch_size=_BATCH))


def _make_revision_numbers(number: int, name: str, user: User | None) -> list[int]:
    """Make revisions as `_make_revisions` does, in one statement; return their numbers."""
    connection = connections[get_current_database()]
    if not (number and connection.features.can_return_rows_from_bulk_insert):
        return [revision.pk for revision in _make_revisions(number, name, user)]
    row = {"date_created": timezone.now(), "comment": name, "user": user.pk if user else None}
    fields = [Revision._meta.get_field(field) for field in row]
    values = [
        field.get_db_prep_save(value, connection)
        for field, value in zip(fields, row.values(), strict=True)
    ]
    is_postgresql = connection.vendor == "postgresql"
    # PostgreSQL takes a selected null for a text.
    places = [
        f"CAST(%s AS {each.db_type(connection)})" if is_postgresql else "%s" for each in fields
    ]
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(Revision._meta.db_table)} "  # noqa: S608 - names of the model's own
            f"({', '.join(quote(each.column) for each in fields)}) "
            f"SELECT {', '.join(places)} FROM ({_SERIES[is_postgresql]}) AS numbers RETURNING id",
            [*values, number],
        )
        return sorted(pk for (pk,) in cursor.fetchall())


# The numbers from 1 on.
_SERIES = {
    True: "SELECT generate_series(1, %s)",
    False: "WITH RECURSIVE series(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM series "
    "WHERE at < %s) SELECT at FROM series",
}


def _serialize(item: Item) -> str:
    # In one piece: Django's JSON serializer streams, which takes twice the time for the same text.
    documents = dict(_list_documents(item))
    others = [each.name for each in list_saved_fields(type(item)) if each.name not in documents]
    [saved] = serializers.serialize("python", [item], fields=others)
    for name, document in documents.items():
        saved["fields"][name] = {DOCUMENT_KEY: document.digest}
    return json.dumps([saved], cls=ExactEncoder, ensure_ascii=False)


def _list_documents(item: Item) -> Iterator[tuple[str, Document]]:
    stored = [each.name for each in item._meta.fields if isinstance(each, StoredDocumentField)]
    yield from read_columns(item, stored).items()


def query_versions() -> Any:
    """Return the query for all versions of the present database."""
    return Version.objects.using(get_current_database())


def list_saves(item: Item) -> list[Version]:
    """Return all of `find_saves`, read."""
    return list(find_saves(item))


def find_saves(item: Item) -> QuerySet[Version]:
    """Return the item's named saves, newest first. Each one's name is `version.revision.comment`.

    The saved states are read one by one, when they are used.
    """
    return (  # type: ignore[no-any-return]
        query_versions()
        .get_for_object(item, model_db=_SAVED_DB)
        .exclude(revision__comment="")
        .select_related("revision__user")
        .defer("serialized_data")
    )


def find_save(model: type[Item], number: int) -> Version | None:
    """Return the named save whose version has this number; None where the model has none."""
    return (
        query_versions()
        .get_for_model(model, model_db=_SAVED_DB)
        .filter(pk=number)
        .exclude(revision__comment="")
        .select_related("revision__user")
        .first()
    )


def find_saves_in(model: type[Item], revisions: Iterable[int]) -> Iterator[Version]:
    """Yield the saves of items of that model in these revisions, with the saved states."""
    content_type = ContentType.objects.db_manager(get_current_database()).get_for_model(model)
    # With a condition on the model, SQLite would read every save of the model.
    for version in query_versions().filter(revision__in=revisions).order_by():
        if (version.content_type_id, version.db) == (content_type.pk, _SAVED_DB):
            yield version


def restore(version: Version) -> None:
    """Restore the item to the state of the save: that item alone.

    Raises reversion.errors.RevertError where the save does not fit the database any more.
    """
    version.db = get_current_database()
    try:
        # Not the whole revision: one that was made otherwise can contain other items as well.
        with transaction.atomic(using=version.db):
            version.revert()
    except (IntegrityError, ObjectDoesNotExist, DamagedDocumentError) as error:
        raise RevertError(
            f"The save of {version.object_repr} does not fit the database any more, "
            "for example because another item has its name now."
        ) from error
