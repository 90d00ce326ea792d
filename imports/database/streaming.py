"""A backup for another place, written to a stream; `.streamed-SERVER.json` says when."""

import logging
from datetime import UTC, datetime
from typing import BinaryIO

from imports.database.backup import PassingBackup, make_passing_backup
from imports.database.backup_archive import write_archive
from imports.database.kept_notes import keep_note, read_kept_note

logger = logging.getLogger(__name__)

_KIND = "streamed"


def stream_backup(out: BinaryIO) -> PassingBackup:
    """Write a verified backup of the current database with its note, and note that it was written.

    Whether the reader kept it is not known here. Raises BackupFailed; then the stream is not
    complete, and nothing is noted.
    """
    with make_passing_backup() as backup:
        write_archive(backup, out)
    try:
        keep_note(_KIND, {"at": datetime.now(UTC).isoformat()})
    except OSError as error:  # which makes the backup no worse
        logger.warning("That the backup was written could not be noted: %s", error.strerror)
    return backup


def read_streamed_at() -> datetime | None:
    """Return when a backup of the current database was last written to a stream. Raises OSError."""
    try:
        return datetime.fromisoformat(read_kept_note(_KIND)["at"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError):  # none, or none of ours
        return None
