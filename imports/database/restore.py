"""Restoring a database from one of its backups."""

import sqlite3
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from django.db import Error as DatabaseFault
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from flows.servers import get_current_database
from imports.database.backup import BUSY_SECONDS
from imports.database.backup_notes import explain_change
from imports.database.errors import format_for_log
from imports.database.postgresql_tools import Fault, run_postgresql_tool
from imports.database.queue_migrations import read_queue_migrations, record_queue_migrations
from imports.database.verification import check_integrity, check_postgresql, check_sqlite
from imports.errors import UnableToImport


class RestoreFailed(UnableToImport):
    """The database was not restored from the backup. The message describes its state."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


def check_backup(path: Path) -> None:
    """Read the whole backup. Raises RestoreFailed if it is damaged or of another kind.

    Also where it is not the one of its note.
    """
    alias = get_current_database()
    if not path.is_file():
        raise RestoreFailed("no-backup", f"There is no file {path}.")
    try:
        if connections[alias].vendor == "postgresql":
            check_postgresql(alias, path)
        else:
            check_sqlite(path.resolve())
    except (Fault, sqlite3.Error) as error:
        message = f"{path} is not a sound backup of this database. {_format_error(error)}"
        raise RestoreFailed("unsound-backup", message) from error
    if message := explain_change(path):
        raise RestoreFailed("changed-backup", message, remedy="Nothing was changed.")


def restore_backup(path: Path) -> None:
    """Restore the whole current database from the backup, and close Django's connection to it.

    What was written since the backup is lost. Other processes may stay connected: they see the
    restored state from their next transaction on. Call it outside a transaction and with no import
    running. Raises RestoreFailed; then the database is as before, unless the message says
    otherwise.
    """
    check_backup(path)
    restore_checked_backup(path)


def restore_checked_backup(path: Path) -> None:
    """Do what `restore_backup` does, with a backup that was checked just now."""
    alias = get_current_database()
    connections[alias].validate_no_atomic_block()
    queue_migrations = read_queue_migrations(alias)
    # The next query needs a new connection, and an idle one could hold locks.
    connections[alias].close()
    try:
        if connections[alias].vendor == "postgresql":
            _restore_postgresql(alias, path)
        else:
            _restore_sqlite(alias, path.resolve())
    except (Fault, sqlite3.Error) as error:
        message = f"The database was not restored and is as before. {_format_error(error)}"
        raise RestoreFailed("restore-failed", message) from error
    try:
        record_queue_migrations(alias, queue_migrations)
    except DatabaseFault as error:
        raise RestoreFailed(
            "queue-not-recorded",
            "The database was restored, but then it failed, so that the migrations of its queue "
            f"were not recorded: {format_for_log(error)}. Its sessions and keys were not ended "
            "either: some may be valid again.",
            remedy="Run database_restore again before anybody uses the server.",
        ) from error


def lacks_migrations() -> bool:
    """Return whether the current database is one of an earlier version of the program."""
    executor = MigrationExecutor(connections[get_current_database()])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _restore_postgresql(alias: str, path: Path) -> None:
    run_postgresql_tool(
        alias,
        "pg_restore",
        "--clean",
        "--if-exists",
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-password",
        "--dbname=",  # the database is in the environment
        str(path),
    )


def _restore_sqlite(alias: str, path: Path) -> None:
    database = Path(connections[alias].settings_dict["NAME"]).resolve()
    # Copied page by page by SQLite, in one transaction. If the file were replaced while another
    # process has the database open, that process's write-ahead log would undo it.
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as backup,
        closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as live,
    ):
        backup.backup(live, progress=_give_up_when_busy)
        _check_restored(live)


def _give_up_when_busy(status: int, _remaining: int, _total: int) -> None:
    # SQLite has waited already; otherwise Python would try again for ever.
    if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        raise Fault("Another process is writing to it: stop that process and try again.")


def _check_restored(live: sqlite3.Connection) -> None:
    try:
        check_integrity(live)
    except (Fault, sqlite3.Error) as error:
        message = (
            f"The database was restored, but is damaged: check the disk. {_format_error(error)} "
            "Restore the backup into a new file on another disk."
        )
        raise RestoreFailed("damaged-after-restore", message) from error


def _format_error(error: Fault | sqlite3.Error) -> str:
    return f"SQLite: {error}." if isinstance(error, sqlite3.Error) else str(error)
