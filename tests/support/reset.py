"""How a transactional test leaves an empty database: the rows go, and nothing is made anew.

Django's own way empties every table and then makes content types and permissions again, which takes
half a second each time. Here they stay.
"""

from django.db import connections, transaction
from django.test import TransactionTestCase

_KEPT = {"django_content_type", "auth_permission", "django_migrations"}
_flush = TransactionTestCase._fixture_teardown
_counts: dict[str, int] = {}


def install() -> None:
    """Let transactional tests reset the database so."""
    TransactionTestCase._fixture_teardown = _delete_rows  # type: ignore[method-assign]


def _delete_rows(self: TransactionTestCase) -> None:
    for name in self._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        connection = connections[name]
        tables = sorted(
            set(connection.introspection.django_table_names(only_existing=True)) - _KEPT
        )
        quoted = [connection.ops.quote_name(table) for table in tables]
        with transaction.atomic(using=name), connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(
                    f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {table})"
                    for number, table in enumerate(quoted)
                )
            )
            for (number,) in cursor.fetchall():
                cursor.execute(f"DELETE FROM {quoted[number]}")
            cursor.execute("SELECT COUNT(*) FROM auth_permission")
            [count] = cursor.fetchone()
        if count != _counts.setdefault(name, count):  # a test of another schema
            _flush(self)
