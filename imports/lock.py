"""One import at a time on a database.

Both locks are the database system's own and are held by an open transaction, so that they end with
their holder, also when that is killed: there is nothing to unlock by hand, ever.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.servers import current_database
from imports.errors import ImportFailed

_ADVISORY_KEY = int.from_bytes(b"ziggyimp", "big")  # PostgreSQL keeps one set for each database
_POLL_SECONDS = 0.1
_KEEP_TRANSACTION_OPEN = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""


class LockHeld(Exception):  # noqa: N818 - the name says what happened
    """Another import has held the lock for the whole time that this one was ready to wait."""


@contextmanager
def import_lock(*, wait: float) -> Iterator[None]:
    """Hold the import lock of the current database while the block runs.

    Raises LockHeld where another holder, in whatever process, keeps it for longer than `wait`
    seconds. A block inside a block is another holder too: it waits, and raises.
    """
    connection = connections[current_database()]
    hold = _hold_postgresql if connection.vendor == "postgresql" else _hold_sqlite
    with hold(connection, wait):
        yield


def is_lock_held() -> bool:
    """Whether somebody holds the import lock of the current database now."""
    try:
        with import_lock(wait=0):
            return False
    except LockHeld:
        return True


@contextmanager
def _hold_postgresql(connection: BaseDatabaseWrapper, wait: float) -> Iterator[None]:
    # The lock ends with its transaction, so it needs one that is not the import's. It is not a
    # session's lock, because a transaction pooler hands sessions from one client to the next.
    with closing(connection.copy()) as holder:
        holder.set_autocommit(False)
        deadline = time.monotonic() + wait
        while not _try_advisory_lock(holder):
            left = deadline - time.monotonic()
            if left <= 0:
                raise LockHeld
            time.sleep(min(_POLL_SECONDS, left))
        yield


def _try_advisory_lock(holder: BaseDatabaseWrapper) -> bool:
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_KEY])
        if cursor.fetchone()[0]:
            cursor.execute(_KEEP_TRANSACTION_OPEN)
            return True
    holder.rollback()  # who waits keeps no transaction open, which VACUUM would wait for
    return False


@contextmanager
def _hold_sqlite(connection: BaseDatabaseWrapper, wait: float) -> Iterator[None]:
    # A database beside the database: a lock on the latter would keep the import itself out. The
    # name is resolved, so that two names of one database have one lock.
    database = Path(connection.settings_dict["NAME"]).resolve()
    path = database.with_name(f"{database.name}.import-lock")
    with _explaining(path):
        holder = sqlite3.connect(path, timeout=wait, isolation_level=None)
    with closing(holder):
        with _explaining(path):
            holder.execute("BEGIN EXCLUSIVE")
        yield


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
