"""The floor's own table of flows, with the texts of their documents in the rows."""

from django.db import connection, transaction

from benchmarks.measure import ChildOutput
from flows.content.fields import STORED_ONCE
from flows.database.bulk import compress_quickly
from flows.documents.read import group_rows
from flows.models import Flow

WHOLE = "bench_whole_flow"
"""The name of the table."""
_INDEXES = (
    ("UNIQUE INDEX", "id"),
    ("UNIQUE INDEX", "uuid"),
    ("INDEX", "name"),
    ("INDEX", "is_deleted"),
)


def make_whole_rows() -> ChildOutput:
    """Make the table of the flows that there are, with the indexes of the product's."""
    fields, quote = Flow._meta.concrete_fields, connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} {field.db_type(connection)}" for field in fields)
    names = ", ".join(quote(field.column) for field in fields)
    stored = [field.column for field in fields if field.column in STORED_ONCE]
    chosen = ", ".join("%s" if field.column in stored else quote(field.column) for field in fields)
    copy = f"INSERT INTO {WHOLE} ({names}) SELECT {chosen} FROM {Flow._meta.db_table} WHERE id = %s"
    with transaction.atomic(), connection.cursor() as cursor:
        compress_quickly()
        cursor.execute(f"CREATE TABLE {WHOLE} ({columns})")
        rows = Flow._default_manager.order_by("pk").values_list("pk", *stored)
        for pk, *documents in group_rows(rows.iterator(500)):
            cursor.execute(copy, [*map(str, documents), pk])
        for index, column in _INDEXES:
            cursor.execute(f"CREATE {index} bench_whole_{column} ON {WHOLE} ({column})")
    return ChildOutput()
