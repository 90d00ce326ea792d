"""The undo of an import, in order: what the command, the admin and the API call.

    check the server -> find the record -> lock -> plan -> back up
        -> one transaction: [look again, save the rows before, write, record] -> outcome

A preview is the same way, stopped after the plan. An undo leaves a record of its own, which can be
undone by the same way. Every refusal leaves one, too; a dry run none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reversion.models import Revision

from flows.content.fields import Kind
from flows.counting import other_than_first
from flows.secrets.stored_destinations import StoredServer, lock_destinations
from flows.servers import target
from imports.errors import (
    AlreadyUndone,
    NoSuchRecord,
    NotUndoable,
    StalePlan,
    UnableToImport,
    UndoRefused,
)
from imports.models import ImportRecord, Status
from imports.permissions import UNDO_IMPORT, check_permission
from imports.plans.plan import keys_of
from imports.runs.carrying_out import carry_out
from imports.runs.idempotency import check_key
from imports.runs.recorder import RunRecorder
from imports.runs.run import Progress, check_server, hold_lock, recorded
from imports.undo.apply import apply_undo
from imports.undo.plans.build import build_undo
from imports.undo.plans.destinations import find_notices
from imports.undo.plans.plan import Key, UndoPlan
from imports.undo.plans.snapshot import undo_token
from imports.undo.read import read_undo_inputs, written_items
from imports.undo.record import mark_undone, new_undo_record, tie_to, undo_items
from imports.undo.request import UndoRequest
from imports.undo.rights import check_undo_plan, check_undo_request, check_undo_sight

_AGAIN = "Run the undo again."
_REMEDY = f"Nothing was written. {_AGAIN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPreview:
    """What a request would do now, or why it would be refused."""

    plan: UndoPlan
    refusal: UnableToImport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOutcome:
    """What an undo did: all that its plan says."""

    plan: UndoPlan
    record: ImportRecord


def preview_undo(request: UndoRequest, *, record_refusal: bool = True) -> UndoPlan:
    """Plan the undo and write nothing.

    Raises an UnableToImport where the undo would be refused; `record_refusal` leaves a record of
    that, for a run that ends with its preview. A dry run asks for none.
    """
    with (
        target(request.server),
        recorded(new_undo_record(request), keep=record_refusal) as recorder,
    ):
        check_server(request.server)
        check_undo_request(request)
        return _plan(_undone(request, recorder), request)


def examine_undo(request: UndoRequest) -> UndoPreview:
    """Plan the undo for somebody who can still decide, and write nothing, no record either.

    What stands against the plan is its `refusal`, which a decision or another option may mend.
    Raises an UnableToImport where none can: for a record that cannot be undone, for who may undo
    nothing at all, and for who may not see the rows that the plan tells of.
    """
    with target(request.server), recorded(new_undo_record(request), keep=False) as recorder:
        check_server(request.server)
        check_permission(request.user, UNDO_IMPORT)
        return _make_preview(_undone(request, recorder), request)


def undo_import(
    request: UndoRequest,
    *,
    token: str | None = None,
    progress: Progress = lambda _done, _total: None,
) -> UndoOutcome:
    """Undo the run of the record, or change nothing.

    With the confirmation `token` of the plan that was shown, exactly that plan is done or StalePlan
    is raised. Raises an UnableToImport for every refusal; whatever is raised, the data is as it
    was. Raises AlreadyDone where the request's idempotency key stands for an undo that is done.
    Where nothing has to be written, the undone run stays in effect.
    """
    with target(request.server), recorded(new_undo_record(request)) as recorder:
        record = recorder.record
        check_server(request.server)
        check_undo_request(request)
        may_be_running = check_key(record)
        _undone(request, recorder)
        with hold_lock(record, wait=request.lock_wait, at_once=may_be_running) as lock:
            undone = _undone(request, recorder)
            recorder.start()
            plan = _plan_again(undone, request, token)
            spared = _backup_of(undone)
            with carry_out(recorder, lock, writes=plan.writes, again=_AGAIN, sparing=spared):
                saves = _write(plan, undone, record, progress)
                recorder.succeed(plan.counts, undo_items(record, plan, saves))
            return UndoOutcome(plan=plan, record=record)


def kinds_to_undo(record: ImportRecord) -> set[Kind]:
    """The kinds of the rows that an undo of the run would touch; none where it cannot be undone."""
    if record.status != Status.SUCCEEDED:
        return set()
    kinds = written_items(record).order_by().values_list("kind", flat=True).distinct()
    return {Kind(kind) for kind in kinds}


def _undone(request: UndoRequest, recorder: RunRecorder) -> ImportRecord:
    """The record of the run to undo, which this recorder is tied to from now on."""
    record = ImportRecord.objects.filter(pk=request.record).first()
    if record is None:
        raise NoSuchRecord("no-such-record", f"This server has no import {request.record}.")
    tie_to(recorder.record, record)
    if record.status == Status.UNDONE:
        check_key(recorder.record)  # by this very request, perhaps
        by = record.undo_in_effect()
        how = f" Undo import {by.pk} to bring it back." if by else ""
        raise AlreadyUndone("already-undone", f"Import {record.pk} is undone already.{how}")
    if record.status != Status.SUCCEEDED:
        raise NotUndoable(
            "not-in-effect",
            f"Import {record.pk} is {record.status}: it wrote nothing that could be undone.",
        )
    if not written_items(record).exists():
        raise NotUndoable(
            "nothing-to-undo", f"Import {record.pk} wrote nothing that could be undone."
        )
    return record


def _make_preview(record: ImportRecord, request: UndoRequest) -> UndoPreview:
    """The plan of the request, and what stands against it: the one way to a plan, for every door.

    Raises NotPermitted where the plan tells of rows that the user may not see.
    """
    plan = build_undo(
        read_undo_inputs(record),
        server=request.server,
        default=request.conflicts,
        decisions=request.decisions,
    )
    check_undo_sight(request.user, plan)
    return UndoPreview(plan=plan, refusal=_refusal_of(plan, request))


def _plan(record: ImportRecord, request: UndoRequest) -> UndoPlan:
    """What the request would do now. Raises UndoRefused and NotPermitted."""
    preview = _make_preview(record, request)
    if preview.refusal:
        raise preview.refusal
    return preview.plan


def _refusal_of(plan: UndoPlan, request: UndoRequest) -> UnableToImport | None:
    try:
        check_undo_request(request)
        if plan.issues:
            first = plan.issues[0]
            told = first.message + other_than_first(plan.issues)
            raise UndoRefused(first.code, told, plan.issues)
        check_undo_plan(request.user, plan)
    except UnableToImport as refusal:
        return refusal
    return None


def _plan_again(record: ImportRecord, request: UndoRequest, expected: str | None) -> UndoPlan:
    """What the request would do now.

    Raises UndoRefused, NotPermitted, and StalePlan where that is not the plan that was `expected`,
    by its token.
    """
    try:
        plan = _plan(record, request)
    except UndoRefused as refusal:
        if expected is None:
            raise
        raise StalePlan(
            "stale-plan",
            f"What was shown cannot be done any more. {refusal}",
            refusal.issues,
            remedy=_REMEDY,
        ) from None
    if expected not in {None, undo_token(plan)}:
        raise StalePlan(
            "stale-plan", "What would happen is no longer what was shown.", remedy=_REMEDY
        )
    return plan


def _backup_of(record: ImportRecord) -> Path | None:
    """The backup of the run, which must not make room for that of its undo."""
    return Path(record.backup_path) if record.backup_path else None


def _check_destinations(plan: UndoPlan) -> None:
    """Raises StalePlan where the undo would send stored values elsewhere than its plan says."""
    found = find_notices(plan.changes[Kind.SECRET], plan.secret_users, StoredServer())
    now = {key for notices in found.values() for key in keys_of(notices)}
    if not now <= {key for change in plan for key in keys_of(change.notices)}:
        raise StalePlan(
            "stale-plan",
            "A secret got a value or another name meanwhile, or is sent elsewhere.",
            remedy=_REMEDY,
        )


def _write(
    plan: UndoPlan, undone: ImportRecord, record: ImportRecord, progress: Progress
) -> Mapping[Key, Revision]:
    """Write what the plan says, if anything; the named saves of the rows before."""
    if not plan.writes:
        return {}
    lock_destinations()
    _check_destinations(plan)
    mark_undone(undone)
    return apply_undo(
        plan,
        since=record.started_at,
        user=record.user,
        user_name=record.user_name,
        progress=progress,
    )
