"""How far an export is, while it is built; and whether it is still wanted."""

import logging
import time

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.servers import get_current_database
from imports.database.errors import format_for_log
from imports.models import ExportStatus

logger = logging.getLogger(__name__)

_EVERY = 0.5
_KEEP = """
    UPDATE imports_backgroundexport SET done = %s, total = %s, size = %s
    WHERE id = %s AND status = %s AND attempts = %s
"""


class ExportUnwanted(Exception):  # noqa: N818 - the name says what happened
    """The export was called off, or another worker builds it by now."""


class ExportFollower:
    """Keeps the numbers, every half second, by a connection of its own: the export only reads.

    Raises ExportUnwanted from a call after the row is gone, or is another worker's.
    """

    def __init__(self, number: int, attempt: int) -> None:
        self._row = (number, str(ExportStatus.RUNNING), attempt)
        self._alias = get_current_database()
        self._next = time.monotonic() + _EVERY
        self._connection: BaseDatabaseWrapper | None = None

    def __call__(self, done: int, total: int, size: int) -> None:
        if time.monotonic() < self._next:
            return
        if self._count_kept(done, total, size) == 0:
            raise ExportUnwanted
        self._next = time.monotonic() + _EVERY

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()

    def _count_kept(self, *numbers: int) -> int | None:
        """Return how many rows have the numbers now; None where they could not be kept."""
        if self._connection is None:
            self._connection = connections[self._alias].copy()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(_KEEP, [*numbers, *self._row])
                return int(cursor.rowcount)
        except DatabaseError as error:
            logger.warning("The progress of an export is not kept: %s", format_for_log(error))
            self._connection.close()
            self._connection = None
        return None
