"""Asking for a run in the background: its record and its job are made, and put into the queue.

All of it is one transaction, so that there is never one without the other. The rights are checked
here, and again when the run is carried out.
"""

from collections.abc import Collection
from hashlib import sha256

from django.db import IntegrityError, transaction

from flows.conf import ziggy
from flows.servers import get_current_database
from imports.importing.document import unpack_request
from imports.importing.record import make_record
from imports.importing.request import ImportRequest
from imports.importing.rights import check_request
from imports.jobs.availability import may_queue
from imports.jobs.options import KeptUpload, keep_import, keep_undo, pack_options
from imports.jobs.queue import put_in_queue
from imports.models import BackgroundJob, ImportRecord, JobKind, PendingImport, Status
from imports.planfile.page import PlanPage
from imports.runs.idempotency import AlreadyDone, find_in_progress
from imports.runs.recorder import RunRecorder
from imports.runs.run import check_encryption_keys, check_server, record_run
from imports.undo.read import find_written_items
from imports.undo.record import make_undo_record
from imports.undo.request import UndoRequest
from imports.undo.rights import check_undo_request
from imports.undo.undone_run import find_undone
from imports.uploads.applying import (
    ApplyOptions,
    check_applicable,
    complete_request,
    make_apply_request,
    note_record,
)
from imports.uploads.pending import accept_all_shown, check_confirmed
from imports.uploads.planning import make_request_without_file
from imports.uploads.stored_file import pack_file

MANY_ITEMS = 1_000
"""An undo of more rows is left to a worker, whatever the size of the file was."""


def queue_import(request: ImportRequest) -> ImportRecord:
    """Queue the import, and return its record; that of an earlier one with its key, if it goes on.

    Raises AlreadyDone where that is done, and an UnableToImport, which is recorded, where the user
    may not import with these options. What is wrong with the file, its record says later.
    """
    unpacked = unpack_request(request)
    record = make_record(unpacked, sha256=sha256(unpacked.payload).hexdigest())
    with record_run(record) as recorder:
        check_server(request.server)
        check_request(request)
        if earlier := find_in_progress(record):
            return earlier
        # An archive as it was sent: what is wrong in it is told by its files.
        content = request.payload if unpacked.packed else unpacked.payload
        check_encryption_keys()
        return _queue(
            recorder,
            BackgroundJob(
                kind=JobKind.IMPORT,
                options=pack_options(keep_import(request)),
                content=pack_file(content),
            ),
        )


def queue_undo(request: UndoRequest, *, token: str | None = None) -> ImportRecord:
    """Queue the undo, and return its record: see `queue_import`.

    With the confirmation `token` of a plan that was shown, exactly that plan is carried out. Also
    raises what is raised for a record that is not there, or cannot be undone.
    """
    with record_run(make_undo_record(request)) as recorder:
        check_server(request.server)
        check_undo_request(request)
        if earlier := find_in_progress(recorder.record):
            return earlier
        find_undone(request, recorder)
        check_encryption_keys()
        job = BackgroundJob(kind=JobKind.UNDO, options=pack_options(keep_undo(request, token)))
        return _queue(recorder, job)


def is_undo_for_worker(undone: ImportRecord) -> bool:
    """Return whether the undo of that run is left to a worker by itself: the run was a large one.

    That is told by its file, or by the rows that it wrote.
    """
    if not may_queue():
        return False
    is_large = undone.file_size > ziggy.BACKGROUND_BYTES
    return is_large or find_written_items(undone).count() > MANY_ITEMS


def find_undo_under_way(undone: ImportRecord) -> ImportRecord | None:
    """Return the record of an undo of that run that is queued or under way, if any."""
    undos = ImportRecord.objects.filter(undoes=undone)
    return undos.filter(status__in=(Status.QUEUED, Status.RUNNING)).first()


def is_for_worker(pending: PendingImport) -> bool:
    """Return whether the import of the waiting file is left to a worker by itself: it is large."""
    return may_queue() and pending.file_size > ziggy.BACKGROUND_BYTES


def queue_kept(pending: PendingImport, options: ApplyOptions) -> ImportRecord:
    """Queue the import of a kept plan, and return its record: see `queue_import`.

    Also raises what `apply_kept` raises before it tries, and AlreadyDone where it was applied.
    """
    page = check_applicable(pending, options)
    request = make_apply_request(pending, page, options)
    return _queue_pending(pending, page, request, accept=options.accept)


def queue_confirmed(
    pending: PendingImport, *, shown: str, server_name: str, accept: Collection[str]
) -> ImportRecord:
    """Queue the import of what was shown, as `imports.uploads.pending.confirm` makes it at once.

    Raises what that raises before it tries.
    """
    page = check_confirmed(pending, shown=shown, server_name=server_name, accept=accept)
    waiting = complete_request(pending, make_request_without_file(pending))
    request = accept_all_shown(waiting, page)
    try:
        return _queue_pending(pending, page, request, accept=request.accept)
    except AlreadyDone as earlier:
        note_record(pending, earlier.record)  # its worker died before it did
        return earlier.record


def _queue_pending(
    pending: PendingImport, page: PlanPage, request: ImportRequest, *, accept: Collection[str]
) -> ImportRecord:
    record = make_record(request, sha256=pending.file_sha256)
    record.file_size = pending.file_size
    with record_run(record) as recorder:
        check_server(request.server)
        check_request(request)
        if earlier := find_in_progress(record):
            return earlier
        kept = KeptUpload(token=page.token, accept=tuple(accept))
        job = BackgroundJob(kind=JobKind.UPLOAD, pending=pending, options=pack_options(kept))
        return _queue(recorder, job)


def _queue(recorder: RunRecorder, job: BackgroundJob) -> ImportRecord:
    """Store the record and the job, and put it into the queue: all of it, or nothing."""
    record = recorder.record
    try:
        with transaction.atomic(using=get_current_database()):
            recorder.queue()
            job.record = record
            job.save()
            job.queue_number = put_in_queue(job.pk)
            job.save(update_fields=["queue_number"])
    except IntegrityError:
        record.pk = None
        if earlier := find_in_progress(record):  # the same request came twice at one moment
            return earlier
        raise
    return record
