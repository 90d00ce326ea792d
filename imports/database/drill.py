"""The drill: a backup is restored into a scratch database, and what is there is looked at.

It is restored by the same function that restores a server. What is there is compared with what the
backup says of itself, and with what this program needs: keys that open the secrets, migrations that
it knows, documents that are whole.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from django.apps import apps
from django.db import Error as DatabaseFault
from django.db import connections, transaction
from django.db.migrations.loader import MigrationLoader

from flows.encryption import WrongKeyError
from flows.models import Secret
from flows.secrets.canary import check_keys_open
from imports.database.backup import make_backup_directory
from imports.database.backup_archive import UnsoundArchive, is_archive, read_stream
from imports.database.backup_notes import read_note
from imports.database.document_check import check_database
from imports.database.drill_results import DrillResult, keep_drill_result
from imports.database.errors import find_trouble, format_for_log
from imports.database.postgresql_tools import ROOM
from imports.database.restore import RestoreFailed, check_backup, restore_checked_backup
from imports.database.scratch import ScratchUnusable, open_scratch, open_scratch_database
from imports.database.table_digests import TableDigests, digest_postgresql, digest_sqlite
from imports.errors import UnableToImport

_MAIN_CODE = 0xFF  # the rest of SQLite's code is detail
_FULL_CODES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}  # the latter for a quota


class Keys(StrEnum):
    """Whether the configured keys open the backup's secrets."""

    OPEN = "open"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # of a version that stored them elsewhere


class Migrations(StrEnum):
    """Of which version of the program the backup is."""

    CURRENT = "current"
    EARLIER = "earlier"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What a drill found in a backup that could be restored."""

    backup: str
    """The file's name, or that in the stream."""
    made_at: datetime | None
    tables: int
    rows: int
    has_digests: bool
    """Whether the backup says what its tables hold, so that it could be compared."""
    differing: tuple[str, ...]
    """The tables that hold something else than the backup says."""
    keys: Keys
    migrations: Migrations
    unknown_migrations: tuple[str, ...]
    damaged_documents: int | None
    """None where the backup is of another version, which may keep them elsewhere."""
    restore_seconds: float
    seconds: float = 0.0

    @property
    def problems(self) -> tuple[str, ...]:
        """The code of each thing that is wrong; none for a sound backup."""
        found = {
            "content-differs": bool(self.differing),
            "wrong-encryption-key": self.keys is Keys.WRONG,
            "unknown-migrations": self.migrations is Migrations.LATER,
            "damaged-documents": bool(self.damaged_documents),
        }
        return tuple(code for code, is_wrong in found.items() if is_wrong)


def verify_backup(source: Path | BinaryIO) -> Drill:
    """Restore a backup, by its path or as a stream, into a scratch database, and look at it.

    Nothing of the current database is written. Of a backup in ZIGGY_BACKUP_DIR it is kept what was
    found, also that it is unsound, for `read_drill_result`: one from elsewhere says nothing of
    those, and puts off no drill of them. Raises RestoreFailed and UnsoundArchive where it is, and
    ScratchUnusable where it could not be judged.
    """
    begun = time.monotonic()
    if isinstance(source, Path) and not source.is_file():
        raise RestoreFailed("no-backup", f"There is no file {source}.")
    try:
        with open_scratch() as directory, _explain_faults():
            backup = _receive(source, directory)
            check_backup(backup)
            with open_scratch_database(directory) as alias:
                drill = _verify(backup, alias)
    except (RestoreFailed, UnsoundArchive) as error:
        _keep_result(source, begun, (error.code,))
        raise
    drill = replace(drill, seconds=time.monotonic() - begun)
    _keep_result(source, begun, drill.problems)
    return drill


def _keep_result(source: Path | BinaryIO, begun: float, problems: tuple[str, ...]) -> None:
    if not isinstance(source, Path) or source.parent.resolve() != make_backup_directory():
        return
    result = DrillResult(
        at=datetime.now(UTC),
        backup=source.name,
        problems=problems,
        seconds=round(time.monotonic() - begun, 3),
    )
    keep_drill_result(result)


def _verify(backup: Path, alias: str) -> Drill:
    note = read_note(backup)
    begun = time.monotonic()
    _restore(backup)
    restore_seconds = time.monotonic() - begun
    tables = _digest(alias)
    applied, unknown = _find_migrations(alias)
    is_current = applied is Migrations.CURRENT
    differing = [] if note.tables is None else _find_differing(note.tables, tables)
    return Drill(
        backup=backup.name,
        made_at=note.verified_at,
        tables=len(tables),
        rows=sum(table.rows for table in tables.values()),
        has_digests=note.tables is not None,
        differing=tuple(differing),
        keys=_check_keys(),
        migrations=applied,
        unknown_migrations=unknown,
        damaged_documents=len(check_database().damaged) if is_current else None,
        restore_seconds=restore_seconds,
    )


def _receive(source: Path | BinaryIO, directory: Path) -> Path:
    """Return the path of the backup, which is unpacked into the directory where it has to be."""
    if not isinstance(source, Path):
        return read_stream(source, directory)
    try:
        if not is_archive(source):
            return source
        with source.open("rb") as stream:
            return read_stream(stream, directory)
    except PermissionError as error:
        message = f"{source} cannot be read: {error.strerror}."
        raise ScratchUnusable("unreadable-backup", message) from None


def _restore(backup: Path) -> None:
    try:
        restore_checked_backup(backup)
    except RestoreFailed as error:
        if error.code != "restore-failed":
            raise
        fault = error.__cause__
        if _is_of_room(fault):
            raise _make_full(str(fault).removesuffix(ROOM)) from error
        message = f"{backup} could not be restored into a scratch database. {fault}"
        raise RestoreFailed("restore-failed", message) from error


def _is_of_room(fault: BaseException | None) -> bool:
    """Return whether the scratch was full: the backup itself was read through before."""
    if isinstance(fault, sqlite3.Error):
        return getattr(fault, "sqlite_errorcode", 0) & _MAIN_CODE in _FULL_CODES
    return ROOM in str(fault)


def _digest(alias: str) -> TableDigests:
    connection = connections[alias]
    if connection.vendor == "postgresql":
        with transaction.atomic(using=alias):
            return digest_postgresql(connection)
    path = Path(connection.settings_dict["NAME"])
    _check_whole(path)
    return digest_sqlite(path)


def _check_whole(path: Path) -> None:
    """Compare all indexes with their tables too, for which a restore takes no time."""
    with closing(sqlite3.connect(path)) as database:
        [first, *_] = database.execute("PRAGMA integrity_check(1)").fetchone()
    if first != "ok":
        raise RestoreFailed("unsound-backup", f"The restored database is damaged: {first}.")


def _find_differing(said: TableDigests, found: TableDigests) -> list[str]:
    return sorted(name for name in {*said, *found} if said.get(name) != found.get(name))


def _check_keys() -> Keys:
    try:
        check_keys_open(may_write=False)
        for secret in Secret.objects.only("dev_value", "prod_value").iterator():
            secret.check_values_open()
    except WrongKeyError:
        return Keys.WRONG
    except DatabaseFault:  # a table or a column that this version does not have
        return Keys.UNKNOWN
    return Keys.OPEN


def _find_migrations(alias: str) -> tuple[Migrations, tuple[str, ...]]:
    """Return of which version the database is, and the migrations that this one does not know."""
    loader = MigrationLoader(connections[alias])
    labels = {config.label for config in apps.get_app_configs()}
    unknown = sorted(
        f"{app}.{name}"
        for app, name in loader.applied_migrations.keys() - loader.disk_migrations.keys()
        if app in labels and app not in loader.unmigrated_apps
    )
    if unknown:
        return Migrations.LATER, tuple(unknown)
    is_current = loader.graph.nodes.keys() <= loader.applied_migrations.keys()
    return Migrations.CURRENT if is_current else Migrations.EARLIER, ()


@contextmanager
def _explain_faults() -> Iterator[None]:
    """Raise ScratchUnusable for a fault of the scratch, which says nothing of the backup."""
    try:
        yield
    except UnableToImport:
        raise
    except OSError as error:
        raise _make_full(str(error.strerror)) from error
    except sqlite3.Error as error:
        raise _make_full(f"SQLite: {error}") from error
    except DatabaseFault as error:
        trouble = find_trouble(error)
        reason = trouble.text if trouble else ""
        message = f"The scratch database failed: {format_for_log(error)}. {reason}".rstrip()
        raise ScratchUnusable("no-scratch", message) from error


def _make_full(reason: str) -> ScratchUnusable:
    message = (
        f"The scratch database could not be written: {reason.rstrip('. ')}. It needs as much room "
        "as the database: in ZIGGY_BACKUP_DIR for SQLite, on the server's disk for PostgreSQL, and "
        "as the backup in ZIGGY_BACKUP_DIR where that is unpacked from a tar."
    )
    return ScratchUnusable("no-room-for-scratch", message)
