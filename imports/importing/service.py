"""The functions that the command, the admin and the API call for an import.

    unpack the file -> check the server and the request -> read the document -> lock -> plan
        -> back up -> one transaction: [check rows again, named saves, write, record] -> outcome

A preview stops after the plan. Every run leaves an ImportRecord.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256

from flows.database.state import SeenState
from flows.secrets.stored_destinations import lock_destinations
from flows.servers import target_server
from imports.database.one_state import read_one_state
from imports.errors import NotPermitted
from imports.exportfile.document import ExportDocument
from imports.history.prune import prune_after_run
from imports.importing.acknowledging import list_acknowledged
from imports.importing.apply import apply_plan
from imports.importing.document import read_request, unpack_request
from imports.importing.prepare import (
    Preview,
    check_destinations,
    check_rows,
    make_preview,
    plan_again,
)
from imports.importing.record import make_items, make_record
from imports.importing.request import AGAIN, ImportRequest
from imports.importing.rights import (
    check_may_acknowledge,
    check_may_plan,
    check_request,
    may_only_plan,
)
from imports.importing.saved_plan import prepare_saved_plan
from imports.models import ImportRecord
from imports.parsed.store import remember_parsed
from imports.permissions import PLAN_IMPORT, RUN_IMPORT, VIEW_RECORDS, check_permission
from imports.planfile.shape import SavedPlan
from imports.plans.plan import Plan
from imports.runs.carrying_out import Outcome, carry_out
from imports.runs.current import RunPhase, measure_phase
from imports.runs.idempotency import check_key
from imports.runs.progress import Progress, follow_progress, ignore_progress
from imports.runs.run import check_server, hold_lock, record_run
from imports.runs.signals import announce
from imports.runs.staleness import make_stale_error


def preview_import(request: ImportRequest, *, record_refusal: bool = True) -> Preview:
    """Return the preview of an import that may be applied; write no rows.

    Raises an UnableToImport where the import would be refused; for a user who may plan, but not
    import, where it would be whoever applied it. With `record_refusal` the refusal is
    recorded, for runs that end with their preview; a dry run passes False.
    """
    request = unpack_request(request)
    with (
        target_server(request.server),
        record_run(_make_record(request), keep=record_refusal) as recorder,
    ):
        check_server(request.server)
        check_may_plan(request)
        document, request = _read(request, recorder.record)
        preview = make_preview(document, request, is_for_others=may_only_plan(request.user))
        if preview.refusal:
            raise preview.refusal
        return preview


def make_plan_to_save(request: ImportRequest) -> tuple[Preview, SavedPlan]:
    """Return the preview and the plan to save; write nothing.

    A refusal is in the preview's `refusal` where a decision may resolve it; the saved plan has its
    issues. Raises an UnableToImport, as a dry run does, where none can.
    """
    with _plan_for_review(request) as (preview, document, decided):
        return preview, prepare_saved_plan(preview.plan, document, decided)


def preview_for_review(request: ImportRequest) -> Preview:
    """Return the preview of an import for somebody who reviews it; write nothing.

    A refusal of the plan is in the preview's `refusal`. Raises an UnableToImport where there is no
    plan, as for a bad file, and where the user may not do it.
    """
    with _plan_for_review(request) as (preview, *_):
        return preview


@contextmanager
def _plan_for_review(
    request: ImportRequest,
) -> Iterator[tuple[Preview, ExportDocument, ImportRequest]]:
    """Yield the preview, its document, and the request with its decisions.

    The reads in the block are of one state of the server.

    Raises an UnableToImport, as a dry run does, where no decision can resolve it.
    """
    request = unpack_request(request)
    with target_server(request.server), record_run(_make_record(request), keep=False) as recorder:
        check_server(request.server)
        check_may_plan(request)
        document, request = _read(request, recorder.record)
        with read_one_state():
            is_for_others = may_only_plan(request.user)
            preview = make_preview(document, request, is_for_others=is_for_others)
            if isinstance(preview.refusal, NotPermitted):
                raise preview.refusal
            yield preview, document, request


def plan_for_others(request: ImportRequest) -> tuple[Preview, SavedPlan]:
    """Return the preview and the plan that is kept for whoever may apply it; write nothing.

    What the user may not do is no refusal of the plan. A refusal is in the preview's `refusal`; the
    plan to keep has its issues. Raises an UnableToImport for a bad file, and for a user who may not
    plan, or not see the rows that the plan describes.
    """
    request = unpack_request(request)
    with target_server(request.server), record_run(_make_record(request), keep=False) as recorder:
        check_server(request.server)
        check_permission(request.user, PLAN_IMPORT)
        check_may_acknowledge(request)
        document, request = _read(request, recorder.record)
        with read_one_state():
            preview = make_preview(document, request, is_for_others=True)
            return preview, prepare_saved_plan(preview.plan, document, request)


def examine_for_others(request: ImportRequest) -> Preview:
    """Return the preview of a kept plan's import as of now, for a user who looks at it.

    As `examine_import`, for who may see records: a refusal is in the preview's `refusal`. Writes
    nothing.
    """
    request = unpack_request(request)
    with target_server(request.server), record_run(_make_record(request), keep=False) as recorder:
        check_server(request.server)
        check_permission(request.user, VIEW_RECORDS)
        document, request = _read(request, recorder.record)
        return make_preview(document, request, is_for_others=True)


def examine_import(
    request: ImportRequest,
    *,
    record_refusal: bool = False,
    progress: Progress = ignore_progress,
) -> Preview:
    """Return the preview for a user who can still change mode, options and decisions.

    A refusal that these may resolve is in the preview's `refusal`. Raises an UnableToImport for
    others: for a bad file, and for a user who may not import at all or not see the rows that the
    plan describes. Writes nothing, but `record_refusal` leaves a record of what is raised, as for
    an upload.
    """
    request = unpack_request(request)
    with (
        target_server(request.server),
        record_run(_make_record(request), keep=record_refusal) as recorder,
    ):
        check_server(request.server)
        check_permission(request.user, RUN_IMPORT)
        return make_preview(*_read(request, recorder.record), progress=progress)


def run_import(
    request: ImportRequest,
    *,
    confirmed: Preview | None = None,
    token: str | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Outcome[Plan]:
    """Apply the import, or change nothing.

    With a `confirmed` preview, or the confirmation `token` of the plan that was shown, exactly that
    plan is applied or StalePlan is raised. Raises an UnableToImport for every refusal; the data is
    unchanged whenever anything is raised. Raises AlreadyDone where the request's idempotency key
    belongs to an import that is done.
    """
    request = unpack_request(request)
    with target_server(request.server):
        outcome = _run(request, confirmed=confirmed, token=token, progress=progress)
        announce(outcome.record)
        return outcome


def _run(
    request: ImportRequest, *, confirmed: Preview | None, token: str | None, progress: Progress
) -> Outcome[Plan]:
    with record_run(_make_record(request)) as recorder:
        record = recorder.record
        check_server(request.server)
        check_request(request)
        may_be_running = check_key(record)
        if confirmed and confirmed.document.sha256 != record.file_sha256:
            raise make_stale_error("The file is not the one that was shown.", again=AGAIN)
        document = confirmed.document if confirmed else None
        document, request = _read(request, record, document)
        with hold_lock(record, wait=request.lock_wait, at_once=may_be_running) as lock:
            recorder.start()
            seen = SeenState.see()
            with measure_phase(RunPhase.PLANNING):
                plan = plan_again(document, request, confirmed=confirmed, token=token)
            record.acknowledged = list_acknowledged(plan, request)
            with carry_out(recorder, lock, seen=seen, writes=plan.writes, again=AGAIN):
                saves = _write(
                    document,
                    plan,
                    request,
                    record,
                    is_unchanged=seen.is_unchanged(),
                    progress=progress,
                )
                remember_parsed(document)
                recorder.succeed(plan.counts, make_items(record, plan, saves))
            if plan.writes:
                prune_after_run(record, lock)
            return Outcome(plan=plan, record=record)


def _read(
    request: ImportRequest, record: ImportRecord, document: ExportDocument | None = None
) -> tuple[ExportDocument, ImportRequest]:
    """Return document and request with its decisions; the record says which directory it was.

    A `document` of the same file is used instead of reading the file again.
    """
    with measure_phase(RunPhase.READING):
        document, request = read_request(request, sha256=record.file_sha256, document=document)
    record.directory_id = document.directory_id
    return document, request


def _write(
    document: ExportDocument,
    plan: Plan,
    request: ImportRequest,
    record: ImportRecord,
    *,
    is_unchanged: bool,
    progress: Progress,
) -> Mapping[str, int]:
    """Write the plan's rows, if any; return the named saves taken before, by path of the items."""
    if not plan.writes:
        return {}
    lock_destinations()
    check_destinations(plan)
    if not is_unchanged:
        check_rows(document, plan, request.decisions)
    with follow_progress(record, progress) as follow:
        return apply_plan(
            plan,
            is_unchanged=is_unchanged,
            user=record.user,
            user_name=record.user_name,
            progress=follow,
        )


def _make_record(request: ImportRequest) -> ImportRecord:
    return make_record(request, sha256=sha256(request.payload).hexdigest())
