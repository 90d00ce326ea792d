"""What a database holds, row by row, to hold one state against another."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from reversion.models import Version

from flows.content.documents import read_text
from flows.content.fields import Kind, get_columns
from flows.documents.models import Mention, StoredDocument
from flows.models import MODELS
from imports.models import ImportItem, ImportRecord, RunProgress
from imports.parsed.models import ParsedItem

RECORDS = ImportRecord._meta.db_table
ITEMS = ImportItem._meta.db_table
# Written beside the transaction of a run that takes half a second or more, by a connection of its
# own: the transaction of a test takes it back as little as that of a run.
BESIDE_ALL = frozenset({RunProgress._meta.db_table})

# Each after those that its rows refer to.
WRITTEN_BY_IMPORTS = (
    StoredDocument._meta.db_table,
    Mention._meta.db_table,
    *(MODELS[kind]._meta.db_table for kind in Kind),
    "reversion_revision",
    "reversion_version",
    RECORDS,
    ITEMS,
    ParsedItem._meta.db_table,
)

Rows = Mapping[str, list[dict[str, Any]]]
"""Table to its rows, each with every column as the database itself gives it."""


def all_rows(*, without: Collection[str] = ()) -> Rows:
    """Every column of every row of every table but those, and how far runs are."""
    tables = set(connection.introspection.table_names())
    return {table: _rows(table) for table in sorted(tables - BESIDE_ALL - set(without))}


def data_of(rows: Rows) -> Rows:
    """Those but the records: a run that did not happen leaves these as they were."""
    return {table: rows[table] for table in rows if table != RECORDS}


def data_rows() -> Rows:
    """The rows of the data as they are now."""
    return data_of(all_rows())


def put_back(rows: Rows) -> None:
    """Make the tables that imports write hold these rows again, primary keys and all."""
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        for table in reversed(WRITTEN_BY_IMPORTS):
            cursor.execute(f"DELETE FROM {quote(table)}")
        for table in filter(rows.get, WRITTEN_BY_IMPORTS):
            names = list(rows[table][0])
            cursor.executemany(
                f"INSERT INTO {quote(table)} ({', '.join(map(quote, names))}) "
                f"VALUES ({', '.join('%s' for _ in names)})",
                [[row[name] for name in names] for row in rows[table]],
            )


def outcome() -> dict[str, list[Any]]:
    """What an import leaves, without what differs from run to run: times and primary keys."""
    found: dict[str, list[Any]] = {kind.plural: _contents(kind) for kind in Kind}
    found["saves"] = sorted(
        (version.revision.comment, version.object_repr, version.serialized_data)
        for version in Version.objects.select_related("revision")
    )
    found["items"] = sorted(
        ImportItem.objects.annotate(status=F("record__status")).values_list(
            "status",
            *("kind", "position", "uuid", "name", "result", "match_method"),
            *("target_uuid", "target_name", "changed_keys", "warnings"),
            "named_save__comment",
        ),
        key=repr,
    )
    return found


def _contents(kind: Kind) -> list[Any]:
    names: Sequence[str] = ("uuid", *get_columns(kind), "is_deleted")
    if kind is Kind.SECRET:
        names = (*names, "dev_value", "prod_value")
    rows: Iterable[Any] = MODELS[kind]._default_manager.values_list(*names)
    return sorted((tuple(map(read_text, row)) for row in rows), key=repr)


def _rows(table: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        names = [column[0] for column in cursor.description]
        return sorted((dict(zip(names, row, strict=True)) for row in cursor.fetchall()), key=repr)
