"""Carrying out a job, in a worker: once, in the name of who asked for it, as far as they may now.

The services are those of every door, so that a run in the background is as any other: the lock,
the backup, the one transaction, the record.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from flows.encryption import WrongKeyError
from imports.database.lock import is_lock_held
from imports.errors import (
    ImportFailed,
    ImportLocked,
    NotPermitted,
    StalePlan,
    UnableToImport,
    WrongEncryptionKey,
)
from imports.importing.request import AGAIN
from imports.importing.service import run_import
from imports.jobs.job_lock import LockHeld, hold_job_lock
from imports.jobs.options import (
    KeptUndo,
    KeptUpload,
    make_import_request,
    make_undo_request,
    read_options,
)
from imports.jobs.options import share as share_record
from imports.models import FILE_OF_PENDING, BackgroundJob, Door, JobKind, Status
from imports.runs.idempotency import AlreadyDone
from imports.runs.recorder import NotQueued, RunRecorder
from imports.runs.staleness import make_stale_error
from imports.undo.service import undo_import
from imports.uploads.applying import accept_of_page, run_shown
from imports.uploads.errors import NothingPending
from imports.uploads.pending import look_again
from imports.uploads.planning import make_request, read_page
from imports.uploads.showing import may_decide

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
"""How often a job is begun whose worker dies before the run is under way."""
_LARGE = ("record__issues", *(f"pending__{name}" for name in FILE_OF_PENDING))
LONGEST_WAIT = timedelta(days=1)
"""How long a job may wait for its turn."""


class TryLater(Exception):  # noqa: N818 - the name says what happened
    """Another run has the import lock: the job goes back into the queue."""


def run_job(number: int) -> None:
    """Carry out the job of that number, unless that was done, or somebody is at it.

    What refuses the run is in its record. Raises TryLater while another run has the import lock,
    and what nobody foresaw, which its record has as well.
    """
    try:
        with hold_job_lock(number):
            jobs = BackgroundJob.objects.select_related("record__user", "pending__user")
            # Read when it is needed, and not for each look whether another run is under way.
            jobs = jobs.defer(*_LARGE)
            found = jobs.filter(pk=number).first()
            if found is not None and found.record.status == Status.QUEUED:
                _run_queued(found)
    except LockHeld:
        logger.warning("The job %s was given to a second worker, which leaves it alone", number)


def _run_queued(job: BackgroundJob) -> None:
    if refusal := _find_refusal(job):
        RunRecorder(job.record).refuse_queued(refusal)
        drop_request(job.pk)
        return
    if is_lock_held():  # before a large file is read in vain
        raise TryLater
    _count_attempt(job, 1)
    try:
        _carry_out(job)
    except ImportLocked:
        _count_attempt(job, -1)  # it is not the job's fault
        raise TryLater from None
    except (AlreadyDone, NotQueued):
        pass  # by another worker, or it was cancelled while the file was read
    except UnableToImport as error:
        logger.info("Record %s: %s", job.record_id, error.code)  # which has the rest
    drop_request(job.pk)


def _find_refusal(job: BackgroundJob) -> UnableToImport | None:
    """Return why the job is not begun any more, or None."""
    record = job.record
    if record.user is None:
        why = f"The account {record.user_name} is not there any more."
        return NotPermitted("not-permitted", why, remedy="Nothing was written.")
    if job.attempts >= MOST_ATTEMPTS:
        return make_gave_up_error()
    if timezone.now() - (record.queued_at or record.started_at) > LONGEST_WAIT:
        why = "It waited for its turn for more than a day."
        return ImportLocked("import-locked", why, remedy="Nothing was written. Ask again.")
    return None


def make_gave_up_error(when: str = "before the run was under way") -> ImportFailed:
    """Return the error of a job that ended its workers again and again, told with when they did."""
    return ImportFailed(
        "gave-up",
        f"Its worker died {MOST_ATTEMPTS} times {when}, perhaps for lack of memory.",
        remedy="Nothing was written, and it is not tried again. See the log of the workers.",
    )


def _carry_out(job: BackgroundJob) -> None:
    """Run what the job asks for. Raises what its service raises, and leaves it in the record."""
    recorder = RunRecorder(job.record)
    try:
        match job.kind:
            case JobKind.UNDO:
                undo_import(make_undo_request(job), token=read_options(job, KeptUndo).token)
            case JobKind.UPLOAD:
                _run_pending(job)
            case _:
                run_import(make_import_request(job))
    except WrongKeyError:
        refusal = WrongEncryptionKey(
            "wrong-encryption-key",
            "The encryption keys of this server were changed since it was asked for. Nothing was "
            "written. Ask again.",
        )
        recorder.refuse_queued(refusal)
        raise refusal from None
    except UnableToImport as error:
        job.record.refresh_from_db()
        if job.record.status == Status.QUEUED and not isinstance(error, ImportLocked):
            recorder.refuse_queued(error)  # it came before the run's own recorder
        raise


def _run_pending(job: BackgroundJob) -> None:
    pending, record = job.pending, job.record
    if pending is None:
        raise NothingPending
    kept = read_options(job, KeptUpload)
    pending.acting_user = record.user
    page = read_page(pending)
    if page.token != kept.token:
        raise make_stale_error("The plan was made anew since it was asked for.", again=AGAIN)
    request = replace(make_request(pending), **share_record(record))
    try:
        run_shown(pending, accept_of_page(request, page, kept.accept), page)
    except StalePlan:
        if record.door == Door.ADMIN and may_decide(pending):
            look_again(pending)  # for who comes back to the page
        raise


def _count_attempt(job: BackgroundJob, step: int) -> None:
    BackgroundJob.objects.filter(pk=job.pk).update(attempts=F("attempts") + step)


def drop_request(*numbers: int) -> None:
    """Delete what these jobs were asked for, where their runs have ended."""
    jobs = BackgroundJob.objects.filter(pk__in=numbers)
    ended = jobs.exclude(record__status__in=(Status.QUEUED, Status.RUNNING))
    ended.update(content=None, options=None)
