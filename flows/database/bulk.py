"""Write many rows in one query, with `executemany` or, on PostgreSQL, COPY.

Django's own bulk writes put all rows into one statement. On PostgreSQL that uses arrays
(UNNEST), for which psycopg escapes every quote of every document in Python: ten times slower for
rows of 20 kB (measured; see benchmarks/README.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, CharField, Field, Model, TextField

from flows.servers import get_current_database


def compress_quickly() -> None:
    """Let PostgreSQL compress what the present transaction writes with LZ4, where it can.

    Its default, pglz, takes longer for rows of 20 kB than all other parts of writing them
    (measured; see benchmarks/README.md). What is compressed already stays as it is.
    """
    connection = connections[get_current_database()]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config(name, 'lz4', true) FROM pg_settings "
                "WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
            )


@runtime_checkable
class PreparesMany(Protocol):
    """A field that prepares the values of many rows at once."""

    def prepare_many(self, values: Sequence[Any], connection: BaseDatabaseWrapper) -> Sequence[Any]:
        """Return the values as the database driver takes them."""


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert new rows of one model. Primary keys that the database makes are not read back."""
    _insert_rows(rows, "")


def insert_missing_rows(rows: Sequence[Model]) -> None:
    """Insert those of the rows whose primary keys, which they have, are not in the table."""
    _insert_rows(rows, " ON CONFLICT DO NOTHING")


def insert_values(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert new rows, given by their columns, which are those of the first row.

    Other columns get their defaults. Without an object for each row it takes half the time.
    """
    if not rows:
        return
    fields = _get_inserted_fields(model)
    given = [
        [row[field.attname] for row in rows]
        if field.attname in rows[0]
        else [field.get_default()] * len(rows)
        for field in fields
    ]
    _insert(model, fields, given, "")


def _insert_rows(rows: Sequence[Model], on_conflict: str) -> None:
    if rows:
        fields = _get_inserted_fields(type(rows[0]))
        given = [[field.pre_save(row, True) for row in rows] for field in fields]
        _insert(type(rows[0]), fields, given, on_conflict)


def _get_inserted_fields(model: type[Model]) -> "list[Field[Any, Any]]":
    return [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]


def _insert(
    model: type[Model],
    fields: "Sequence[Field[Any, Any]]",
    given: Sequence[Sequence[Any]],
    on_conflict: str,
) -> None:
    """Insert rows, given by column."""
    connection = connections[get_current_database()]
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join("%s" for _ in fields)
    columns = [
        _prepare_values(field, values, connection)
        for field, values in zip(fields, given, strict=True)
    ]
    rows = list(zip(*columns, strict=True))
    table = quote(model._meta.db_table)
    is_many = len(rows) >= _WORTH_A_COPY and connection.in_atomic_block
    if is_many and connection.vendor == "postgresql":
        _copy_into(connection, table, names, rows, on_conflict)
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({places}){on_conflict}",  # noqa: S608
            rows,
        )


_WORTH_A_COPY = 50
"""From how many rows on COPY, which may need a temporary table, is quicker."""


def _copy_into(
    connection: BaseDatabaseWrapper,
    table: str,
    names: str,
    rows: Iterable[Sequence[Any]],
    on_conflict: str,
) -> None:
    """Write new rows with COPY; where some may be there, by way of a temporary table."""
    with connection.cursor() as cursor:
        if not on_conflict:
            _copy_rows(connection, cursor, table, names, rows)
            return
        new = connection.ops.quote_name("new_rows")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {new} ON COMMIT DROP "  # noqa: S608
            f"AS SELECT {names} FROM {table} WITH NO DATA"
        )
        _copy_rows(connection, cursor, new, names, rows)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {new}{on_conflict}"  # noqa: S608
        )
        cursor.execute(f"DROP TABLE {new}")


def _copy_rows(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    table: str,
    names: str,
    rows: Iterable[Sequence[Any]],
) -> None:
    # Django's cursor has no COPY: psycopg's has, whose errors have to become Django's.
    with (
        connection.wrap_database_errors,
        cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def update_rows(
    model: type[Model], names: Sequence[str], rows: Sequence[tuple[int, Mapping[str, Any]]]
) -> int:
    """Set the named fields of rows, each given by its primary key; return how many rows there were.

    Call it in a transaction.
    """
    connection = connections[get_current_database()]
    fields = [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]
    values = [
        _prepare_values(field, [row[field.name] for _, row in rows], connection) for field in fields
    ]
    by_row = zip(*values, [pk for pk, _ in rows], strict=True)
    columns = [connection.ops.quote_name(str(field.column)) for field in fields]
    update = _copy_and_update if connection.vendor == "postgresql" else _update_each
    return update(connection, model, columns, by_row)


def _prepare_values(
    field: "Field[Any, Any]", values: Sequence[Any], connection: BaseDatabaseWrapper
) -> Sequence[Any]:
    """Return a column's values as the database driver takes them."""
    if isinstance(field, PreparesMany):
        return field.prepare_many(values, connection)
    keeps_text = type(field).get_prep_value in _KEEPS_TEXT
    if keeps_text and all(type(value) is str for value in values):
        return values  # Django would convert none of them
    prepare = partial(field.get_db_prep_save, connection=connection)
    few: dict[Any, Any] = {}  # most columns have few values: they are converted once
    return [
        prepare(value)
        if (key := _get_key(value)) is None
        else few[key]
        if key in few
        else few.setdefault(key, prepare(value))
        for value in values
    ]


def _get_key(value: Any) -> Any:
    """Return what stands for the value among others of a column; None for what may be any."""
    if value is None or isinstance(value, bool | Enum):
        return type(value), value
    return type(value) if type(value) in {list, dict} and not value else None


_KEEPS_TEXT = {CharField.get_prep_value, TextField.get_prep_value}


def _update_each(
    connection: BaseDatabaseWrapper,
    model: type[Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> int:
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{column} = %s" for column in columns)
    key = quote(str(model._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {key} = %s",  # noqa: S608
            list(rows),
        )
        return int(cursor.rowcount)


def _copy_and_update(
    connection: BaseDatabaseWrapper,
    model: type[Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> int:
    """Write the rows into a temporary table with COPY, and update from there."""
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    new = quote(f"new_{model._meta.db_table}")
    assignments = ", ".join(f"{column} = {new}.{column}" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {new} ON COMMIT DROP "  # noqa: S608
            f"AS SELECT * FROM {table} WITH NO DATA"
        )
        _copy_rows(connection, cursor, new, f"{', '.join(columns)}, {key}", rows)
        cursor.execute(
            f"UPDATE {table} SET {assignments} FROM {new} WHERE {table}.{key} = {new}.{key}"  # noqa: S608
        )
        count = int(cursor.rowcount)
        cursor.execute(f"TRUNCATE {new}")
        return count
