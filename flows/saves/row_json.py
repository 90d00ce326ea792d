"""Serialise a row as django-reversion does, in the database: no row is read into Python.

The result is that of saves.json_serializer, but for white space and the zeros at the end of a
time: a test compares the two.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, DateTimeField, Field, Model, UUIDField

from flows.documents.field import DOCUMENT_KEY, StoredDocumentField
from flows.models import list_saved_fields


def make_row_json(model: type[Model], connection: BaseDatabaseWrapper) -> str:
    """Return the SQL expression of a list with one serialised object: a row of the model."""
    is_postgresql = connection.vendor == "postgresql"
    express = _make_postgresql if is_postgresql else _make_sqlite
    fields = ", ".join(
        f"'{field.name}', {express(field, _quote_column(field, connection))}"
        for field in list_saved_fields(model)
    )
    key = _quote_column(model._meta.pk, connection)
    build, listed = ("json_build_object", "json_build_array") if is_postgresql else _SQLITE
    row = f"{build}('model', '{model._meta.label_lower}', 'pk', {key}, 'fields', {build}({fields}))"
    return f"CAST({listed}({row}) AS text)"


_SQLITE = ("json_object", "json_array")


def make_uuid_text(column: str, connection: BaseDatabaseWrapper) -> str:
    """Return the SQL expression of a uuid as Python writes it."""
    return f"CAST({column} AS text)" if connection.vendor == "postgresql" else _add_dashes(column)


def _add_dashes(column: str) -> str:
    places = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"substr({column}, {at}, {size})" for at, size in places)


def _quote_column(field: "Field[Any, Any]", connection: BaseDatabaseWrapper) -> str:
    return connection.ops.quote_name(str(field.column))


def _make_postgresql(field: "Field[Any, Any]", column: str) -> str:
    if isinstance(field, DateTimeField):
        return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    if isinstance(field, StoredDocumentField):
        return f"json_build_object('{DOCUMENT_KEY}', {column})"
    return column


def _make_sqlite(field: "Field[Any, Any]", column: str) -> str:
    if isinstance(field, DateTimeField):
        return f"replace({column}, ' ', 'T') || 'Z'"
    if isinstance(field, UUIDField):
        return _add_dashes(column)
    if isinstance(field, BooleanField):
        return f"CASE {column} WHEN 1 THEN json('true') WHEN 0 THEN json('false') END"
    if isinstance(field, StoredDocumentField):
        return f"json_object('{DOCUMENT_KEY}', {column})"
    return column
