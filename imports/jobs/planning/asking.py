"""Storing an upload: a small one with its plan, a large one for a worker, which plans it."""

from hashlib import sha256

from django.db import transaction

from flows.conf import ziggy
from flows.servers import get_current_database
from flows.users import User
from imports.importing.request import ImportRequest
from imports.jobs.availability import may_queue
from imports.jobs.queue import PLANNING_TASK, put_in_queue
from imports.models import PendingImport, PlanningJob
from imports.runs.run import check_encryption_keys
from imports.uploads.pending import Options, plan_upload, start_upload
from imports.uploads.planning import make_first_request
from imports.uploads.stored_file import pack_file


def stage_upload(user: User, *, payload: bytes, file_name: str, options: Options) -> PendingImport:
    """Store the file: with its plan, or a large one without, and let a worker plan it.

    Raises what `imports.uploads.pending.stage` raises. What is wrong with a large file, its page
    says later.
    """
    pending = start_upload(user, file_name=file_name, options=options)
    request = make_first_request(pending, payload)
    if not may_queue() or len(request.payload) <= ziggy.BACKGROUND_BYTES:
        return plan_upload(pending, request)
    pending.file_sha256 = sha256(request.payload).hexdigest()
    pending.file_size = len(request.payload)
    check_encryption_keys()
    pending.content = pack_file(_choose_content(request, payload))
    with transaction.atomic(using=get_current_database()):
        pending.save()
        number = put_in_queue(pending.pk, PLANNING_TASK, order=None)
        PlanningJob.objects.create(pending=pending, queue_number=number)
    return pending


def _choose_content(request: ImportRequest, payload: bytes) -> bytes:
    """Return what is stored until it is planned: an archive as sent, for its files' names."""
    return payload if request.packed else request.payload
