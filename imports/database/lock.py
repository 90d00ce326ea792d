"""The import lock: one import at a time on a database.

The lock has a transaction of its own, and can be lost without the writer's: its connection is cut,
or its file is removed. A writer therefore also keeps other writers out by the writing transaction
(`keep_others_out`), and checks at the end that the lock was never lost (`check`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from flows.database.locks import Lock, LockHandle, LockHeld, LockUnusable, hold_lock, is_held
from flows.database.statement_timeout import limit_statements
from flows.servers import get_current_database
from imports.database.errors import DatabaseUnavailable
from imports.errors import ImportFailed

__all__ = ["HeldLock", "LockHeld", "hold_import_lock", "is_lock_held"]

_IMPORT = Lock(number=int.from_bytes(b"ziggyimp", "big"), file_suffix="import-lock")
_WRITING_KEY = int.from_bytes(b"ziggywrt", "big")


class HeldLock:
    """The import lock, as its holder has it."""

    def __init__(self, handle: LockHandle) -> None:
        self._handle = handle

    def keep_others_out(self) -> None:
        """Keep other writers out until the present transaction ends, even if the lock is lost.

        Call it first in the transaction that writes.
        """
        connection = connections[get_current_database()]
        if connection.vendor == "postgresql":  # SQLite's own lock keeps writers out
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_WRITING_KEY])

    def check(self) -> None:
        """Raise DatabaseUnavailable if the lock was lost, so that another run may have got it.

        Call it last in the transaction that writes.
        """
        if loss := self._handle.find_loss():
            raise DatabaseUnavailable(
                "lock-lost",
                f"The lock that keeps other imports out was lost. {loss} Nothing was written. "
                "Try again.",
            )


@contextmanager
def hold_import_lock(*, wait: float) -> Iterator[HeldLock]:
    """Hold the import lock of the current database while the block runs.

    Raises LockHeld if another holder, in any process, keeps it for longer than `wait` seconds, and
    ImportFailed if the lock cannot be used. A nested block counts as another holder: it waits, and
    raises.

    Within the block, statements have no time limit, in a request as well.
    """
    with _explain_errors(), limit_statements(0), hold_lock(_IMPORT, wait=wait) as handle:
        yield HeldLock(handle)


def is_lock_held() -> bool:
    """Return whether the import lock of the current database is held now, without taking it.

    Raises ImportFailed if the lock cannot be used.
    """
    with _explain_errors():
        return is_held(_IMPORT)


@contextmanager
def _explain_errors() -> Iterator[None]:
    try:
        yield
    except LockUnusable as error:
        raise ImportFailed(
            "no-lock",
            f"{error}. Let this process write it, or remove it while no import is running.",
        ) from error
