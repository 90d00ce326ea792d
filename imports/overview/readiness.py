"""Whether this server can take work now: one function for each thing that it needs.

Each returns a code: OK, or what is wrong. They read little, and write nothing. A project lists
those that it wants; they know of no page.
"""

import os
import shutil
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from flows.conf import ziggy
from flows.database.size import read_database_size
from flows.encryption import WrongKeyError
from flows.secrets.canary import check_keys_open
from flows.servers import get_current_database
from imports.database.lock import is_lock_held
from imports.jobs.availability import lacks_worker
from imports.models import ImportRecord, Status

OK = "ok"
_LONGEST_RUN = 3
"""In ZIGGY_BACKUP_TIMEOUT: pg_dump and pg_restore may each take that, and then it is written."""


def check_migrations() -> str:
    """Return `database-not-migrated` where a migration of this version is not applied."""
    applied = MigrationRecorder(connections[get_current_database()]).applied_migrations()
    return OK if _read_migrations() <= applied.keys() else "database-not-migrated"


def check_keys() -> str:
    """Return `wrong-encryption-key` where the configured keys are not those of the database."""
    try:
        check_keys_open(may_write=False)
    except WrongKeyError:
        return "wrong-encryption-key"
    return OK


def check_room_for_backup() -> str:
    """Return what is wrong where the next backup could not be written: every import makes one.

    `no-backup-directory`, or `no-room-for-backup` for less room than the database has now.
    """
    needed = read_database_size(connections[get_current_database()])
    try:
        directory = _find_existing(Path(ziggy.BACKUP_DIR).resolve())
        if not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
            return "no-backup-directory"
        return OK if shutil.disk_usage(directory).free >= needed else "no-room-for-backup"
    except OSError:  # it lies where this process may not look, or its disk is gone
        return "no-backup-directory"


def check_lock() -> str:
    """Return `stale-import-lock` where a run holds the lock for longer than any run takes.

    A lock ends with its process, so that such a process hangs. A killed one holds none, and its run
    is healed by the next one. The lock itself is tried only where there is such a run.
    """
    longest = timedelta(seconds=_LONGEST_RUN * ziggy.BACKUP_TIMEOUT)
    old = ImportRecord.objects.filter(
        status=Status.RUNNING, started_at__lt=timezone.now() - longest
    )
    return "stale-import-lock" if old.exists() and is_lock_held() else OK


def check_worker() -> str:
    """Return `no-worker` where work is left to workers, and none was heard of for a minute.

    What is asked for then waits: imports of other services would seem to hang.
    """
    return "no-worker" if lacks_worker() else OK


@cache
def _read_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this version, which are read from the disk once."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _find_existing(directory: Path) -> Path:
    """Return the directory, or that in which it would be made."""
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    return directory
