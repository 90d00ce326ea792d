"""The sweep of runs: a dead one is recorded as interrupted, a lost one is given again."""

import logging

from django.db import DEFAULT_DB_ALIAS, transaction

from imports.database.lock import LockHeld, hold_import_lock
from imports.jobs.job_lock import hold_job_lock
from imports.jobs.queue import ORDER, TASK, end_in_queue, put_back
from imports.jobs.running import MOST_ATTEMPTS, drop_request, make_gave_up_error
from imports.jobs.sweep.lost import heal_lost
from imports.models import (
    FILE_OF_PENDING,
    BackgroundJob,
    ImportRecord,
    PendingImport,
    Status,
)
from imports.runs.recorder import RunRecorder, interrupt_running
from imports.uploads.applying import note_record

logger = logging.getLogger(__name__)


def sweep_runs() -> None:
    """End the runs whose process died, and give the jobs whose worker died to another one."""
    end_dead_runs()
    waiting = BackgroundJob.objects.filter(record__status=Status.QUEUED)
    heal_lost(TASK, waiting, hold_job_lock, _heal)


def end_dead_runs() -> None:
    """Record the runs as interrupted whose process died; their jobs end in the same transaction."""
    if not ImportRecord.objects.filter(status=Status.RUNNING).exists():
        return
    try:
        with hold_import_lock(wait=0), transaction.atomic(using=DEFAULT_DB_ALIAS):
            # Their jobs first, as who calls a run off does: the one waits for the other.
            jobs = BackgroundJob.objects.filter(record__status=Status.RUNNING).order_by("pk")
            jobs = jobs.select_for_update(of=("self",))
            found = list(jobs.values_list("pk", "queue_number"))
            dead = interrupt_running()
            drop_request(*(pk for pk, _ in found))
            end_in_queue(number for _, number in found if number is not None)
    except LockHeld:
        return
    if dead:
        logger.warning("Interrupted, as their processes died: records %s", dead)


def _heal(number: int, queue_number: int | None) -> bool:
    jobs = BackgroundJob.objects.select_related("record").defer("record__issues")
    job = jobs.filter(pk=number).select_for_update(of=("self",)).first()
    was_queued = False
    if job is not None and job.record.status == Status.QUEUED:
        was_queued = True
        _give_again(job, queue_number)
    elif job is not None and job.record.status == Status.SUCCEEDED:
        _note_record(job)
    drop_request(number)
    return was_queued


def _note_record(job: BackgroundJob) -> None:
    """Let the upload say that it was imported, where the worker died before it did."""
    if job.pending_id is None:
        return
    uploads = PendingImport.objects.filter(pk=job.pending_id, record=None)
    if upload := uploads.defer(*FILE_OF_PENDING).first():
        note_record(upload, job.record)


def _give_again(job: BackgroundJob, queue_number: int | None) -> None:
    if job.attempts >= MOST_ATTEMPTS:
        RunRecorder(job.record).refuse_queued(make_gave_up_error())
        return
    job.queue_number = put_back(job.pk, queue_number, TASK, order=ORDER)
    job.save(update_fields=["queue_number"])
