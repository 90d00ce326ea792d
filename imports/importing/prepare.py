"""Plan a document on this server: read the inputs of the plan and check permissions.

What the plan contains is decided in imports.plans.build.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from django.utils import timezone

from flows.content.fields import Kind
from flows.counting import format_others
from flows.garbage import pause_garbage_collection
from flows.relations.uses import find_users_of_many
from flows.secrets.stored_destinations import StoredServer
from flows.texts import quote
from imports.errors import PlanRefused, UnableToImport
from imports.exportfile.document import ExportDocument
from imports.importing.acknowledging import find_unacknowledged, make_refusal
from imports.importing.changes import read_changes
from imports.importing.planned import count_planned
from imports.importing.request import AGAIN, ImportRequest
from imports.importing.rights import check_sight, find_lack_for_plan, find_lack_for_request
from imports.importing.saved_plan import check_saved_plan
from imports.permissions import check_sight_of, find_visible_kinds
from imports.planfile.changes import PlanChange
from imports.planfile.decisions import find_skipped_nothing
from imports.planfile.snapshot import make_confirmation_token, make_snapshot
from imports.plans.acknowledgement import RedWarning
from imports.plans.build import add_pruning, build_plan
from imports.plans.dangling import find_unresolved
from imports.plans.decisions import Decisions, ItemAction, find_decided_on, get_targets
from imports.plans.destinations import find_destination_warnings
from imports.plans.inputs import PlanInputs
from imports.plans.left_out import remove_left_out
from imports.plans.matching import match_items
from imports.plans.plan import Mode, Plan, Result
from imports.records.brought_rows import read_brought_rows, read_imported_uuids
from imports.records.last_imports import read_last_imports
from imports.rows.read import (
    read_contents,
    read_existing,
    read_last_writes,
    read_live_names,
    read_naming,
    read_rows,
    read_rows_by_uuid,
)
from imports.runs import staleness
from imports.runs.progress import Progress, ignore_progress
from imports.runs.staleness import make_stale_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The plan of a request as of now, and the refusal, if the plan may not be applied."""

    document: ExportDocument = field(repr=False)
    plan: Plan
    refusal: UnableToImport | None = None
    unacknowledged: tuple[RedWarning, ...] = ()
    """The warnings that must be acknowledged before the plan is applied."""
    made_at: datetime
    """The time before anything was read for it."""

    @property
    def token(self) -> str:
        """Return the confirmation token of the plan."""
        return _make_token(self.plan)


def make_preview(
    document: ExportDocument,
    request: ImportRequest,
    *,
    is_for_others: bool = False,
    progress: Progress = ignore_progress,
) -> Preview:
    """Return the plan of the request with its refusal, if any. All doors get their plans from here.

    With `is_for_others`, what the user may not do is no refusal: somebody else may apply the plan.
    Raises NotPermitted where the plan describes rows that the user may not see, and StalePlan where
    the plan differs from the request's saved plan.
    """
    made_at = timezone.now()
    plan = draft_plan(document, request, progress)
    _check_sight_of_named(request)
    check_sight(request.user, plan)  # a refusal describes rows too
    if request.saved_plan:
        check_saved_plan(plan, request)
    return Preview(
        document=document,
        plan=plan,
        refusal=_find_refusal(plan, request, is_for_others=is_for_others),
        unacknowledged=tuple(find_unacknowledged(plan, request)),
        made_at=made_at,
    )


def plan_import(document: ExportDocument, request: ImportRequest) -> Plan:
    """Return the plan of the request. Raise its refusal: PlanRefused, StalePlan or NotPermitted.

    Also where a warning is not acknowledged: after a preview it still may be.
    """
    preview = make_preview(document, request)
    if preview.refusal:
        raise preview.refusal
    if preview.unacknowledged:
        raise make_refusal(preview.unacknowledged)
    return preview.plan


def _check_sight_of_named(request: ImportRequest) -> None:
    """Raise NotPermitted where the request names rows by uuid that the user may not see.

    These are the targets of decisions and the rows of a saved plan, which is a file that anybody
    may have written; every answer would describe them.
    """
    kinds = {kind for kind in Kind if get_targets(kind, request.decisions)}
    if request.saved_plan:
        kinds |= {item.kind for item in request.saved_plan.items if item.rows}
    check_sight_of(request.user, *sorted(kinds))


def draft_plan(
    document: ExportDocument, request: ImportRequest, progress: Progress = ignore_progress
) -> Plan:
    """Return the plan of the request, whether or not it may be applied."""
    with pause_garbage_collection():
        report = count_planned(document, progress)
        inputs = _read_inputs(remove_left_out(document, request.decisions), request)
        inputs = replace(inputs, report_planned=report)
        plan = build_plan(
            document,
            inputs,
            server=request.server,
            mode=request.mode,
            override_locks=request.override_locks,
            decisions=request.decisions,
        )
        inputs = _add_history(inputs, document, request)
        plan = add_pruning(plan, document, inputs, prune=request.prune, limit=request.prune_limit)
    if request.given_decisions or request.saved_plan:
        return replace(plan, issues=(*plan.issues, *find_skipped_nothing(plan, request.decisions)))
    return plan


def _find_refusal(
    plan: Plan, request: ImportRequest, *, is_for_others: bool
) -> UnableToImport | None:
    """Return the refusal of the plan; None where it may be applied."""
    if not is_for_others and (lack := find_lack_for_request(request)):
        return lack
    if plan.issues:
        return _make_refusal(plan)
    return None if is_for_others else find_lack_for_plan(request.user, plan)


def plan_again(
    document: ExportDocument,
    request: ImportRequest,
    *,
    confirmed: Preview | None = None,
    token: str | None = None,
) -> Plan:
    """Return the plan of the request. Raise PlanRefused, StalePlan or NotPermitted.

    Raises StalePlan, with the differences, where it is not the `confirmed` one, and where its
    confirmation token is not `token`. For a confirmed plan, PlanRefused becomes StalePlan, but for
    warnings that were not acknowledged when it was confirmed.
    """
    if confirmed and (missing := find_unacknowledged(confirmed.plan, request)):
        raise make_refusal(missing)
    return staleness.plan_again(
        partial(plan_import, document, request),
        confirmed.token if confirmed else token,
        make_token=_make_token,
        find_changes=partial(_find_changes_since, confirmed, request),
        again=AGAIN,
    )


def _find_changes_since(
    confirmed: Preview | None, request: ImportRequest, plan: Plan
) -> list[PlanChange]:
    if confirmed is None:
        return []
    before = make_snapshot(confirmed.plan, request.decisions)
    return read_changes(before, plan, request.decisions, made_at=confirmed.made_at)


def _make_token(plan: Plan) -> str:
    return make_confirmation_token(make_snapshot(plan))


def check_rows(document: ExportDocument, plan: Plan, decisions: Decisions) -> None:
    """Raise StalePlan unless the items match the same rows as in the plan.

    The rows' contents are checked when they are locked.
    """
    document = remove_left_out(document, decisions)
    rows = read_rows(document, decisions)
    for kind in Kind:
        matches, issues = match_items(
            kind,
            document.items[kind],
            rows[kind],
            get_targets(kind, decisions),
            created=find_decided_on(kind, ItemAction.CREATE, decisions),
        )
        planned = [
            change
            for change in plan.changes[kind]
            if not (change.is_left_out or change.result is Result.PRUNE)
        ]
        for change, match in zip(planned, matches, strict=True):
            if issues or (match.row or match.deleted_row) != change.row:
                why = f"The {kind} {quote(change.item.name)} was changed meanwhile."
                raise make_stale_error(why, again=AGAIN)


def check_destinations(plan: Plan) -> None:
    """Raise StalePlan where the plan would send stored values to destinations it does not name.

    Call it in the transaction of the writes, after `lock_destinations`.
    """
    found = find_destination_warnings(plan.changes, plan.secret_users, StoredServer())
    planned = (change.destination_warnings for change in plan)
    staleness.check_destinations(planned, found.values(), again=AGAIN)


def _read_inputs(document: ExportDocument, request: ImportRequest) -> PlanInputs:
    missing = find_unresolved(document)
    seen = find_visible_kinds(request.user)
    existing = read_existing(
        {reference for found in missing.values() for reference in found if reference.kind in seen}
    )
    rows = read_rows(document, request.decisions)
    return PlanInputs(
        rows=rows,
        read_contents=read_contents,
        read_last_writes=read_last_writes,
        read_rows=read_rows_by_uuid,
        find_users=find_users_of_many,
        live_names={kind: read_live_names(kind) for kind in Kind}
        if _uses_mode(Mode.DUPLICATE, request)
        else {},
        dangling={
            # Missing references are shown only to users who may see existing rows of the kind.
            path: [one for one in found if one.kind in seen and one not in existing]
            for path, found in missing.items()
        },
        secret_names_here={
            path: [one.target for one in found if one.by_name and one in existing]
            for path, found in missing.items()
        },
        read_naming=read_naming,
        server=StoredServer(),
        last_imports={
            kind: read_last_imports(kind, (row.uuid for row in rows[kind])) for kind in seen
        },
    )


def _add_history(
    inputs: PlanInputs, document: ExportDocument, request: ImportRequest
) -> PlanInputs:
    """Return the inputs with the rows that may have left the directory, and others if it prunes.

    How many there are is told only of kinds that the user may see.
    """
    if not document.directory_id:
        return inputs
    named = {kind: {item.uuid for item in document.items[kind]} for kind in Kind}
    visible = find_visible_kinds(request.user)
    return replace(
        inputs,
        brought={
            kind: read_brought_rows(document.directory_id, kind, named=named[kind])
            for kind in (Kind if request.prune else visible)
        },
        imported={
            kind: read_imported_uuids(kind, named=named[kind])
            for kind in (visible if request.prune else ())
        },
    )


def _uses_mode(mode: Mode, request: ImportRequest) -> bool:
    return mode in {request.mode, *(decision.mode for decision in request.decisions.values())}


def _make_refusal(plan: Plan) -> PlanRefused:
    first = plan.issues[0]
    message = f"{first.path}: {first.message}{format_others(plan.issues)}"
    return PlanRefused(first.code, message, plan.issues)
