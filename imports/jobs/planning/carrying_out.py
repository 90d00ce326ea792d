"""Planning an upload, in a worker: its plan is stored once, or why there is none.

A plan that was stored is never replaced here, so that one that is made twice, because it was asked
for twice or its lock was lost, is shown, and confirmed, once.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from django.db import DatabaseError, connections, transaction
from django.db.models import F

from flows.servers import get_current_database
from imports.errors import UnableToImport
from imports.importing.document import unpack_request
from imports.jobs.job_lock import LockHeld, hold_planning_lock
from imports.jobs.running import MOST_ATTEMPTS, make_gave_up_error
from imports.models import ImportRecord, PendingImport, PlanningJob, Status
from imports.runs.beside import BesideWriter
from imports.runs.progress import Progress
from imports.runs.recorder import NotQueued
from imports.uploads.planning import make_key, make_request, plan_first
from imports.uploads.stored_file import pack_file

logger = logging.getLogger(__name__)

_EVERY = 0.5
"""Seconds between two looks at whether it was called off, which keep the numbers too."""
_KEEP = "UPDATE imports_planningjob SET done = %s, total = %s WHERE pending_id = %s"


def run_planning(number: int) -> None:
    """Plan the upload of that number, unless that was done or called off, or somebody is at it.

    Why there is no plan is in its PlanningJob. Raises what nobody foresaw.
    """
    try:
        with hold_planning_lock(number):
            jobs = PlanningJob.objects.select_related("pending__user")
            job = jobs.defer("pending__content").filter(pk=number, code="").first()
            if job is not None:
                _run(job)
    except LockHeld:
        logger.warning("Upload %s was given to a second worker, which leaves it alone", number)


def _run(job: PlanningJob) -> None:
    if record := _find_refused(job.pending):  # its worker died before it could say so
        end_planning(job.pk, record.code, record.message, record=record)
        return
    if job.attempts >= MOST_ATTEMPTS:
        give_up(job.pk)
        return
    PlanningJob.objects.filter(pk=job.pk).update(attempts=F("attempts") + 1, done=0, total=0)
    try:
        _plan(job)
    except NotQueued:
        logger.info("The upload %s was cancelled while it was planned", job.pk)
    except UnableToImport as error:
        logger.info("The upload %s is not planned: %s", job.pk, error.code)
        _end_after(error, job)
    except Exception:
        if record := _find_refused(job.pending):
            end_planning(job.pk, record.code, record.message, record=record)
        raise


def _plan(job: PlanningJob) -> None:
    pending = job.pending
    request = unpack_request(make_request(pending))
    with _keep_progress(job.pk) as progress:
        plan_first(pending, request, progress=progress)
    unpacked = pack_file(request.payload) if request.packed else None
    with transaction.atomic(using=get_current_database()):
        waiting = PendingImport.objects.filter(pk=job.pk, plan=None, record=None)
        if unpacked is not None:
            waiting.update(content=unpacked)
        waiting.update(
            plan=pending.plan,
            planned_at=pending.planned_at,
            file_sha256=pending.file_sha256,
            file_size=pending.file_size,
        )
        PlanningJob.objects.filter(pk=job.pk).delete()


@contextmanager
def _keep_progress(number: int) -> Iterator[Progress]:
    """Yield a callback that keeps the numbers, and raises NotQueued for a cancelled upload."""
    following = 0.0
    with closing(BesideWriter()) as writer:

        def keep(done: int, total: int) -> None:
            nonlocal following
            if 0 < done < total and time.monotonic() < following:
                return
            following = time.monotonic() + _EVERY
            if writer.execute(_KEEP, [done, total, number]) == 0:
                raise NotQueued

        yield keep


def give_up(number: int) -> None:
    """Note that the upload ended its workers again and again."""
    error = make_gave_up_error("while it planned this file")
    end_planning(number, error.code, error.message)


def end_planning(
    number: int, code: str, message: str, *, record: ImportRecord | None = None
) -> None:
    """Note why there is no plan of the upload, and drop its file, unless that was done."""
    with transaction.atomic(using=get_current_database()):
        waiting = PlanningJob.objects.filter(pk=number, code="")
        if waiting.update(code=code, message=message, record=record):
            PendingImport.objects.filter(pk=number).update(content=None)


def _end_after(error: UnableToImport, job: PlanningJob) -> None:
    try:
        end_planning(job.pk, error.code, error.message, record=_find_refused(job.pending))
    except DatabaseError:  # the connection was cut: the error is that of it, perhaps
        connections[get_current_database()].close()
        end_planning(job.pk, error.code, error.message, record=_find_refused(job.pending))


def _find_refused(pending: PendingImport) -> ImportRecord | None:
    """Return the record of an attempt to plan the upload that was refused, if any."""
    refused = ImportRecord.objects.filter(
        user=pending.user,
        idempotency_key=make_key(pending),
        status__in=(Status.REFUSED, Status.FAILED),
    )
    return refused.defer("issues").order_by("-pk").first()
