"""A scratch: an empty database of the current one's kind, and a directory, gone after the block.

One drill of a database runs at a time, under a lock that ends with its holder. So the scratch has
one name for each database, and whatever is there under it when the lock is held was left by a drill
that was killed: it is removed first.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseFault
from django.db import connections

from flows.database.locks import Lock, LockHeld, LockUnusable, hold_lock
from flows.servers import get_current_database, target_database
from imports.database.backup import get_backup_prefix, make_backup_directory
from imports.database.errors import find_trouble, format_for_log
from imports.errors import UnableToImport

_DRILL = Lock(number=int.from_bytes(b"ziggyvfy", "big"), file_suffix="verify-lock")
_NAME = "ziggy_verify_"
_NO_RIGHT = "42501"
_OWN_FORM = """
    SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database
    WHERE datname = current_database()
"""


class ScratchUnusable(UnableToImport):
    """There is no scratch database now. The backup was not judged."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


@contextmanager
def open_scratch() -> Iterator[Path]:
    """Make a directory for scratch files in ZIGGY_BACKUP_DIR; remove it after the block.

    Raises ScratchUnusable, also where another drill of this database runs.
    """
    try:
        with hold_lock(_DRILL, wait=0), _make_directory() as directory:
            yield directory
    except LockHeld:
        message = "Another backup of this database is being verified: try again later."
        raise ScratchUnusable("verification-running", message) from None
    except LockUnusable as error:
        raise ScratchUnusable("no-lock", f"{error}. Let this process write it.") from error


@contextmanager
def open_scratch_database(directory: Path) -> Iterator[str]:
    """Make an empty database, the current one of the block, and yield its alias.

    It is a file in the scratch directory for SQLite; for PostgreSQL one of its own on the server,
    for which the user needs the right CREATEDB. Raises ScratchUnusable.
    """
    current = get_current_database()
    alias = f"scratch of {current}"
    with _make_database(current, directory) as name, _register(alias, current, name):
        yield alias


@contextmanager
def _make_directory() -> Iterator[Path]:
    prefix = get_backup_prefix()
    try:
        directory = make_backup_directory() / f".verify-{prefix}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
    except OSError as error:
        message = f"No scratch directory can be made in ZIGGY_BACKUP_DIR: {error.strerror}."
        raise ScratchUnusable("no-scratch", message) from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def _make_database(current: str, directory: Path) -> Iterator[str]:
    """Yield the name of an empty database, which is removed after the block."""
    connection = connections[current]
    if connection.vendor != "postgresql":
        yield str(directory / "scratch.sqlite3")
        return
    live = str(connection.settings_dict["NAME"])
    name = f"{_NAME}{sha256(live.encode()).hexdigest()[:16]}"
    if live.startswith(_NAME):  # this process works in a scratch database itself
        raise ScratchUnusable("no-scratch", f"{live} is a scratch database: name the server's.")
    _remove(current, name)
    _create(current, name)
    try:
        yield name
    finally:
        _remove(current, name)


def _create(alias: str, name: str) -> None:
    # template0 has nothing that somebody added; encoding and order of texts are the live one's.
    with _run_alone(alias) as cursor:
        cursor.execute(_OWN_FORM)
        encoding, collate, ctype = cursor.fetchone()
        cursor.execute(
            f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING %s LC_COLLATE %s LC_CTYPE %s',
            [encoding, collate, ctype],
        )


def _remove(alias: str, name: str) -> None:
    with _run_alone(alias) as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def _run_alone(alias: str) -> Iterator[Any]:
    """Yield a cursor of a connection of its own, outside any transaction."""
    try:
        with closing(connections[alias].copy()) as own, own.cursor() as cursor:
            yield cursor
    except DatabaseFault as error:
        trouble = find_trouble(error)
        advice, code = trouble.text if trouble else "", "no-scratch"
        if getattr(error.__cause__, "sqlstate", None) == _NO_RIGHT:
            code = "may-not-create-database"
            advice = "Give the database's user the right CREATEDB, or verify on another server."
        message = f"There is no scratch database: {format_for_log(error)}. {advice}".rstrip()
        raise ScratchUnusable(code, message) from error


@contextmanager
def _register(alias: str, current: str, name: str) -> Iterator[None]:
    """Make the database one of Django's in this thread for the block, and the current one."""
    connection = connections[current].copy(alias)
    connection.settings_dict["NAME"] = name
    # A pool would go on connecting to a database that is to be removed.
    connection.settings_dict["OPTIONS"].pop("pool", None)
    connections[alias] = connection
    try:
        with target_database(alias):
            yield
    finally:
        connection.close()
        del connections[alias]
