"""Which migrations of the queue's tables a database has, which is lost by a restore.

A backup of before the queue lacks its tables, so that a restore leaves those that are there; but it
replaces the table of all migrations, after which `migrate` would make them again, and fail.
"""

import logging
from collections.abc import Collection

from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder

from flows.servers import QUEUE_APP
from imports.database.errors import format_for_log

logger = logging.getLogger(__name__)


def read_queue_migrations(alias: str) -> frozenset[str]:
    """Return the names of the queue's migrations that are recorded; none where that is unreadable.

    Call it before a restore, and give what it returns to `record_queue_migrations` after it.
    """
    if connections[alias].vendor != "postgresql":
        return frozenset()
    try:
        applied = MigrationRecorder(connections[alias]).applied_migrations()
    except DatabaseError as error:  # what is damaged is what is restored
        logger.warning("The migrations are unreadable: %s", format_for_log(error))
        return frozenset()
    return frozenset(name for app, name in applied if app == QUEUE_APP)


def record_queue_migrations(alias: str, names: Collection[str]) -> None:
    """Record the migrations again, if the queue's tables are there without any that is recorded."""
    if names and lacks_queue_migrations(alias):
        recorder = MigrationRecorder(connections[alias])
        for name in sorted(names):
            recorder.record_applied(QUEUE_APP, name)


def lacks_queue_migrations(alias: str) -> bool:
    """Return whether PostgreSQL has the queue's tables, and no migration of theirs is recorded."""
    return has_queue_tables(alias) and not read_queue_migrations(alias)


def has_queue_tables(alias: str) -> bool:
    """Return whether PostgreSQL has the queue's tables, whatever is recorded of them."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
        found: bool = cursor.fetchone()[0]
    return found
