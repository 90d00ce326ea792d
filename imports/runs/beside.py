"""Writing beside a transaction: by a connection of its own, so that others see it at once."""

import logging
from collections.abc import Sequence

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.servers import get_current_database
from imports.database.errors import format_for_log

logger = logging.getLogger(__name__)

# In milliseconds. Nothing that is told here is worth a wait for another transaction, such as one
# that removes the record.
_PATIENCE = "SET lock_timeout = 200"


class BesideWriter:
    """Executes statements by a connection to the current database that is opened for the first.

    For PostgreSQL. Whoever has locked the rows is not waited for: the statement fails then.
    """

    def __init__(self) -> None:
        self._alias = get_current_database()
        self._connection: BaseDatabaseWrapper | None = None

    @property
    def is_open(self) -> bool:
        """Return whether it has a connection."""
        return self._connection is not None

    def execute(self, statement: str, values: Sequence[int | str]) -> int | None:
        """Execute the statement; return the number of rows, None where it failed: see the log."""
        try:
            with (self._connection or self._connect()).cursor() as cursor:
                cursor.execute(statement, values)
                return int(cursor.rowcount)
        except DatabaseError as error:
            logger.warning("How far it is could not be kept: %s", format_for_log(error))
            self.close()
            return None

    def _connect(self) -> BaseDatabaseWrapper:
        self._connection = connections[self._alias].copy()
        with self._connection.cursor() as cursor:
            cursor.execute(_PATIENCE)
        return self._connection

    def close(self) -> None:
        """Close the connection, if any; the next statement opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
