"""The verified backup of a whole database, made before an import.

A copy is written under a temporary name, read through as a restore would read it, noted
(backup_notes), and only then gets its final name: a file without `.part` was complete and readable.
"""

import errno
import hashlib
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.pq import Conninfo

from flows.servers import current_database
from imports.database.backup_notes import note_of, prefix_of, read_directory, remove, write_note
from imports.database.backup_retention import Retention, superfluous
from imports.database.bound_process import bound_command
from imports.errors import BackupFailed

logger = logging.getLogger(__name__)

BUSY_SECONDS = 20
"""How long SQLite waits for another process that has the database locked."""

_INSTALL = "Install the PostgreSQL client tools of the server's major version, or set PATH."
_ROOM = "Make room there, or set ZIGGY_BACKUP_DIR to a directory on another disk."
_DIRECTORY = "Set ZIGGY_BACKUP_DIR to a directory that this process may write."
_BUSY = "Another process keeps the database locked: try again when it has finished."
_DAMAGED = "The database or its copy is damaged: check the disks."
_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SQLITE_ADVICE = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: _ROOM,
    sqlite3.SQLITE_IOERR: _ROOM,  # a quota says no more than that
}
_POSTGRESQL_ADVICE = {
    "server version mismatch": _INSTALL,
    "No space left on device": _ROOM,
    "Disk quota exceeded": _ROOM,
    "File too large": _ROOM,
    "SIGXFSZ": _ROOM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was read through when it was made."""

    path: Path
    size: int
    """Bytes."""
    sha256: str


class Fault(Exception):  # noqa: N818 - the part of a message, not an error of its own
    """A foreseeable fault of a backup or a restore: its text says what is wrong and what to do."""


def make_backup(*, sparing: Path | None = None) -> Backup:
    """Back up the current database into ZIGGY_BACKUP_DIR and read the copy through.

    The copy has what is committed, so call this outside a transaction. Older backups are removed as
    backup_retention says, but `sparing` in no case. Raises BackupFailed; then there is no new file,
    and no old one was removed.
    """
    alias = current_database()
    try:
        backup = _make(alias)
    except (Fault, OSError, sqlite3.Error) as error:
        message = f"The database was not backed up. {_explained(error)}"
        raise BackupFailed("backup-failed", message) from error
    _remove_old(alias, spared={sparing and sparing.resolve()})
    return backup


def check_sqlite(path: Path) -> None:
    """Raises Fault or sqlite3.Error where the file is not a sound SQLite backup of a server."""
    # immutable: nobody writes a backup, and so SQLite need not put files beside it.
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        check_integrity(copy)


def check_integrity(database: sqlite3.Connection) -> None:
    """Raises Fault or sqlite3.Error where the database is damaged or not one of Django's."""
    # integrity_check also compares the indexes with their tables. It takes five times as long,
    # and VACUUM has just built the indexes of a backup from the tables.
    [first, *_] = database.execute("PRAGMA quick_check(1)").fetchone()
    if first != "ok":
        raise Fault(f"The file is damaged: {first}.")
    # An empty file is a sound SQLite database too.
    tables = "SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'"
    if database.execute(tables).fetchone() is None:
        raise Fault("The file has no table django_migrations, so it is no server's database.")


def check_postgresql(alias: str, path: Path) -> None:
    """Raises Fault where the file is not a complete PostgreSQL dump."""
    # `pg_restore --list` reads the table of contents alone, and accepts a dump that was cut off.
    run_postgresql_tool(alias, "pg_restore", f"--file={os.devnull}", str(path))


def run_postgresql_tool(alias: str, tool: str, *arguments: str) -> None:
    """Run pg_dump or pg_restore, connected to the database. It ends with this process.

    Raises Fault, with the first error that the tool reports and never with the password.
    """
    program = shutil.which(tool)
    if program is None:
        raise Fault(f"{tool} was not found. {_INSTALL}")
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no argument comes from a user
            bound_command(program, arguments),
            env=os.environ | _connection_environment(alias) | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=settings.ZIGGY_BACKUP_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Fault(
            f"{tool} was stopped after {settings.ZIGGY_BACKUP_TIMEOUT} seconds. If the database "
            "is large, raise ZIGGY_BACKUP_TIMEOUT; else look for a session that blocks it."
        ) from None
    if done.returncode:
        reason = _without_password(alias, _reason(done))
        advice = next((text for sign, text in _POSTGRESQL_ADVICE.items() if sign in reason), "")
        raise Fault(f"{tool} failed: {reason}. {advice}".rstrip())


def _make(alias: str) -> Backup:
    directory = Path(settings.ZIGGY_BACKUP_DIR).resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, part = _reserve(directory, alias)
    try:
        _copy(alias, part)
        with ThreadPoolExecutor(max_workers=1) as beside:
            digest = beside.submit(_digest_on_disk, part)
            _check(alias, part)
            sha256 = digest.result()
        size = part.stat().st_size
        write_note(
            path, prefix=_prefix(alias), verified_at=datetime.now(UTC), size=size, sha256=sha256
        )
        part.rename(path)
        _sync(directory)
    except BaseException:  # also Ctrl-C
        # SQLite cannot always remove its journal when the disk is full.
        for file in (part, part.with_name(f"{part.name}-journal"), path, note_of(path)):
            file.unlink(missing_ok=True)
        raise
    return Backup(path=path, size=size, sha256=sha256)


def other_server_of(path: Path) -> str | None:
    """The server that the backup's name says it is of, where that is not the current one."""
    prefix = prefix_of(path)
    return unquote(prefix) if prefix and prefix != _prefix(current_database()) else None


def _reserve(directory: Path, alias: str) -> tuple[Path, Path]:
    """A final name that is free, and an empty file of its own under the temporary name."""
    suffix = ".dump" if connections[alias].vendor == "postgresql" else ".sqlite3"
    moment = datetime.now(UTC)
    while True:
        path = directory / f"{_prefix(alias)}-{moment:%Y%m%dT%H%M%S-%f}Z{suffix}"
        part = path.with_name(f"{path.name}.part")
        with suppress(FileExistsError):
            part.touch(mode=0o600, exist_ok=False)
            if not path.exists():
                return path, part
            part.unlink()
        moment += timedelta(microseconds=1)


def _prefix(alias: str) -> str:
    # The server's name, so that servers which share a directory keep out of each other's way.
    server = settings.ZIGGY_SERVER_NAME if alias == DEFAULT_DB_ALIAS else alias
    # Quoting keeps two aliases apart, which dropping the odd characters would not.
    return quote(server, safe="")


def _digest_on_disk(part: Path) -> str:
    """The SHA-256 of the file, all of which is on the disk then."""
    with part.open("rb") as copy:
        sha256 = hashlib.file_digest(copy, "sha256").hexdigest()
        os.fsync(copy.fileno())
    return sha256


def _check(alias: str, part: Path) -> None:
    """Read the file through."""
    if connections[alias].vendor == "postgresql":
        check_postgresql(alias, part)
    else:
        check_sqlite(part)


def _copy(alias: str, part: Path) -> None:
    """Fill the file, which exists and is empty."""
    if connections[alias].vendor == "postgresql":
        run_postgresql_tool(
            alias, "pg_dump", "--format=custom", "--compress=1", "--no-password", f"--file={part}"
        )
        return
    database = Path(connections[alias].settings_dict["NAME"]).resolve()
    if not database.is_file():
        raise Fault(f"There is no database {database}. Correct DATABASE_URL, or run migrate.")
    # Nothing is written, but mode=ro would refuse after a writer was killed: the journal that it
    # left has to be rolled back first.
    uri = f"{database.as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as own:
        own.execute("VACUUM INTO ?", (str(part),))


def _connection_environment(alias: str) -> dict[str, str]:
    """Django's connection parameters as libpq's environment variables.

    An argument of a process can be read by every user of the machine, its environment cannot.
    """
    parameters = connections[alias].get_connection_params()
    return {
        option.envvar.decode(): str(parameters[option.keyword.decode()])
        for option in Conninfo.get_defaults()
        if option.envvar and option.keyword.decode() in parameters
    }


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The first error on stderr. What follows it may quote rows."""
    if done.returncode < 0:
        return f"it was killed by {signal.Signals(-done.returncode).name}"
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
    errors = [line for line in lines if " error: " in line]
    return next(iter(errors or lines), f"exit code {done.returncode}")


def _without_password(alias: str, text: str) -> str:
    password = connections[alias].get_connection_params().get("password")
    return text.replace(password, "***") if password else text


def _explained(error: Fault | OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError):
        advice = _ROOM if error.errno in _FULL_ERRNOS else _DIRECTORY
        return f"{settings.ZIGGY_BACKUP_DIR}: {error.strerror}. {advice}"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is detail
        return f"SQLite: {error}. {_SQLITE_ADVICE.get(code, '')}".rstrip()
    return str(error)


def _sync(directory: Path) -> None:
    """Make a new name in the directory survive a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old(alias: str, *, spared: set[Path | None]) -> None:
    """Remove the backups that are not to be kept, and what killed backups left."""
    retention = Retention(
        keep=settings.ZIGGY_BACKUP_KEEP,
        days=settings.ZIGGY_BACKUP_DAYS,
        max_bytes=settings.ZIGGY_BACKUP_MAX_BYTES,
    )
    directory = Path(settings.ZIGGY_BACKUP_DIR).resolve()
    # Another directory's file has nothing to do with a name in this one.
    names = {path.name for path in spared if path and path.parent == directory}
    try:
        found = read_directory(directory, _prefix(alias))
        for backup in superfluous(found.backups, retention, now=datetime.now(UTC), spared=names):
            remove(directory / backup.name)
        for file in found.leftovers:
            _remove_abandoned(file)
    except OSError as error:  # the new backup is good all the same
        logger.warning("Old backups were not removed: %s", error)


def _remove_abandoned(file: Path) -> None:
    # No backup still runs after twice the timeout: pg_dump has it once, pg_restore has it once.
    abandoned = time.time() - 2 * settings.ZIGGY_BACKUP_TIMEOUT
    with suppress(FileNotFoundError):
        if file.stat().st_mtime < abandoned:
            file.unlink()
