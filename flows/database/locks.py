"""Locks on a database, each held by one process at a time.

They are the database system's own and are held by an open transaction, so they end with their
holder, also when that is killed: no lock is ever removed by hand.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.db import DatabaseError, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.servers import get_current_database

_POLL_SECONDS = 0.1
_MOMENT_SECONDS = 0.2
"""As long at least a holder waits for SQLite's lock: who asks whether it is held reads its file."""
_KEEP_TRANSACTION_OPEN = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""

# As PostgreSQL shows an advisory lock of 64 bits: its halves, without their sign.
_IS_HELD = """
    SELECT EXISTS (
        SELECT 1 FROM pg_locks, (SELECT %s::bigint AS number) AS asked
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid::bigint = (number >> 32) & 4294967295
        AND objid::bigint = number & 4294967295
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock: its number on PostgreSQL, and the suffix of its file's name beside SQLite's file."""

    number: int
    """A signed number of 64 bits: PostgreSQL keeps one set of them for each database."""
    file_suffix: str


class LockHeld(Exception):  # noqa: N818 - the name says what happened
    """Another holder kept the lock for the whole waiting time."""


class LockUnusable(Exception):  # noqa: N818 - the name says what happened
    """The lock's file cannot be used: `path` is which, `reason` is why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"The lock file {path} cannot be used. SQLite: {reason}")
        self.path = path
        self.reason = reason


class LockHandle(Protocol):
    """A lock as its holder has it."""

    def find_loss(self) -> str:
        """Return how the lock was lost, in a sentence; empty while it is held."""


@contextmanager
def hold_lock(lock: Lock, *, wait: float) -> Iterator[LockHandle]:
    """Hold the lock of the current database while the block runs.

    Raises LockHeld where another holder, in any process, keeps it for longer than `wait` seconds,
    and LockUnusable. A block inside a block is another holder too: it waits, and raises.
    """
    connection = connections[get_current_database()]
    hold = _hold_postgresql if connection.vendor == "postgresql" else _hold_sqlite
    with hold(connection, lock, wait) as handle:
        yield handle


def is_held(lock: Lock) -> bool:
    """Return whether the lock of the current database is held now. It keeps no holder out.

    Raises LockUnusable.
    """
    connection = connections[get_current_database()]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_IS_HELD, [lock.number])
            return bool(cursor.fetchone()[0])
    path = _find_file(connection, lock)
    if not path.exists():
        return False
    try:
        with _explain_errors(path), closing(sqlite3.connect(path, timeout=0)) as reader:
            reader.execute("SELECT 1 FROM sqlite_schema")
    except LockHeld:
        return True
    return False


@contextmanager
def _hold_postgresql(
    connection: BaseDatabaseWrapper, lock: Lock, wait: float
) -> Iterator[LockHandle]:
    # The lock ends with its transaction, so it needs one that is not the holder's work. It is not a
    # session's lock, because a transaction pooler moves sessions from one client to the next.
    with closing(connection.copy()) as holder:
        holder.set_autocommit(False)
        deadline = time.monotonic() + wait
        while not _try_advisory_lock(holder, lock):
            left = deadline - time.monotonic()
            if left <= 0:
                raise LockHeld
            time.sleep(min(_POLL_SECONDS, left))
        try:
            yield _PostgresqlHandle(holder)
        finally:
            with suppress(Error):  # of a connection that was cut, whose lock is free already
                holder.rollback()  # the lock is free then; after a close alone, some moment later


class _PostgresqlHandle:
    def __init__(self, holder: BaseDatabaseWrapper) -> None:
        self._holder = holder

    def find_loss(self) -> str:
        try:
            # Its transaction has the lock; a connection that was cut is never made again.
            with self._holder.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            return "The connection that held it was cut."
        return ""


def _try_advisory_lock(holder: BaseDatabaseWrapper, lock: Lock) -> bool:
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock.number])
        if cursor.fetchone()[0]:
            cursor.execute(_KEEP_TRANSACTION_OPEN)
            return True
    holder.rollback()  # a waiting process keeps no transaction open, which would block VACUUM
    return False


@contextmanager
def _hold_sqlite(connection: BaseDatabaseWrapper, lock: Lock, wait: float) -> Iterator[LockHandle]:
    path = _find_file(connection, lock)
    with _explain_errors(path):
        timeout = max(wait, _MOMENT_SECONDS)
        holder = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    with closing(holder):
        with _explain_errors(path):
            holder.execute("BEGIN EXCLUSIVE")
        yield _SqliteHandle(path)


def _find_file(connection: BaseDatabaseWrapper, lock: Lock) -> Path:
    # A separate database file: a lock on the database itself would also block the work. The path is
    # resolved, so that two names of one database have one lock.
    database = Path(connection.settings_dict["NAME"]).resolve()
    return database.with_name(f"{database.name}.{lock.file_suffix}")


class _SqliteHandle:
    def __init__(self, path: Path) -> None:
        self._path, self._file = path, _read_identity(path)

    def find_loss(self) -> str:
        is_same = _read_identity(self._path) == self._file
        return "" if is_same else "Its file was removed or replaced."


def _read_identity(path: Path) -> tuple[int, int] | None:
    """Return the identity (device and inode) of the file; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise LockHeld from None
        raise LockUnusable(path, str(error)) from error
