"""The sweep: what died is ended and explained, what was lost goes back into the queue.

Whether a process is alive is known by the locks of the database alone, so that any worker sweeps
for all machines. Each step is one transaction: a sweep that is killed leaves nothing half.
"""

import logging

from django.db import DEFAULT_DB_ALIAS, transaction

from imports.database.lock import LockHeld as ImportLockHeld
from imports.database.lock import hold_import_lock
from imports.expiry import drop_expired
from imports.jobs.exports.sweep import sweep_exports
from imports.jobs.job_lock import LockHeld, hold_job_lock
from imports.jobs.planning.sweep import sweep_plannings
from imports.jobs.queue import (
    drop_old_from_queue,
    end_in_queue,
    find_lost,
    find_queued,
    put_in_queue,
)
from imports.jobs.running import MOST_ATTEMPTS, drop_request, make_gave_up_error
from imports.models import BackgroundJob, ImportRecord, Status
from imports.runs.recorder import RunRecorder, interrupt_running

logger = logging.getLogger(__name__)


def sweep() -> None:
    """End the runs whose process died, and give the jobs whose worker died to another one."""
    end_dead_runs()
    lost = find_lost()
    for number, queue_number in lost:
        _heal(number, queue_number)
    for number in _find_forgotten():
        _heal(number, None)
    sweep_exports()
    sweep_plannings()


def clean_up() -> None:
    """Delete what has expired: uploads, exports, jobs that ended more than a day ago."""
    drop_expired()
    drop_old_from_queue()


def end_dead_runs() -> None:
    """Record the runs as interrupted whose process died; their jobs end in the same transaction."""
    if not ImportRecord.objects.filter(status=Status.RUNNING).exists():
        return
    try:
        with hold_import_lock(wait=0), transaction.atomic(using=DEFAULT_DB_ALIAS):
            dead = interrupt_running()
            jobs = BackgroundJob.objects.filter(record__in=dead)
            found = list(jobs.values_list("pk", "queue_number"))
            drop_request(*(pk for pk, _ in found))
            end_in_queue(number for _, number in found if number is not None)
    except ImportLockHeld:
        return
    if dead:
        logger.warning("Interrupted, as their processes died: records %s", dead)


def _find_forgotten() -> list[int]:
    """Return the numbers of jobs that are to be carried out, and that the queue does not have."""
    waiting = BackgroundJob.objects.filter(record__status=Status.QUEUED)
    numbers = set(waiting.values_list("pk", flat=True))
    return sorted(numbers - find_queued()) if numbers else []


def _heal(number: int, queue_number: int | None) -> None:
    """End the job in the queue, and put it there once more if it is still to be carried out."""
    try:
        with hold_job_lock(number), transaction.atomic(using=DEFAULT_DB_ALIAS):
            jobs = BackgroundJob.objects.select_related("record").filter(pk=number)
            job = jobs.select_for_update(of=("self",)).first()
            if queue_number is not None:
                end_in_queue([queue_number])
            if job is not None and job.record.status == Status.QUEUED:
                _give_again(job)
    except LockHeld:
        return
    drop_request(number)
    logger.warning("The job %s was lost by its worker", number)


def _give_again(job: BackgroundJob) -> None:
    if job.attempts >= MOST_ATTEMPTS:
        RunRecorder(job.record).refuse(make_gave_up_error())
        return
    job.queue_number = put_in_queue(job.pk)
    job.save(update_fields=["queue_number"])
