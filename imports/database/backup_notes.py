"""The note of each backup: `NAME.json` beside the file `NAME`.

The note has the backup's sequence number, the time it was verified, its size and SHA-256, and where
that was asked for the digests of its tables. It is written after the copy was verified and before
the copy gets its final name.

This data is kept in notes because a note is moved and removed with its backup. A table of the
database would lose its newest rows with each restore, and would miss what commands made or people
removed. A file's time changes when it is copied, and the time in its name is the clock's, which may
go back. The sequence number is one more than the highest in the directory, so it needs no clock.
Two backups made at the same moment may get the same number: then the times decide.

Servers that share a directory have prefixes of their own, and ignore each other's backups. A backup
without a note (of an earlier version, or copied without it) counts as older than all that have one;
its age is read from its name. A backup whose size differs from its note is incomplete, and does not
count among the newest. One whose SHA-256 differs is neither restored nor checked: it is readable
perhaps, but is not what was verified.
"""

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from imports.database.backup_retention import KeptBackup
from imports.database.table_digests import TableDigest, TableDigests

NOTE_SUFFIX = ".json"
_STAMP = "[0-9]{8}T[0-9]{6}-[0-9]{6}Z"
_COPY_SUFFIX = r"\.(?:sqlite3|dump)"
_PART_SUFFIX = r"\.part(?:-journal)?"
_NAME = re.compile(rf"(?P<prefix>.+)-{_STAMP}{_COPY_SUFFIX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The files of one server's backups."""

    backups: list[KeptBackup]
    leftovers: list[Path]
    """Parts and notes without a backup: from killed backups, or ones still being written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupNote:
    """What a backup says of itself, beside its size and SHA-256."""

    verified_at: datetime | None
    tables: TableDigests | None
    """None where nobody asked for them when it was made, or an earlier version made it."""


def get_prefix(backup: Path) -> str | None:
    """Return the prefix of the server in a backup's name; None for other names."""
    match = _NAME.fullmatch(backup.name)
    return match["prefix"] if match else None


def get_note_path(backup: Path) -> Path:
    """Return the path of the backup's note."""
    return backup.with_name(f"{backup.name}{NOTE_SUFFIX}")


def explain_change(backup: Path) -> str:
    """Return that the backup is not the one of its note, and what to do; "" otherwise.

    Also "" without a note, or with one that has no SHA-256.
    """
    note = get_note_path(backup)
    try:
        noted = json.loads(note.read_bytes())["sha256"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # no note, or none of ours
        return ""
    with backup.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    if not isinstance(noted, str) or noted == sha256:
        return ""
    return (
        f"{backup} was changed after it was verified: its SHA-256 is not the one in its note "
        f"{note.name}. Use another backup; to use this one all the same, move the note away."
    )


def make_note(
    directory: Path,
    *,
    prefix: str,
    verified_at: datetime,
    size: int,
    sha256: str,
    tables: TableDigests | None,
) -> dict[str, Any]:
    """Return the note of a verified copy, as the next backup in the directory.

    Without digests of its tables, the note says nothing of them.
    """
    known = read_directory(directory, prefix).backups
    note: dict[str, Any] = {
        "sequence": max((one.sequence for one in known), default=0) + 1,
        "verifiedAt": verified_at.isoformat(),
        "size": size,
        "sha256": sha256,
    }
    if tables is not None:
        note["tables"] = {name: asdict(digest) for name, digest in tables.items()}
    return note


def read_note(backup: Path) -> BackupNote:
    """Return what the note of a backup says; nothing where there is no note, or none of ours."""
    try:
        content = json.loads(get_note_path(backup).read_bytes())
        given = content.get("tables")
        return BackupNote(
            verified_at=datetime.fromisoformat(content["verifiedAt"]).astimezone(UTC),
            tables=None
            if given is None
            else {name: TableDigest(**digest) for name, digest in given.items()},
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return BackupNote(verified_at=None, tables=None)


def write_note(backup: Path, content: dict[str, Any]) -> None:
    """Write the note of a verified copy, under the final name that the copy gets next."""
    note = get_note_path(backup)
    part = note.with_name(f"{backup.name}.part{NOTE_SUFFIX}")
    try:
        # Written as a whole or not at all: with half a note, its backup would be of unknown age.
        part.touch(mode=0o600, exist_ok=False)
        with part.open("w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(note)
    except BaseException:  # Ctrl-C too
        part.unlink(missing_ok=True)
        raise


def read_directory(directory: Path, prefix: str) -> Directory:
    """Return the server's backups and leftovers, without files that are removed meanwhile."""
    name = re.compile(
        rf"(?P<copy>{re.escape(prefix)}-(?P<stamp>{_STAMP}){_COPY_SUFFIX})"
        rf"(?P<rest>{_PART_SUFFIX}|(?:\.part)?{re.escape(NOTE_SUFFIX)})?"
    )
    matches = [match for file in directory.iterdir() if (match := name.fullmatch(file.name))]
    copies = {match["copy"] for match in matches if match["rest"] is None}
    backups = []
    for match in matches:
        if match["rest"] is None:
            with suppress(FileNotFoundError):
                backups.append(_read(directory / match["copy"], match["stamp"]))
    leftovers = [
        directory / match.group()
        for match in matches
        if match["rest"] and not (match["rest"] == NOTE_SUFFIX and match["copy"] in copies)
    ]
    return Directory(backups=backups, leftovers=leftovers)


def remove(backup: Path) -> None:
    """Remove a backup and its note, if they still exist."""
    # The note last: without a note a backup is of unknown age, without a backup a note is a
    # leftover.
    backup.unlink(missing_ok=True)
    get_note_path(backup).unlink(missing_ok=True)


def _read(backup: Path, stamp: str) -> KeptBackup:
    status = backup.stat()
    try:
        note = json.loads(get_note_path(backup).read_bytes())
        sequence, size = int(note["sequence"]), int(note["size"])
        verified_at = datetime.fromisoformat(note["verifiedAt"]).astimezone(UTC)
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # no note, or none of ours
        sequence, size = 0, status.st_size
        verified_at = _read_time(stamp)
    return KeptBackup(
        name=backup.name,
        sequence=sequence,
        verified_at=verified_at,
        size=status.st_size,
        is_whole=size == status.st_size,
    )


def _read_time(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S-%f%z")
    except ValueError:  # the digits are not a date
        return datetime.min.replace(tzinfo=UTC)
