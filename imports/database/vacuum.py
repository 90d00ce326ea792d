"""Purging soft-deleted rows and reorganising the database, so that it is small and fast."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.conf import ziggy
from flows.content.fields import Kind
from flows.database.size import read_database_size
from flows.documents.sweep import sweep_documents
from flows.models import MODELS, Flow
from flows.servers import get_current_database
from imports.database.lock import HeldLock, LockHeld, hold_import_lock
from imports.errors import RETRY_AFTER, ImportLocked, UnableToImport
from imports.expiry import drop_expired
from imports.parsed.store import forget_old

logger = logging.getLogger(__name__)

_WAIT = "20s"
"""How long PostgreSQL waits for others that use a table. Meanwhile, later ones wait for it."""


class DatabaseBusy(UnableToImport):
    """Deleted rows were purged, but the database could not be reorganised."""

    status = HTTPStatus.CONFLICT
    retry_after = RETRY_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuumed:
    """What was purged, and the size of the database before and after, in bytes."""

    purged: Mapping[Kind, int]
    size_before: int
    size_after: int
    documents: int = 0
    """How many stored documents nothing referred to any more."""

    def as_dict(self) -> dict[str, int]:
        """Return it as the command and the API answer it."""
        counts = {kind.plural: self.purged[kind] for kind in Kind}
        counts["documents"] = self.documents
        return {**counts, "sizeBefore": self.size_before, "sizeAfter": self.size_after}


def vacuum_database(*, lock_wait: float | None = None) -> Vacuumed:
    """Purge the soft-deleted rows of the current database, and reorganise it.

    Their named saves and the records of imports are kept. Waits `lock_wait` seconds for a running
    import, or ZIGGY_LOCK_WAIT if None. Call it outside a transaction. Raises ImportLocked while an
    import is running, and DatabaseBusy.
    """
    connection = connections[get_current_database()]
    connection.validate_no_atomic_block()
    wait = ziggy.LOCK_WAIT if lock_wait is None else lock_wait
    try:
        with hold_import_lock(wait=wait) as lock:
            size_before = read_database_size(connection)
            purged = _purge(lock)
            swept = sweep_documents(Flow, connection.alias)
            _reorganise(connection)
            return Vacuumed(
                purged=purged,
                documents=swept,
                size_before=size_before,
                size_after=read_database_size(connection),
            )
    except LockHeld:
        message = "An import is running on this database: vacuum it when that has finished."
        raise ImportLocked("import-locked", message) from None


def count_deleted() -> dict[Kind, int]:
    """Return how many soft-deleted rows of each kind a vacuum would purge; write nothing."""
    return {kind: MODELS[kind]._default_manager.filter(is_deleted=True).count() for kind in Kind}


def _purge(lock: HeldLock) -> dict[Kind, int]:
    with transaction.atomic(using=get_current_database(), durable=True):
        lock.keep_others_out()
        drop_expired()
        forget_old()
        purged = {
            kind: MODELS[kind]._default_manager.filter(is_deleted=True).delete()[0] for kind in Kind
        }
        lock.check()
        return purged


def _reorganise(connection: BaseDatabaseWrapper) -> None:
    try:
        _vacuum(connection)
    except OperationalError as error:
        logger.exception("The database could not be reorganised")
        raise DatabaseBusy(
            "database-busy",
            "The deleted rows are purged, but the database could not be reorganised: others use "
            "it, or there is no room for a copy. The server's log says more. Try again later.",
        ) from error


def _vacuum(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor == "postgresql":
        _rewrite_tables(connection)
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        # What was rewritten is in the write-ahead log until it is moved into the file.
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rewrite_tables(connection: BaseDatabaseWrapper) -> None:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{_WAIT}'")
        try:
            for table in sorted(tables):
                cursor.execute(f"VACUUM (FULL, ANALYZE) {connection.ops.quote_name(table)}")
        finally:
            cursor.execute("RESET lock_timeout")
