"""Many rows in one query, with `executemany`.

Django's own bulk writes put all rows into one statement. On PostgreSQL that goes through arrays
(UNNEST), for which psycopg escapes every quote of every document in Python: ten times slower for
rows of 20 kB (measured; see benchmarks/README.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django.db import connections
from django.db.models import Field, Model

from flows.servers import current_database


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert new rows of one model. Their primary keys are not read back."""
    if not rows:
        return
    model, connection = type(rows[0]), connections[current_database()]
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join("%s" for _ in fields)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places})",  # noqa: S608
            [
                [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
                for row in rows
            ],
        )


def update_rows(
    model: type[Model], names: Sequence[str], rows: Iterable[tuple[int, Mapping[str, Any]]]
) -> int:
    """Set the named fields of rows, each given by its primary key; how many rows there were."""
    connection = connections[current_database()]
    quote = connection.ops.quote_name
    fields = [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]
    assignments = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    key = quote(str(model._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {key} = %s",  # noqa: S608
            [
                [*(field.get_db_prep_save(values[field.name], connection) for field in fields), pk]
                for pk, values in rows
            ],
        )
        return int(cursor.rowcount)
