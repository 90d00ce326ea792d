"""Many reads of one state of the database, whatever others write meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from flows.servers import current_database


@contextmanager
def one_state() -> Iterator[None]:
    """Every read of the current database in the block sees the state at its beginning.

    Nothing may be written in it, and nobody waits for it. In a block inside a transaction the
    reads are that transaction's own.
    """
    connection = connections[current_database()]
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not atomic(), which is IMMEDIATE here: it would keep writers out.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
