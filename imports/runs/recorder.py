"""Writing the record of a run, from its start to its end."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from flows.batches import split_batches
from flows.database.bulk import insert_values
from flows.servers import get_current_database
from flows.texts import make_storable
from flows.users import User
from imports.database.backup import Backup
from imports.database.errors import format_for_log
from imports.errors import (
    FileInvalid,
    FileUnreadable,
    ImportFailed,
    Issue,
    RunCancelled,
    UnableToImport,
)
from imports.models import BackgroundJob, ImportItem, ImportRecord, Status
from imports.plans.plan import Result, UndoResult
from imports.rows.read import BATCH
from imports.runs.idempotency import compute_digest, free_expired_key
from imports.runs.request import RunRequest
from imports.runs.signals import announce_end

logger = logging.getLogger(__name__)

# A bad file of 100,000 items may have as many problems: the answer has all, the record the first.
_ISSUES_KEPT = 1000


class NotQueued(Exception):  # noqa: N818 - the name says what happened
    """The run is not in the queue any more: another worker has it, or it was cancelled."""


class RunRecorder:
    """Writes the record of one run. Nothing is written before `start` or the end."""

    def __init__(self, record: ImportRecord) -> None:
        self.record = record

    @property
    def is_queued(self) -> bool:
        """Return whether the run waits in the queue, and has not begun."""
        return self.record.pk is not None and self.record.status != Status.RUNNING

    def queue(self) -> None:
        """Record the run as queued. Call it in the transaction that gives it to the workers."""
        free_expired_key(self.record)
        self.record.status = Status.QUEUED
        self.record.queued_at = self.record.started_at
        self.record.save()

    def start(self) -> None:
        """Record the run as running, and earlier running ones as interrupted.

        Call it with the import lock. Raises NotQueued for a run of the queue that another worker
        has carried out, or that was cancelled.
        """
        interrupt_running()
        free_expired_key(self.record)
        if self.record.pk is not None:
            queued = ImportRecord.objects.filter(pk=self.record.pk, status=Status.QUEUED)
            if not queued.update(status=Status.RUNNING):
                raise NotQueued
            self.record.started_at = timezone.now()
        self.record.status = Status.RUNNING
        self.record.save()

    def check_cancelled(self) -> None:
        """Raise RunCancelled where somebody called the run off."""
        job = BackgroundJob.objects.filter(record=self.record.pk, is_cancelled=True)
        if self.record.queued_at and job.exists():
            raise RunCancelled

    def begin_writing(self) -> None:
        """Note that the write begins, after which nobody can call the run off. Raises RunCancelled.

        Call it before the transaction of the data.
        """
        job = BackgroundJob.objects.filter(record=self.record.pk)
        if self.record.queued_at and not job.filter(is_cancelled=False).update(is_writing=True):
            raise RunCancelled

    def keep_backup(self, backup: Backup) -> None:
        """Record the backup. Call it before anything is written.

        The status stays: a run whose lock was lost may be recorded as interrupted meanwhile.
        """
        self.record.backup_path = str(backup.path)
        self.record.backup_size = backup.size
        self.record.backup_sha256 = backup.sha256
        self.record.save(update_fields=["backup_path", "backup_size", "backup_sha256"])

    def succeed(
        self, counts: Counter[Result] | Counter[UndoResult], items: Iterable[Mapping[str, Any]]
    ) -> None:
        """Record the counts and the items with their results. Call it in the data's transaction."""
        self.record.counts = {result.value: count for result, count in counts.items()}
        self._finish(Status.SUCCEEDED)
        for batch in split_batches(items, BATCH):
            insert_values(ImportItem, batch)

    def refuse(self, error: UnableToImport) -> None:
        """Record why nothing was written: as failed for a bad file or an error, else as refused."""
        has_failed = isinstance(error, FileUnreadable | FileInvalid | ImportFailed)
        status = Status.CANCELLED if isinstance(error, RunCancelled) else Status.REFUSED
        self._end_badly(
            Status.FAILED if has_failed else status,
            error.code,
            error.message,
            error.issues,
        )

    def refuse_queued(self, error: UnableToImport) -> None:
        """Do what `refuse` does, of a run that has not begun; its end is told after the commit."""
        queued = ImportRecord.objects.filter(pk=self.record.pk, status=Status.QUEUED)
        is_first_end = queued.exists()
        self.refuse(error)
        if is_first_end:
            _announce_after_commit(self.record)

    def fail(self, error: BaseException) -> None:
        """Record an unforeseen error, without its text, which may quote values of the file."""
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        self._end_badly(
            Status.INTERRUPTED if interrupted else Status.FAILED,
            "interrupted" if interrupted else "unexpected-error",
            f"{type(error).__name__}: nothing of this import was written.",
        )

    def is_committed(self) -> bool:
        """Return whether the database has the run, and so its data, as succeeded."""
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
            # The connection may have been cut. No other process ends this record.
            _drop_connection()
            try:
                self._finish_unless_committed(status)
            except DatabaseError as error:
                # The caller raises its own error; this one is only logged.
                logger.error(  # noqa: TRY400 - a traceback quotes what follows the first line
                    "The record of a %s import could not be written: %s",
                    status,
                    format_for_log(error),
                )

    def _finish_unless_committed(self, status: Status) -> None:
        # What happens after the commit, such as Ctrl-C, undoes nothing; nor does it a cancellation.
        ended = (Status.SUCCEEDED, Status.CANCELLED)
        if not ImportRecord.objects.filter(pk=self.record.pk, status__in=ended).exists():
            self._finish(status)

    def _finish(self, status: Status) -> None:
        self.record.status = status
        self.record.finished_at = timezone.now()
        self.record.save()


def interrupt_running() -> list[int]:
    """Record all running runs as interrupted, and return their records' numbers.

    Call it with the import lock: without it, none of them has a process any more. Their ends are
    told after the commit.
    """
    running = ImportRecord.objects.filter(status=Status.RUNNING)
    numbers = list(running.values_list("pk", flat=True))
    # By their status once more: one whose lock was lost may be committed meanwhile.
    running.filter(pk__in=numbers).update(
        status=Status.INTERRUPTED,
        finished_at=timezone.now(),
        code="interrupted",
        message="The process died. Nothing of this import was written.",
    )
    for record in ImportRecord.objects.defer("issues").filter(
        pk__in=numbers, status=Status.INTERRUPTED
    ):
        _announce_after_commit(record)
    return numbers


def _announce_after_commit(record: ImportRecord) -> None:
    """Tell of the end of a run that no process carries out, when the transaction is committed."""
    transaction.on_commit(partial(announce_end, record, {}), using=get_current_database())


def _drop_connection() -> None:
    """Close the connection, so that the next query opens one, unless a transaction is open."""
    connection = connections[get_current_database()]
    if not connection.in_atomic_block:
        connection.close()


def make_run_record(request: RunRequest, *, file_sha256: str = "", **facts: Any) -> ImportRecord:
    """Return an unsaved record of the run that is asked for, with the facts of its kind of run."""
    return ImportRecord(
        **_find_queued(request.queued_record),
        started_at=timezone.now(),
        door=request.door,
        user=_get_user_of_target(request.user),
        user_name=make_storable(request.user_name),
        server=make_storable(request.server),
        file_sha256=file_sha256,
        with_backup=request.with_backup,
        idempotency_key=request.idempotency_key,
        idempotency_digest=compute_digest(request, file_sha256) if request.idempotency_key else "",
        **facts,
    )


def _find_queued(number: int | None) -> dict[str, Any]:
    """Return what the record has of a run that was queued, which it replaces."""
    if number is None:
        return {}
    return dict(ImportRecord.objects.values("pk", "queued_at").get(pk=number))


def _get_user_of_target(user: User | None) -> User | None:
    """Return the user, or None if it is another server's: each server has users of its own."""
    return user if user and user._state.db == get_current_database() else None


def find_running_import() -> ImportRecord | None:
    """Return the record of the import that is under way, or None."""
    return ImportRecord.objects.filter(status=Status.RUNNING).first()
