"""The record of a run, from its start to its end."""

import logging
from collections import Counter
from collections.abc import Iterable

from django.db import DatabaseError, connections
from django.utils import timezone

from accounts.models import User
from flows.database.bulk import insert_rows
from flows.servers import current_database
from imports.database.backup import Backup
from imports.database.errors import loggable
from imports.errors import (
    FileInvalid,
    FileUnreadable,
    ImportFailed,
    Issue,
    UnableToImport,
)
from imports.models import ImportItem, ImportRecord, Status
from imports.plans.plan import Result, UndoResult
from imports.rows.read import BATCH, batches
from imports.runs.idempotency import free_expired_key

logger = logging.getLogger(__name__)

# A bad file of 100,000 items has as many problems: the record keeps the first, the answer all.
_ISSUES_KEPT = 1000


class RunRecorder:
    """One run on its way to a record. Nothing is written before `start` or the end."""

    def __init__(self, record: ImportRecord) -> None:
        self.record = record

    def start(self) -> None:
        """Say that the run is under way, and that those which died are not."""
        ImportRecord.objects.filter(status=Status.RUNNING).update(
            status=Status.INTERRUPTED,
            finished_at=timezone.now(),
            code="interrupted",
            message="The process died. Nothing of this import was written.",
        )
        free_expired_key(self.record)
        self.record.status = Status.RUNNING
        self.record.save()

    def keep_backup(self, backup: Backup) -> None:
        """Tie the backup to the record before anything is written."""
        self.record.backup_path = str(backup.path)
        self.record.backup_size = backup.size
        self.record.backup_sha256 = backup.sha256
        self.record.save()

    def succeed(
        self, counts: Counter[Result] | Counter[UndoResult], items: Iterable[ImportItem]
    ) -> None:
        """Record what was done to which items. Call it in the transaction of the data."""
        self.record.counts = {result.value: count for result, count in counts.items()}
        self._finish(Status.SUCCEEDED)
        for batch in batches(items, BATCH):
            insert_rows(batch)

    def refuse(self, error: UnableToImport) -> None:
        """Record why nothing was written: a bad file or an error (failed), or it may not be."""
        has_failed = isinstance(error, FileUnreadable | FileInvalid | ImportFailed)
        self._end_badly(
            Status.FAILED if has_failed else Status.REFUSED,
            error.code,
            error.message,
            error.issues,
        )

    def fail(self, error: BaseException) -> None:
        """Record an unforeseen end, without the error's text: it may hold values of the file."""
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        self._end_badly(
            Status.INTERRUPTED if interrupted else Status.FAILED,
            "interrupted" if interrupted else "unexpected-error",
            f"{type(error).__name__}: nothing of this import was written.",
        )

    def is_committed(self) -> bool:
        """Whether the database has the run as succeeded: then it has the run's data as well."""
        done = ImportRecord.objects.filter(pk=self.record.pk, status=Status.SUCCEEDED)
        return done.exists()

    def _end_badly(
        self, status: Status, code: str, message: str, issues: tuple[Issue, ...] = ()
    ) -> None:
        self.record.code = code
        self.record.message = message
        self.record.issues = [issue.as_dict() for issue in issues[:_ISSUES_KEPT]]
        self.record.counts = {}
        try:
            self._finish_unless_committed(status)
        except DatabaseError:
            # The run may have ended because its connection was cut: nobody else ends the record.
            _drop_connection()
            try:
                self._finish_unless_committed(status)
            except DatabaseError as error:
                # The caller's error is the one to tell; this one is for whoever reads the log.
                logger.error(  # noqa: TRY400 - a traceback quotes what follows the first line
                    "The record of a %s import could not be written: %s", status, loggable(error)
                )

    def _finish_unless_committed(self, status: Status) -> None:
        # What comes after the commit, such as Ctrl-C, takes nothing back.
        if not self.is_committed():
            self._finish(status)

    def _finish(self, status: Status) -> None:
        self.record.status = status
        self.record.finished_at = timezone.now()
        self.record.save()


def _drop_connection() -> None:
    """Let the next query make a connection, where no transaction would be lost by that."""
    connection = connections[current_database()]
    if not connection.in_atomic_block:
        connection.close()


def of_the_target(user: User | None) -> User | None:
    """The user, unless it is one of another server: each has users of its own."""
    return user if user and user._state.db == current_database() else None


def running_import() -> ImportRecord | None:
    """The record of the import that is under way, if one is."""
    return ImportRecord.objects.filter(status=Status.RUNNING).first()
