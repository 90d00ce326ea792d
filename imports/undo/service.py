"""The functions that the command, the admin and the API call for an undo.

    check the server -> find the record -> lock -> plan -> back up
        -> one transaction: [check rows again, named saves, write, record] -> outcome

A preview stops after the plan. An undo leaves a record, and can itself be undone. A refusal leaves
a record, too; a dry run none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.content.fields import Kind
from flows.counting import format_others
from flows.database.state import SeenState
from flows.garbage import pause_garbage_collection
from flows.secrets.stored_destinations import StoredServer, lock_destinations
from flows.servers import target_server
from imports.errors import (
    UnableToImport,
    UndoRefused,
)
from imports.history.prune import prune_after_run
from imports.models import ImportRecord, Status
from imports.permissions import UNDO_IMPORT, check_permission
from imports.runs.carrying_out import Outcome, carry_out
from imports.runs.current import RunPhase, measure_phase
from imports.runs.idempotency import check_key
from imports.runs.progress import Progress, follow_progress
from imports.runs.run import check_server, hold_lock, record_run
from imports.runs.signals import announce
from imports.runs.staleness import check_destinations, plan_again
from imports.undo.apply import apply_undo
from imports.undo.plan_row import plan_row
from imports.undo.plans.build import build_undo
from imports.undo.plans.destinations import find_destination_warnings
from imports.undo.plans.plan import Key, UndoChange, UndoPlan
from imports.undo.plans.snapshot import find_undo_changes_since, make_undo_token
from imports.undo.read import find_written_items, read_undo_inputs
from imports.undo.record import make_undo_items, make_undo_record, mark_undone
from imports.undo.request import AGAIN, UndoRequest
from imports.undo.rights import (
    check_undo_request,
    check_undo_sight,
    find_lack_for_plan,
    find_lack_for_request,
)
from imports.undo.undone_run import find_undone


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPreview:
    """The plan of a request as of now, and the refusal, if the plan may not be applied."""

    plan: UndoPlan
    refusal: UnableToImport | None = None


def preview_undo(request: UndoRequest, *, record_refusal: bool = True) -> UndoPlan:
    """Return the plan of an undo that may be applied; write no rows.

    Raises an UnableToImport where the undo would be refused. With `record_refusal` the refusal is
    recorded, for runs that end with their preview; a dry run passes False.
    """
    with (
        target_server(request.server),
        record_run(make_undo_record(request), keep=record_refusal) as recorder,
    ):
        check_server(request.server)
        check_undo_request(request)
        return _plan(find_undone(request, recorder), request)


def examine_undo(request: UndoRequest) -> UndoPreview:
    """Return the preview for a user who can still change decisions and options; write nothing.

    A refusal that these may resolve is in the preview's `refusal`. Raises an UnableToImport for
    others: for a record that cannot be undone, and for a user who may undo nothing at all or not
    see the rows that the plan describes. No record is left.
    """
    with (
        target_server(request.server),
        record_run(make_undo_record(request), keep=False) as recorder,
    ):
        check_server(request.server)
        check_permission(request.user, UNDO_IMPORT)
        return _make_preview(find_undone(request, recorder), request)


def examine_undo_of_row(request: UndoRequest, key: Key) -> UndoChange | None:
    """Return what the plan of `examine_undo` has for one row; None where the run did not write it.

    Most often no other row is read for it. Raises what `examine_undo` raises.
    """
    with (
        target_server(request.server),
        record_run(make_undo_record(request), keep=False) as recorder,
    ):
        check_server(request.server)
        check_permission(request.user, UNDO_IMPORT)
        record = find_undone(request, recorder)
        if change := plan_row(record, request, key):
            return change
        plan = _make_preview(record, request).plan
        return next((change for change in plan if change.key == key), None)


def undo_import(
    request: UndoRequest,
    *,
    confirmed: UndoPlan | None = None,
    token: str | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Outcome[UndoPlan]:
    """Undo the run of the record, or change nothing.

    With a `confirmed` plan, or the confirmation `token` of the plan that was shown, exactly that
    plan is applied or StalePlan is raised. Raises an UnableToImport for every refusal; the data is
    unchanged whenever anything is raised. Raises AlreadyDone where the request's idempotency key
    belongs to an undo that is done. Where nothing has to be written, the undone run stays in
    effect.
    """
    with target_server(request.server):
        outcome = _undo(request, confirmed=confirmed, token=token, progress=progress)
        announce(outcome.record)
        return outcome


def _undo(
    request: UndoRequest, *, confirmed: UndoPlan | None, token: str | None, progress: Progress
) -> Outcome[UndoPlan]:
    with record_run(make_undo_record(request)) as recorder:
        record = recorder.record
        check_server(request.server)
        check_undo_request(request)
        may_be_running = check_key(record)
        find_undone(request, recorder)
        with hold_lock(record, wait=request.lock_wait, at_once=may_be_running) as lock:
            undone = find_undone(request, recorder)
            recorder.start()
            seen = SeenState.see()
            with measure_phase(RunPhase.PLANNING):
                plan = plan_again(
                    partial(_plan, undone, request),
                    make_undo_token(confirmed) if confirmed else token,
                    make_token=make_undo_token,
                    find_changes=partial(find_undo_changes_since, confirmed),
                    again=AGAIN,
                )
            spared = _get_backup(undone)
            with carry_out(
                recorder, lock, seen=seen, writes=plan.writes, again=AGAIN, sparing=spared
            ):
                is_unchanged = seen.is_unchanged()
                saves = _write(plan, undone, record, is_unchanged=is_unchanged, progress=progress)
                recorder.succeed(plan.counts, make_undo_items(record, plan, saves))
            if plan.writes:
                prune_after_run(record, lock)
            return Outcome(plan=plan, record=record)


def find_kinds_to_undo(record: ImportRecord) -> set[Kind]:
    """Return the kinds of the rows that an undo would affect; none where it is not possible."""
    if record.status != Status.SUCCEEDED or record.history_pruned_at:
        return set()
    kinds = find_written_items(record).order_by().values_list("kind", flat=True).distinct()
    return {Kind(kind) for kind in kinds}


def _make_preview(record: ImportRecord, request: UndoRequest) -> UndoPreview:
    """Return the plan of the request with its refusal, if any. All doors get their plans from here.

    Raises NotPermitted where the plan describes rows that the user may not see.
    """
    with pause_garbage_collection():
        plan = build_undo(
            read_undo_inputs(record),
            server=request.server,
            default=request.conflicts,
            decisions=request.decisions,
        )
    check_undo_sight(request.user, plan)
    return UndoPreview(plan=plan, refusal=_find_refusal(plan, request))


def _plan(record: ImportRecord, request: UndoRequest) -> UndoPlan:
    """Return the plan of the request. Raise its refusal: UndoRefused or NotPermitted."""
    preview = _make_preview(record, request)
    if preview.refusal:
        raise preview.refusal
    return preview.plan


def _find_refusal(plan: UndoPlan, request: UndoRequest) -> UnableToImport | None:
    if lack := find_lack_for_request(request):
        return lack
    return _make_refusal(plan) if plan.issues else find_lack_for_plan(request.user, plan)


def _make_refusal(plan: UndoPlan) -> UndoRefused:
    first = plan.issues[0]
    message = first.message + format_others(plan.issues)
    refusal = UndoRefused(first.code, message, plan.issues)
    open_rows = [change.may_restore for change in plan if change.is_open]
    refusal.rows_to_decide = open_rows.count(True)
    refusal.rows_to_keep = open_rows.count(False)
    return refusal


def _get_backup(record: ImportRecord) -> Path | None:
    """Return the backup of the run, which the backup of its undo must not replace."""
    return Path(record.backup_path) if record.backup_path else None


def _check_destinations(plan: UndoPlan) -> None:
    """Raise StalePlan where the undo would send stored values to destinations not in its plan."""
    found = find_destination_warnings(plan.changes[Kind.SECRET], plan.secret_users, StoredServer())
    planned = (change.destination_warnings for change in plan)
    check_destinations(planned, found.values(), again=AGAIN)


def _write(
    plan: UndoPlan,
    undone: ImportRecord,
    record: ImportRecord,
    *,
    is_unchanged: bool,
    progress: Progress,
) -> Mapping[Key, int]:
    """Write the plan's rows, if any; return the named saves taken before, by key."""
    if not plan.writes:
        return {}
    lock_destinations()
    _check_destinations(plan)
    mark_undone(undone)
    with follow_progress(record, progress) as follow:
        return apply_undo(
            plan,
            is_unchanged=is_unchanged,
            since=record.started_at,
            user=record.user,
            user_name=record.user_name,
            progress=follow,
        )
