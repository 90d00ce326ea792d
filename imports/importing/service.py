"""The import, in order: what the command, the admin and the API call.

    check the server -> parse -> lock -> plan -> back up
        -> one transaction: [look again, save the rows before, write, record] -> outcome

A preview is the same road, stopped after the plan. Every run leaves an ImportRecord.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256

from django.conf import settings

from flows.secrets.stored_destinations import lock_destinations
from flows.servers import target
from imports.database.backup import make_backup
from imports.database.one_state import one_state
from imports.errors import NotPermitted, UnableToImport
from imports.expiry import drop_expired_uploads
from imports.exportfile.document import ExportDocument, parse
from imports.importing.apply import apply_plan
from imports.importing.prepare import (
    check_destinations,
    check_rows,
    check_sight_of_named,
    draft_plan,
    plan_again,
    plan_import,
    refusal_of,
    stale,
)
from imports.importing.record import items_of, new_record
from imports.importing.request import ImportRequest
from imports.importing.rights import check_request, check_sight
from imports.importing.saved_plan import check_origin, saved_plan, settled
from imports.models import ImportRecord
from imports.permissions import RUN_IMPORT, check_permission
from imports.planfile.shape import SavedPlan
from imports.plans.plan import Plan
from imports.runs.idempotency import check_key
from imports.runs.recorder import RunRecorder
from imports.runs.run import (
    Progress,
    check_encryption_keys,
    check_server,
    hold_lock,
    one_transaction,
    recorded,
)

_AGAIN = "Run the import again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a request would do now, or why it would be refused."""

    document: ExportDocument = field(repr=False)
    plan: Plan
    refusal: UnableToImport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did: all that its plan says."""

    plan: Plan
    record: ImportRecord


def preview_import(request: ImportRequest, *, record_refusal: bool = True) -> Preview:
    """Plan the import and write nothing.

    Raises an UnableToImport where the import would be refused; `record_refusal` leaves a record
    of that, for a run that ends with its preview. A dry run asks for none.
    """
    with target(request.server), recorded(_record(request), keep=record_refusal) as recorder:
        check_server(request.server)
        check_request(request)
        check_origin(request, recorder.record.file_sha256)
        document = parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        request = replace(request, decisions=settled(request, document))
        return Preview(document=document, plan=plan_import(document, request))


def plan_to_save(request: ImportRequest) -> tuple[Preview, SavedPlan]:
    """Plan the import for somebody who applies it later, and write nothing.

    What stands against the plan is the preview's `refusal`, which a decision may mend: the saved
    plan has its issues. Raises an UnableToImport where none can, as a dry run does.
    """
    with target(request.server), recorded(_record(request), keep=False):
        check_server(request.server)
        check_request(request)
        document = parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        request = replace(request, decisions=settled(request, document))
        with one_state():
            plan = draft_plan(document, request)
            check_sight_of_named(request)
            check_sight(request.user, plan)
            saved = saved_plan(plan, document, request)
        refusal = refusal_of(plan, request)
        if isinstance(refusal, NotPermitted):
            raise refusal
        return Preview(document=document, plan=plan, refusal=refusal), saved


def examine_import(request: ImportRequest, *, record_refusal: bool = False) -> Preview:
    """Plan the import for somebody who can still decide otherwise, and write nothing.

    What stands against the plan is its `refusal`, which another mode, another option or a decision
    may mend. Raises an UnableToImport where none can: for a bad file, for who may not import at
    all, and for who may not see the rows that the plan tells of. `record_refusal` leaves a record
    of that, for a file that somebody brings; who only looks leaves none.
    """
    with target(request.server), recorded(_record(request), keep=record_refusal):
        check_server(request.server)
        check_permission(request.user, RUN_IMPORT)
        document = parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        plan = draft_plan(document, request)
        check_sight(request.user, plan)
        return Preview(document=document, plan=plan, refusal=refusal_of(plan, request))


def run_import(
    request: ImportRequest,
    *,
    confirmed: Preview | None = None,
    fingerprint: str | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Outcome:
    """Do the import, or change nothing.

    With a `confirmed` preview, or the `fingerprint` of the plan that was shown, exactly that plan
    is done or StalePlan is raised. Raises an UnableToImport for every refusal; whatever is raised,
    the data is as it was. Raises AlreadyDone where the request's idempotency key stands for an
    import that is done.
    """
    with target(request.server), recorded(_record(request)) as recorder:
        check_server(request.server)
        check_request(request)
        may_be_running = check_key(recorder.record)
        if confirmed and confirmed.document.sha256 != recorder.record.file_sha256:
            raise stale("The file is not the one that was shown.")
        check_origin(request, recorder.record.file_sha256)
        document = (
            confirmed.document
            if confirmed
            else parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        )
        request = replace(request, decisions=settled(request, document))
        with hold_lock(recorder.record, wait=request.lock_wait, at_once=may_be_running) as lock:
            check_key(recorder.record)  # again: nobody else can get it done now
            recorder.start()
            expected = confirmed.plan.fingerprint if confirmed else fingerprint
            plan = (
                plan_again(document, request, expected)
                if expected
                else plan_import(document, request)
            )
            if not plan.writes:
                with one_transaction(recorder, lock, again=_AGAIN):
                    recorder.succeed(plan.counts, items_of(recorder.record, plan, {}))
                return Outcome(plan=plan, record=recorder.record)
            check_encryption_keys()
            drop_expired_uploads()  # not into the backup
            if request.with_backup:
                recorder.keep_backup(make_backup())
            with one_transaction(recorder, lock, again=_AGAIN):
                _write(document, plan, request, recorder, progress)
            return Outcome(plan=plan, record=recorder.record)


def _write(
    document: ExportDocument,
    plan: Plan,
    request: ImportRequest,
    recorder: RunRecorder,
    progress: Progress,
) -> None:
    lock_destinations()
    check_destinations(plan)
    check_rows(document, plan, request.decisions)
    who = recorder.record
    saves = apply_plan(plan, user=who.user, user_name=who.user_name, progress=progress)
    recorder.succeed(plan.counts, items_of(who, plan, saves))


def _record(request: ImportRequest) -> ImportRecord:
    return new_record(request, sha256=sha256(request.payload).hexdigest())
