"""Verifying a backup by reading it as a restore would."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from imports.database.postgresql_tools import Fault, run_postgresql_tool


def check_sqlite(path: Path) -> None:
    """Raise Fault or sqlite3.Error unless the file is a valid SQLite backup of a server."""
    # immutable: nobody writes to a backup, so SQLite need not create files beside it.
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        check_integrity(copy)


def check_integrity(database: sqlite3.Connection) -> None:
    """Raise Fault or sqlite3.Error if the database is damaged or not one of Django's."""
    # integrity_check also compares the indexes with their tables. It takes five times as long, and
    # VACUUM has just built a backup's indexes from the tables.
    [first, *_] = database.execute("PRAGMA quick_check(1)").fetchone()
    if first != "ok":
        raise Fault(f"The file is damaged: {first}.")
    # An empty file is a valid SQLite database too.
    tables = "SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'"
    if database.execute(tables).fetchone() is None:
        raise Fault("The file has no table django_migrations, so it is no server's database.")


def check_postgresql(alias: str, path: Path) -> None:
    """Raise Fault unless the file is a complete PostgreSQL dump."""
    # `pg_restore --list` reads only the table of contents, and accepts a truncated dump.
    run_postgresql_tool(alias, "pg_restore", f"--file={os.devnull}", str(path))
