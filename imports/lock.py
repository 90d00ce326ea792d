"""One import at a time on a database.

Both locks are the database system's own and are held by an open transaction, so that they end with
their holder, also when that is killed: there is nothing to unlock by hand, ever.

That transaction is not the one that writes, so the lock can be lost alone: its connection is cut,
its file is removed. Who writes therefore keeps other writers out by the writing transaction itself
(`keep_others_out`), and asks at its end whether the lock was held all the time (`check`).
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.servers import current_database
from imports.database_errors import DatabaseUnavailable
from imports.errors import ImportFailed

# PostgreSQL keeps one set of keys for each database.
_ADVISORY_KEY = int.from_bytes(b"ziggyimp", "big")
_WRITING_KEY = int.from_bytes(b"ziggywrt", "big")
_POLL_SECONDS = 0.1
_KEEP_TRANSACTION_OPEN = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""


class LockHeld(Exception):  # noqa: N818 - the name says what happened
    """Another import has held the lock for the whole time that this one was ready to wait."""


class HeldLock(Protocol):
    """The lock in the hands of its holder."""

    def keep_others_out(self) -> None:
        """Let nobody else write before the present transaction ends, whoever has the lock then.

        Call it first in the transaction that writes.
        """

    def check(self) -> None:
        """Raises DatabaseUnavailable where the lock was lost: somebody else may have got it.

        Call it last in the transaction that writes.
        """


@contextmanager
def import_lock(*, wait: float) -> Iterator[HeldLock]:
    """Hold the import lock of the current database while the block runs.

    Raises LockHeld where another holder, in whatever process, keeps it for longer than `wait`
    seconds. A block inside a block is another holder too: it waits, and raises.
    """
    connection = connections[current_database()]
    hold = _hold_postgresql if connection.vendor == "postgresql" else _hold_sqlite
    with hold(connection, wait) as lock:
        yield lock


def is_lock_held() -> bool:
    """Whether somebody holds the import lock of the current database now."""
    try:
        with import_lock(wait=0):
            return False
    except LockHeld:
        return True


@contextmanager
def _hold_postgresql(connection: BaseDatabaseWrapper, wait: float) -> Iterator[HeldLock]:
    # The lock ends with its transaction, so it needs one that is not the import's. It is not a
    # session's lock, because a transaction pooler hands sessions from one client to the next.
    with closing(connection.copy()) as holder:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute(_KEEP_TRANSACTION_OPEN)
        deadline = time.monotonic() + wait
        while not _try_advisory_lock(holder):
            if time.monotonic() >= deadline:
                raise LockHeld
            time.sleep(_POLL_SECONDS)
        yield _PostgresqlLock(connection, holder)


class _PostgresqlLock:
    def __init__(self, connection: BaseDatabaseWrapper, holder: BaseDatabaseWrapper) -> None:
        self._connection, self._holder = connection, holder

    def keep_others_out(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_WRITING_KEY])

    def check(self) -> None:
        try:
            # Its transaction has the lock, and a connection that was cut is never made again.
            with self._holder.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            raise _lost("The connection that held it was cut.") from None


def _try_advisory_lock(holder: BaseDatabaseWrapper) -> bool:
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_KEY])
        return bool(cursor.fetchone()[0])


@contextmanager
def _hold_sqlite(connection: BaseDatabaseWrapper, wait: float) -> Iterator[HeldLock]:
    # A database beside the database: a lock on the latter would keep the import itself out. The
    # name is resolved, so that two names of one database have one lock.
    database = Path(connection.settings_dict["NAME"]).resolve()
    path = database.with_name(f"{database.name}.import-lock")
    with _explaining(path):
        holder = sqlite3.connect(path, timeout=wait, isolation_level=None)
    with closing(holder):
        with _explaining(path):
            holder.execute("BEGIN EXCLUSIVE")
        yield _SqliteLock(path)


class _SqliteLock:
    def __init__(self, path: Path) -> None:
        self._path, self._file = path, _identity(path)

    def keep_others_out(self) -> None:
        """Nothing to do: a transaction is IMMEDIATE here, and has the database to itself."""

    def check(self) -> None:
        if _identity(self._path) != self._file:
            raise _lost("Its file was removed or replaced.")


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _lost(why: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        "lock-lost",
        f"The lock that keeps other imports out was lost. {why} Nothing was written. Try again.",
    )


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise LockHeld from None
        raise ImportFailed(
            "no-lock",
            f"The lock file {path} cannot be used. SQLite: {error}. Let this process write it, "
            "or remove it while no import is running.",
        ) from error
