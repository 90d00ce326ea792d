"""What is known of each backup in the directory: a note, `NAME.json`, beside the file `NAME`.

The note has the backup's sequence number, when it was verified, its size and SHA-256. It is written
once the copy was read through, before the copy gets its final name.

The truth lies in notes, and not elsewhere, because a note goes where its backup goes: a table of
the database would lose the newest rows with each restore, and knows nothing of what a command made
or somebody removed; the time of a file changes when it is copied; its name has the clock's time,
which may go back. The sequence number is one more than the highest that is there, so it needs no
clock. Of two backups that are made at the same moment both may get one number: then the times tell.

Servers that share a directory have backups under prefixes of their own, and do not look at each
other's. A backup without a note (of an earlier version, or copied without it) counts as older than
all that have one, and its name is all that tells its age. A backup whose size is not that of its
note is half of one: it is not counted among the newest.
"""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from imports.database.backup_retention import KeptBackup

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
    """Parts that a backup left which was killed, or that one is still writing; notes of backups
    that are gone, or not there yet."""


def prefix_of(backup: Path) -> str | None:
    """The prefix of the server that a backup's name says it was made on; None for other names."""
    match = _NAME.fullmatch(backup.name)
    return match["prefix"] if match else None


def note_of(backup: Path) -> Path:
    """The file of the backup's note."""
    return backup.with_name(f"{backup.name}{NOTE_SUFFIX}")


def write_note(backup: Path, *, prefix: str, verified_at: datetime, size: int, sha256: str) -> None:
    """Note a copy that was verified, under the final name that it gets next."""
    known = read_directory(backup.parent, prefix).backups
    content = {
        "sequence": max((one.sequence for one in known), default=0) + 1,
        "verifiedAt": verified_at.isoformat(),
        "size": size,
        "sha256": sha256,
    }
    note = note_of(backup)
    part = note.with_name(f"{backup.name}.part{NOTE_SUFFIX}")
    try:
        # Written whole or not at all: half a note would make its backup one of an unknown age.
        part.touch(mode=0o600, exist_ok=False)
        with part.open("w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(note)
    except BaseException:  # also Ctrl-C
        part.unlink(missing_ok=True)
        raise


def read_directory(directory: Path, prefix: str) -> Directory:
    """What lies there of the server's. Files that others remove meanwhile are left out."""
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
    """Remove a backup and its note. Others may have done so meanwhile."""
    # The note last: a note alone is a leftover, a backup alone one of an unknown age.
    backup.unlink(missing_ok=True)
    note_of(backup).unlink(missing_ok=True)


def _read(backup: Path, stamp: str) -> KeptBackup:
    status = backup.stat()
    try:
        note = json.loads(note_of(backup).read_bytes())
        sequence, size = int(note["sequence"]), int(note["size"])
        verified_at = datetime.fromisoformat(note["verifiedAt"]).astimezone(UTC)
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # none, or none of ours
        sequence, size = 0, status.st_size
        verified_at = _time_of(stamp)
    return KeptBackup(
        name=backup.name,
        sequence=sequence,
        verified_at=verified_at,
        size=status.st_size,
        is_whole=size == status.st_size,
    )


def _time_of(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S-%f%z")
    except ValueError:  # digits that are no date
        return datetime.min.replace(tzinfo=UTC)
