"""Whether the database is still as it was when it was read, told without reading it again.

SQLite counts the writes of each connection and of all others together. PostgreSQL has no such
count, but a version of each row: see `imports.rows.read.add_versions`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections

from flows.servers import get_current_database


@dataclass(slots=True, kw_only=True)
class SeenState:
    """The state of the current database when this was made, as far as it can be told."""

    _connection: Any
    _writes_of_others: int
    _own_writes: int

    @classmethod
    def see(cls) -> "SeenState":
        """Return the present state. Call it before anything is read that must not change."""
        connection = connections[get_current_database()]
        if connection.vendor != "sqlite":
            return cls(_connection=None, _writes_of_others=0, _own_writes=0)
        connection.ensure_connection()
        with connection.wrap_database_errors:
            raw = connection.connection
            return cls(
                _connection=raw,
                _writes_of_others=_count_writes_of_others(raw),
                _own_writes=raw.total_changes,
            )

    def is_unchanged(self) -> bool:
        """Return whether nobody has written to the database since; False where it is not known.

        Call it in the transaction of the writes, before them: what others write later makes these
        fail.
        """
        connection = connections[get_current_database()]
        if self._connection is None:
            return False
        with connection.wrap_database_errors:
            raw = connection.connection
            return (
                raw is self._connection
                and raw.total_changes == self._own_writes
                and _count_writes_of_others(raw) == self._writes_of_others
            )

    @contextmanager
    def pass_over_own_writes(self) -> Iterator[None]:
        """Do not count what this connection writes in the block."""
        was_counted = self._connection and self._connection.total_changes == self._own_writes
        yield
        if was_counted:
            self._own_writes = self._connection.total_changes


def _count_writes_of_others(raw: Any) -> int:
    """Return a number that is another one after a commit of any other connection.

    In a transaction that has read nothing yet, it is read from the state that the transaction sees.
    """
    (number,) = raw.execute("PRAGMA data_version").fetchone()
    return int(number)
