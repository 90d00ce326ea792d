"""One import at a time on a database.

The lock's transaction is not the one that writes, so the lock can be lost alone: its connection is
cut, its file is removed. Who writes therefore keeps other writers out by the writing transaction
itself (`keep_others_out`), and asks at its end whether the lock was held all the time (`check`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from flows.database.locks import Lock, LockHandle, LockHeld, LockUnusable, hold_lock
from flows.database.statement_timeout import limit_statements
from flows.servers import current_database
from imports.database.errors import DatabaseUnavailable
from imports.errors import ImportFailed

__all__ = ["HeldLock", "LockHeld", "import_lock", "is_lock_held"]

_IMPORT = Lock(number=int.from_bytes(b"ziggyimp", "big"), file_suffix="import-lock")
_WRITING_KEY = int.from_bytes(b"ziggywrt", "big")


class HeldLock:
    """The lock in the hands of its holder."""

    def __init__(self, handle: LockHandle) -> None:
        self._handle = handle

    def keep_others_out(self) -> None:
        """Let nobody else write before the present transaction ends, whoever has the lock then.

        Call it first in the transaction that writes.
        """
        connection = connections[current_database()]
        if connection.vendor == "postgresql":  # one of SQLite has the database to itself
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_WRITING_KEY])

    def check(self) -> None:
        """Raises DatabaseUnavailable where the lock was lost: somebody else may have got it.

        Call it last in the transaction that writes.
        """
        if loss := self._handle.loss():
            raise DatabaseUnavailable(
                "lock-lost",
                f"The lock that keeps other imports out was lost. {loss} Nothing was written. "
                "Try again.",
            )


@contextmanager
def import_lock(*, wait: float) -> Iterator[HeldLock]:
    """Hold the import lock of the current database while the block runs.

    Raises LockHeld where another holder, in whatever process, keeps it for longer than `wait`
    seconds. A block inside a block is another holder too: it waits, and raises.

    Whoever holds it may take long over each statement, in a request as well.
    """
    try:
        with limit_statements(0), hold_lock(_IMPORT, wait=wait) as handle:
            yield HeldLock(handle)
    except LockUnusable as error:
        raise ImportFailed(
            "no-lock",
            f"{error}. Let this process write it, or remove it while no import is running.",
        ) from error


def is_lock_held() -> bool:
    """Whether somebody holds the import lock of the current database now."""
    try:
        with import_lock(wait=0):
            return False
    except LockHeld:
        return True
