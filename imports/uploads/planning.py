"""Planning an upload: the request for its import, and the stored page of its plan."""

from django.db import transaction
from django.utils import timezone
from msgspec.structs import replace

from flows.conf import ziggy
from flows.encryption import WrongKeyError
from flows.servers import get_current_database
from imports.importing.changes import read_changes
from imports.importing.document import unpack_request
from imports.importing.prepare import Preview
from imports.importing.request import ImportRequest
from imports.importing.service import examine_import, plan_for_others
from imports.models import Door, PendingImport, PlanningJob
from imports.planfile.acknowledgement import make_page_warnings
from imports.planfile.decisions import GivenDecision, match_decisions
from imports.planfile.page import (
    PlanPage,
    find_differences,
    make_page,
    make_page_snapshot,
    pack_page,
    unpack_page,
)
from imports.planfile.snapshot import ItemKey
from imports.plans.decisions import Decisions, convert_decisions, read_decision_list
from imports.plans.only import find_chosen
from imports.plans.plan import Mode
from imports.runs.progress import Progress, ignore_progress
from imports.uploads.answering import keep_answer
from imports.uploads.candidates import read_candidates
from imports.uploads.errors import NothingPending, NotPlanned, UploadRefused
from imports.uploads.stored_file import unpack_file
from imports.uploads.summaries import read_summaries


def read_page(pending: PendingImport) -> PlanPage:
    """Return the page of the last plan. Raises NothingPending; NotPlanned where none is made."""
    if not pending.plan:
        raise NotPlanned if PlanningJob.objects.filter(pk=pending.pk).exists() else NothingPending
    return unpack_page(bytes(pending.plan))


def make_first_request(pending: PendingImport, payload: bytes) -> ImportRequest:
    """Return the request for the import of a file that is not stored yet, unpacked."""
    return unpack_request(_make_request(pending, payload))


def plan_first(
    pending: PendingImport,
    request: ImportRequest,
    *,
    progress: Progress = ignore_progress,
) -> None:
    """Plan the unpacked request; set the page of its plan, and its digest.

    The plan itself is not returned: it takes more memory than the file. Raises what
    `examine_import` raises, with its record.
    """
    preview = examine_import(request, record_refusal=True, progress=progress)
    _keep_page(pending, preview, {})
    pending.file_sha256, pending.file_size = preview.document.sha256, preview.document.size


def plan_to_keep(pending: PendingImport, request: ImportRequest) -> bytes:
    """Plan an import that others may apply; set the page of its plan, its answer and its decisions.

    Returns the content to store, unpacked. Raises what `plan_for_others` raises.
    """
    request = unpack_request(request)
    preview, saved = plan_for_others(request)
    document = preview.document
    decisions = match_decisions(request.given_decisions, document)
    pending.decisions = convert_decisions(decisions)
    chosen = find_chosen(document, request.only)
    pending.only = sorted(f"{kind}:{uuid}" for kind, uuid in chosen)
    pending.file_sha256, pending.file_size = document.sha256, document.size
    pending.acting_user = request.user
    _keep_page(pending, preview, {})
    keep_answer(pending, preview, saved)
    return request.payload


def plan_again(pending: PendingImport, *, is_decided: bool = False) -> PlanPage:
    """Plan again, and store the page with what differs from the one before.

    With `is_decided`, the upload's options or decisions were changed, and are stored too. Raises
    NothingPending if the upload is gone meanwhile, and what `examine_import` raises.
    """
    earlier = read_page(pending)
    if pending.is_kept:
        preview, saved = plan_for_others(make_request(pending))
        keep_answer(pending, preview, saved)
    else:
        preview = examine_import(make_request(pending), record_refusal=True)
    differences = _find_differences(pending, preview, earlier, is_decided=is_decided)
    page = _keep_page(pending, preview, differences)
    _store_plan(pending)
    return page


def _store_plan(pending: PendingImport) -> None:
    """Store the plan that was made, with all that it was made by. Raises NothingPending."""
    waiting = PendingImport.objects.filter(pk=pending.pk, record=None)
    with transaction.atomic(using=get_current_database()):
        stored = waiting.update(
            plan=pending.plan,
            planned_at=pending.planned_at,
            decisions=pending.decisions,
            only=pending.only,
            mode=pending.mode,
            with_backup=pending.with_backup,
            override_locks=pending.override_locks,
            prune=pending.prune,
        )
        if not stored:
            raise NothingPending
        if pending.is_kept:
            waiting.update(
                answer=pending.answer,
                counts=pending.counts,
                refusal_code=pending.refusal_code,
                kinds=pending.kinds,
            )


def make_request_without_file(pending: PendingImport) -> ImportRequest:
    """Return the request for the upload's import, to be queued: its file is read later."""
    return _make_request(pending, b"")


def make_request(pending: PendingImport) -> ImportRequest:
    """Return the request for the upload's import, with its file.

    It is asked for by who works with it. Raises NothingPending, and UploadRefused if the file
    cannot be decrypted any more.
    """
    rows = PendingImport.objects.filter(pk=pending.pk)
    # Not as `pending.content`, which would be kept beside the file for as long as the import takes.
    content = rows.values_list("content", flat=True).first()
    if not content:  # it was cancelled or applied meanwhile
        raise NothingPending
    try:
        return _make_request(pending, unpack_file(bytes(content)))
    except WrongKeyError:
        raise UploadRefused(
            "wrong-encryption-key",
            "The encryption keys of this server were changed. Cancel this upload, and upload the "
            "file again.",
        ) from None


def _make_request(pending: PendingImport, payload: bytes) -> ImportRequest:
    decisions = read_decision_list(pending.decisions)
    return ImportRequest(
        payload=payload,
        file_name=pending.file_name,
        server=ziggy.SERVER_NAME,
        mode=Mode(pending.mode),
        door=Door.ADMIN,
        user=pending.actor,
        user_name=pending.actor.get_username(),
        with_backup=pending.with_backup,
        override_locks=pending.override_locks,
        prune=pending.prune,
        decisions=decisions,
        given_decisions=_give_decisions(decisions) if pending.is_kept else (),
        only=tuple(pending.only),
        idempotency_key=make_key(pending) if pending.pk else None,
    )


def _give_decisions(decisions: Decisions) -> tuple[GivenDecision, ...]:
    """Return the decisions as those of a file, which are held to the same when it is applied."""
    return tuple(
        GivenDecision(key=f"{kind}:{uuid}", kind=kind, uuid=uuid, decision=decision)
        for (kind, uuid), decision in decisions.items()
    )


def make_key(pending: PendingImport) -> str:
    """Return the idempotency key of its import, so that it is applied only once."""
    return f"{'plan' if pending.is_kept else 'upload'}-{pending.pk}"


def _find_differences(
    pending: PendingImport, preview: Preview, earlier: PlanPage, *, is_decided: bool
) -> dict[ItemKey, str]:
    before = make_page_snapshot(earlier)
    decisions = read_decision_list(pending.decisions)
    changes = read_changes(before, preview.plan, decisions, made_at=pending.planned_at)
    return find_differences(changes, earlier, is_decided=is_decided)


def _keep_page(
    pending: PendingImport, preview: Preview, differences: dict[ItemKey, str]
) -> PlanPage:
    page = make_page(
        preview.plan,
        read_decision_list(pending.decisions),
        refusal=preview.refusal,
        differences=differences,
        summaries=read_summaries(preview.plan),
        candidates=read_candidates(preview, pending.actor),
    )
    page = replace(page, unacknowledged=make_page_warnings(preview.unacknowledged))
    pending.plan = pack_page(page)
    pending.planned_at = timezone.now()
    return page
