"""The verified backup of a whole database, made before an import.

A copy is written under a temporary name, verified by reading it as a restore would, noted
(backup_notes), and only then renamed: a file without `.part` was complete and readable.
"""

import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

from django.db import DEFAULT_DB_ALIAS, connections

from flows.conf import ziggy
from flows.servers import get_current_database
from imports.database.backup_faults import explain_fault
from imports.database.backup_notes import (
    get_note_path,
    get_prefix,
    make_note,
    read_directory,
    remove,
    write_note,
)
from imports.database.backup_retention import KeptBackup, Retention, find_superfluous
from imports.database.postgresql_tools import Fault, run_postgresql_tool
from imports.database.table_digests import TableDigests, digest_sqlite, open_snapshot
from imports.database.verification import check_postgresql, check_sqlite
from imports.errors import BackupFailed

logger = logging.getLogger(__name__)

BUSY_SECONDS = 20
"""Seconds that SQLite waits for another process that has locked the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was verified when it was made."""

    path: Path
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingBackup:
    """A verified backup that no directory keeps: it is there while it is handed on."""

    name: str
    note: dict[str, Any]
    file: BinaryIO


def make_backup(*, sparing: Path | None = None, with_digests: bool = False) -> Backup:
    """Back up the current database into ZIGGY_BACKUP_DIR and verify the copy.

    The copy has only what is committed, so call this outside a transaction. Older backups are
    removed according to backup_retention, but never `sparing`. `with_digests` notes those of its
    tables too, for which every row is read again. Raises BackupFailed; then there is no new file,
    and no old one was removed.
    """
    alias = get_current_database()
    with _explain_faults(), _write_verified(alias, with_digests=with_digests) as (path, part, note):
        write_note(path, note)
        part.rename(path)
        _sync(path.parent)
    _remove_old(alias, spared={sparing and sparing.resolve()})
    return Backup(path=path, size=note["size"], sha256=note["sha256"])


@contextmanager
def make_passing_backup() -> Iterator[PassingBackup]:
    """Back up the current database as `make_backup` does, and keep nothing after the block.

    The copy is made in ZIGGY_BACKUP_DIR, and has no name there when it is handed on, so that a
    killed process leaves nothing. Raises BackupFailed.
    """
    alias = get_current_database()
    with (
        _explain_faults(),
        _write_verified(alias, with_digests=True) as (path, part, note),
        part.open("rb") as file,
    ):
        part.unlink()
        yield PassingBackup(name=path.name, note=note, file=file)


@contextmanager
def _explain_faults() -> Iterator[None]:
    try:
        yield
    except (Fault, OSError, sqlite3.Error) as error:
        message = f"The database was not backed up. {explain_fault(error)}"
        raise BackupFailed("backup-failed", message) from error


@contextmanager
def _write_verified(
    alias: str, *, with_digests: bool
) -> Iterator[tuple[Path, Path, dict[str, Any]]]:
    """Write and verify a copy; yield its final path, the file that it is in now, and its note.

    Where the block fails, both files and the note are removed.
    """
    directory = make_backup_directory()
    path, part = _reserve(directory, alias)
    try:
        tables = None
        if with_digests:
            tables = _copy_and_digest(alias, part)
        else:
            _copy(alias, part)
        with ThreadPoolExecutor(max_workers=1) as beside:
            digest = beside.submit(_flush_and_digest, part)
            _check(alias, part)
            sha256 = digest.result()
        yield (
            path,
            part,
            make_note(
                directory,
                prefix=_make_prefix(alias),
                verified_at=datetime.now(UTC),
                size=part.stat().st_size,
                sha256=sha256,
                tables=tables,
            ),
        )
    except BaseException:  # Ctrl-C too
        # SQLite cannot always remove its journal when the disk is full.
        for file in (part, part.with_name(f"{part.name}-journal"), path, get_note_path(path)):
            file.unlink(missing_ok=True)
        raise


def make_backup_directory() -> Path:
    """Return the directory of backups, which is made where it is missing. Raises OSError."""
    directory = Path(ziggy.BACKUP_DIR).resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def get_backup_prefix() -> str:
    """Return what the names of the current database's files in ZIGGY_BACKUP_DIR begin with."""
    return _make_prefix(get_current_database())


def find_other_server(path: Path) -> str | None:
    """Return the server in the backup's name, or None if it is the current one or unknown."""
    prefix = get_prefix(path)
    return unquote(prefix) if prefix and prefix != _make_prefix(get_current_database()) else None


def list_whole_backups() -> list[KeptBackup]:
    """Return the backups of the current database, that which was verified last at the end.

    One that is incomplete, or of which nothing is noted, does not count.
    """
    directory = Path(ziggy.BACKUP_DIR).resolve()
    try:
        found = read_directory(directory, _make_prefix(get_current_database())).backups
    except FileNotFoundError:  # none was ever made
        return []
    verified = [backup for backup in found if backup.is_whole and backup.sequence]
    return sorted(verified, key=attrgetter("sequence", "verified_at"))


def find_newest_backup() -> KeptBackup | None:
    """Return the backup of the current database that was verified last; None if there is none."""
    return next(reversed(list_whole_backups()), None)


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


def _copy_and_digest(alias: str, part: Path) -> TableDigests:
    """Copy the database as `_copy` does, and return the digests of the same state's tables."""
    if connections[alias].vendor == "postgresql":
        with open_snapshot(alias) as snapshot, snapshot.digest_beside() as tables:
            _dump(alias, part, f"--snapshot={snapshot.name}")
        return tables
    _copy(alias, part)
    return digest_sqlite(part)


def _dump(alias: str, part: Path, *options: str) -> None:
    form = ("--format=custom", "--compress=1", "--no-password")
    run_postgresql_tool(alias, "pg_dump", *form, *options, f"--file={part}")


def _copy(alias: str, part: Path) -> None:
    """Copy the database into the file, which exists and is empty."""
    if connections[alias].vendor == "postgresql":
        _dump(alias, part)
        return
    database = Path(connections[alias].settings_dict["NAME"]).resolve()
    if not database.is_file():
        raise Fault(f"There is no database {database}. Correct DATABASE_URL, or run migrate.")
    # Nothing is written. mode=ro would be refused after a writer was killed: its journal must be
    # rolled back first.
    uri = f"{database.as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as own:
        own.execute("VACUUM INTO ?", (str(part),))


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
