"""Calling off a run in the background, before its write begins."""

from django.db import transaction

from flows.servers import get_current_database
from flows.users import User
from imports.errors import NoSuchRecord, RunCancelled, TooLate, UnableToImport
from imports.jobs.queue import cancel_in_queue
from imports.models import BackgroundJob, ImportRecord, Status
from imports.permissions import UNDO_IMPORT, check_permission, has_permission
from imports.runs.recorder import RunRecorder


def cancel_run(user: User | None, number: int) -> ImportRecord:
    """Call off the run of the record, and return the record. A user of None is the shell.

    One that a worker has already stops before its write, and its record says so a moment later.
    Raises NoSuchRecord, TooLate, and NotPermitted: a run of somebody else may be called off by who
    may undo it.
    """
    with transaction.atomic(using=get_current_database()):
        jobs = BackgroundJob.objects.select_for_update(of=("self",))
        job = jobs.select_related("record").filter(record__pk=number).first()
        if job is None:
            raise _explain_no_job(number)
        record = ImportRecord.objects.select_for_update(of=("self",)).get(pk=number)
        if user is None or record.user_id != user.pk:
            check_permission(user, UNDO_IMPORT)
        if record.status == Status.QUEUED:
            _end(record, job)
        elif record.status == Status.RUNNING and not job.is_writing:
            BackgroundJob.objects.filter(pk=job.pk).update(is_cancelled=True)
        elif record.status != Status.CANCELLED:  # to call it off twice is no mistake
            raise _explain_too_late(user, record)
    return record


def _end(record: ImportRecord, job: BackgroundJob) -> None:
    RunRecorder(record).refuse_queued(RunCancelled())
    BackgroundJob.objects.filter(pk=job.pk).update(is_cancelled=True, content=None, options=None)
    if job.queue_number is not None:
        cancel_in_queue(job.queue_number)


def _explain_no_job(number: int) -> UnableToImport:
    if not ImportRecord.objects.filter(pk=number).exists():
        return NoSuchRecord("no-such-record", f"This server has no import {number}.")
    why = f"Import {number} was not left to a worker, and cannot be cancelled."
    return TooLate("not-in-background", why)


def _explain_too_late(user: User | None, record: ImportRecord) -> TooLate:
    if record.status == Status.RUNNING:
        why = f"Import {record.pk} has begun to write, and cannot be cancelled any more."
        remedy = "When it is done, somebody who may undo imports can undo it."
        if has_permission(user, UNDO_IMPORT):
            remedy = "Undo it when it is done."
        return TooLate("too-late", why, remedy=remedy)
    return TooLate("too-late", f"Import {record.pk} has ended: it is {record.status}.")
