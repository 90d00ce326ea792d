"""Consistent reads: many reads of one state of the database, whatever is written meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from flows.servers import get_current_database


@contextmanager
def read_one_state() -> Iterator[None]:
    """Make every read of the current database in the block return the state at its beginning.

    Nothing may be written in the block, and it blocks no writers. Inside a transaction, the reads
    are those of that transaction.
    """
    connection = connections[get_current_database()]
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
