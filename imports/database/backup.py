"""The verified backup of a whole database, made before an import.

A copy is written under a temporary name, verified by reading it as a restore would, noted
(backup_notes), and only then renamed: a file without `.part` was complete and readable.
"""

import errno
import hashlib
import logging
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from urllib.parse import quote, unquote

from django.db import DEFAULT_DB_ALIAS, connections

from flows.conf import ziggy
from flows.servers import get_current_database
from imports.database.backup_notes import (
    get_note_path,
    get_prefix,
    read_directory,
    remove,
    write_note,
)
from imports.database.backup_retention import KeptBackup, Retention, find_superfluous
from imports.database.postgresql_tools import ROOM, Fault, run_postgresql_tool
from imports.database.verification import check_postgresql, check_sqlite
from imports.errors import BackupFailed

logger = logging.getLogger(__name__)

BUSY_SECONDS = 20
"""Seconds that SQLite waits for another process that has locked the database."""

_DIRECTORY = "Set ZIGGY_BACKUP_DIR to a directory that this process may write."
_BUSY = "Another process keeps the database locked: try again when it has finished."
_DAMAGED = "The database or its copy is damaged: check the disks."
_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SQLITE_ADVICE = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: ROOM,
    sqlite3.SQLITE_IOERR: ROOM,  # also for an exceeded quota
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was verified when it was made."""

    path: Path
    size: int
    """Bytes."""
    sha256: str


def make_backup(*, sparing: Path | None = None) -> Backup:
    """Back up the current database into ZIGGY_BACKUP_DIR and verify the copy.

    The copy has only what is committed, so call this outside a transaction. Older backups are
    removed according to backup_retention, but never `sparing`. Raises BackupFailed; then there is
    no new file, and no old one was removed.
    """
    alias = get_current_database()
    try:
        backup = _make(alias)
    except (Fault, OSError, sqlite3.Error) as error:
        message = f"The database was not backed up. {_explain(error)}"
        raise BackupFailed("backup-failed", message) from error
    _remove_old(alias, spared={sparing and sparing.resolve()})
    return backup


def _make(alias: str) -> Backup:
    directory = Path(ziggy.BACKUP_DIR).resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, part = _reserve(directory, alias)
    try:
        _copy(alias, part)
        with ThreadPoolExecutor(max_workers=1) as beside:
            digest = beside.submit(_flush_and_digest, part)
            _check(alias, part)
            sha256 = digest.result()
        size = part.stat().st_size
        write_note(
            path,
            prefix=_make_prefix(alias),
            verified_at=datetime.now(UTC),
            size=size,
            sha256=sha256,
        )
        part.rename(path)
        _sync(directory)
    except BaseException:  # Ctrl-C too
        # SQLite cannot always remove its journal when the disk is full.
        for file in (part, part.with_name(f"{part.name}-journal"), path, get_note_path(path)):
            file.unlink(missing_ok=True)
        raise
    return Backup(path=path, size=size, sha256=sha256)


def find_other_server(path: Path) -> str | None:
    """Return the server in the backup's name, or None if it is the current one or unknown."""
    prefix = get_prefix(path)
    return unquote(prefix) if prefix and prefix != _make_prefix(get_current_database()) else None


def find_newest_backup() -> KeptBackup | None:
    """Return the backup of the current database that was verified last; None if there is none.

    One that is incomplete, or of which nothing is noted, does not count.
    """
    directory = Path(ziggy.BACKUP_DIR).resolve()
    try:
        found = read_directory(directory, _make_prefix(get_current_database())).backups
    except FileNotFoundError:  # none was ever made
        return None
    verified = [backup for backup in found if backup.is_whole and backup.sequence]
    return max(verified, key=attrgetter("sequence", "verified_at"), default=None)


def _reserve(directory: Path, alias: str) -> tuple[Path, Path]:
    """Return a free final name, and the temporary name, under which an empty file is created."""
    suffix = ".dump" if connections[alias].vendor == "postgresql" else ".sqlite3"
    moment = datetime.now(UTC)
    while True:
        path = directory / f"{_make_prefix(alias)}-{moment:%Y%m%dT%H%M%S-%f}Z{suffix}"
        part = path.with_name(f"{path.name}.part")
        with suppress(FileExistsError):
            part.touch(mode=0o600, exist_ok=False)
            if not path.exists():
                return path, part
            part.unlink()
        moment += timedelta(microseconds=1)


def _make_prefix(alias: str) -> str:
    # The server's name separates the backups of servers that share a directory.
    server = ziggy.SERVER_NAME if alias == DEFAULT_DB_ALIAS else alias
    # Quoting keeps two aliases distinct; dropping the unusual characters would not.
    return quote(server, safe="")


def _flush_and_digest(part: Path) -> str:
    """Return the SHA-256 of the file, after all of it was written to the disk."""
    with part.open("rb") as copy:
        sha256 = hashlib.file_digest(copy, "sha256").hexdigest()
        os.fsync(copy.fileno())
    return sha256


def _check(alias: str, part: Path) -> None:
    """Verify the file by reading all of it."""
    if connections[alias].vendor == "postgresql":
        check_postgresql(alias, part)
    else:
        check_sqlite(part)


def _copy(alias: str, part: Path) -> None:
    """Copy the database into the file, which exists and is empty."""
    if connections[alias].vendor == "postgresql":
        run_postgresql_tool(
            alias, "pg_dump", "--format=custom", "--compress=1", "--no-password", f"--file={part}"
        )
        return
    database = Path(connections[alias].settings_dict["NAME"]).resolve()
    if not database.is_file():
        raise Fault(f"There is no database {database}. Correct DATABASE_URL, or run migrate.")
    # Nothing is written. mode=ro would be refused after a writer was killed: the journal that it
    # left must be rolled back first.
    uri = f"{database.as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as own:
        own.execute("VACUUM INTO ?", (str(part),))


def _explain(error: Fault | OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError):
        advice = ROOM if error.errno in _FULL_ERRNOS else _DIRECTORY
        return f"{ziggy.BACKUP_DIR}: {error.strerror}. {advice}"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is detail
        return f"SQLite: {error}. {_SQLITE_ADVICE.get(code, '')}".rstrip()
    return str(error)


def _sync(directory: Path) -> None:
    """Flush the directory, so that a new name in it survives a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old(alias: str, *, spared: set[Path | None]) -> None:
    """Remove superfluous backups, and the leftovers of backups that were killed."""
    retention = Retention(
        keep=ziggy.BACKUP_KEEP,
        days=ziggy.BACKUP_DAYS,
        max_bytes=ziggy.BACKUP_MAX_BYTES,
    )
    directory = Path(ziggy.BACKUP_DIR).resolve()
    # A spared file of another directory does not protect the same name in this one.
    names = {path.name for path in spared if path and path.parent == directory}
    try:
        found = read_directory(directory, _make_prefix(alias))
        for backup in find_superfluous(
            found.backups, retention, now=datetime.now(UTC), spared=names
        ):
            remove(directory / backup.name)
        for file in found.leftovers:
            _remove_abandoned(file)
    except OSError as error:  # the new backup is valid all the same
        logger.warning("Old backups were not removed: %s", error)


def _remove_abandoned(file: Path) -> None:
    # No backup runs longer: pg_dump and pg_restore each have the timeout once.
    abandoned = time.time() - 2 * ziggy.BACKUP_TIMEOUT
    with suppress(FileNotFoundError):
        if file.stat().st_mtime < abandoned:
            file.unlink()
