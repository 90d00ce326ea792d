"""What is said of the faults of a backup: what is wrong, and what to do."""

import errno
import sqlite3

from flows.conf import ziggy
from imports.database.postgresql_tools import ROOM, Fault

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


def explain_fault(error: Fault | OSError | sqlite3.Error) -> str:
    """Return what is wrong, and what to do where that is known."""
    if isinstance(error, OSError):
        advice = ROOM if error.errno in _FULL_ERRNOS else _DIRECTORY
        return f"{ziggy.BACKUP_DIR}: {error.strerror}. {advice}"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is detail
        return f"SQLite: {error}. {_SQLITE_ADVICE.get(code, '')}".rstrip()
    return str(error)
