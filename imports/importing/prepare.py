"""From a document to its plan on this server: what planning has to know is read, rights are asked.

Everything that is decided is decided in imports.plans.build.
"""

from dataclasses import dataclass, field, replace

from flows.content.fields import Kind
from flows.counting import other_than_first
from flows.secrets.stored_destinations import StoredServer
from imports.errors import PlanRefused, StalePlan, UnableToImport, quoted
from imports.exportfile.document import ExportDocument
from imports.importing.request import ImportRequest
from imports.importing.rights import check_plan, check_request, check_sight
from imports.importing.saved_plan import check_saved
from imports.permissions import check_sight_of, kinds_in_sight
from imports.planfile.decisions import skipped_nothing
from imports.planfile.snapshot import confirmation_token, snapshot_of
from imports.plans.build import build_plan
from imports.plans.dangling import unresolved
from imports.plans.decisions import Decisions, targets_of
from imports.plans.destinations import find_notices
from imports.plans.inputs import PlanInputs
from imports.plans.matching import match_items
from imports.plans.plan import Mode, Plan, keys_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a request would do now, or why it would be refused."""

    document: ExportDocument = field(repr=False)
    plan: Plan
    refusal: UnableToImport | None = None

    @property
    def token(self) -> str:
        """The confirmation token of the plan."""
        return confirmation_token(snapshot_of(self.plan))


def make_preview(document: ExportDocument, request: ImportRequest) -> Preview:
    """The plan of the request, and what stands against it: the one way to a plan, for every door.

    Raises NotPermitted where the plan tells of rows that the user may not see, and StalePlan where
    it is not the request's saved plan any more.
    """
    plan = draft_plan(document, request)
    _check_sight_of_named(request)
    check_sight(request.user, plan)  # a refusal tells of rows too
    if request.saved_plan:
        check_saved(plan, request)
    return Preview(document=document, plan=plan, refusal=_refusal_of(plan, request))


def plan_import(document: ExportDocument, request: ImportRequest) -> Plan:
    """What the request would do now. Raises PlanRefused, StalePlan and NotPermitted."""
    preview = make_preview(document, request)
    if preview.refusal:
        raise preview.refusal
    return preview.plan


def _check_sight_of_named(request: ImportRequest) -> None:
    """Raises NotPermitted where the request names rows by uuid that the user may not see.

    Those are the rows that somebody chose, and those of a saved plan, which anybody may have
    written: whatever is answered tells of them.
    """
    kinds = {kind for kind in Kind if targets_of(kind, request.decisions)}
    if request.saved_plan:
        kinds |= {item.kind for item in request.saved_plan.items if item.rows}
    check_sight_of(request.user, *sorted(kinds))


def draft_plan(document: ExportDocument, request: ImportRequest) -> Plan:
    """What the request would do now, whether or not it may be done."""
    plan = build_plan(
        document,
        _read_inputs(document, request),
        server=request.server,
        mode=request.mode,
        override_locks=request.override_locks,
        decisions=request.decisions,
    )
    if request.given_decisions or request.saved_plan:
        return replace(plan, issues=(*plan.issues, *skipped_nothing(plan, request.decisions)))
    return plan


def _refusal_of(plan: Plan, request: ImportRequest) -> UnableToImport | None:
    """What stands against carrying the plan out, if anything."""
    try:
        check_request(request)
        if plan.issues:
            raise _refused(plan)
        check_plan(request.user, plan)
    except UnableToImport as refusal:
        return refusal
    return None


def plan_again(document: ExportDocument, request: ImportRequest, expected: str | None) -> Plan:
    """What the request would do now. Raises PlanRefused, StalePlan and NotPermitted.

    Raises StalePlan where that is not the plan that was confirmed, `expected` by its token;
    None where none was.
    """
    try:
        plan = plan_import(document, request)
    except PlanRefused as refusal:
        if expected is None:
            raise
        raise stale(f"What was shown cannot be done any more. {refusal}", refusal) from None
    if expected not in {None, confirmation_token(snapshot_of(plan))}:
        raise stale("What would happen is no longer what was shown.")
    return plan


def check_rows(document: ExportDocument, plan: Plan, decisions: Decisions) -> None:
    """The items still are the same rows; what those hold is checked as they are written."""
    rows = read_rows(document, decisions)
    for kind in Kind:
        matches, issues = match_items(
            kind, document.items[kind], rows[kind], targets_of(kind, decisions)
        )
        for change, match in zip(plan.changes[kind], matches, strict=True):
            if issues or (match.row or match.deleted_row) != change.row:
                raise stale(f"The {kind} {quoted(change.item.name)} was changed meanwhile.")


def check_destinations(plan: Plan) -> None:
    """Raises StalePlan where the plan would send stored values elsewhere than it says.

    Call it in the transaction of the writes, after lock_destinations.
    """
    found = find_notices(plan.changes, plan.secret_users, StoredServer())
    now = {key for notices in found.values() for key in keys_of(notices)}
    if not now <= {key for change in plan for key in keys_of(change.notices)}:
        raise stale("A secret got a value or another name meanwhile, or is sent elsewhere.")


def stale(why: str, refusal: PlanRefused | None = None) -> StalePlan:
    """The error of a plan that cannot be carried out as it was made, and why."""
    return StalePlan(
        "stale-plan",
        why,
        refusal.issues if refusal else (),
        remedy="Nothing was written. Run the import again.",
    )


def _read_inputs(document: ExportDocument, request: ImportRequest) -> PlanInputs:
    missing = unresolved(document)
    seen = kinds_in_sight(request.user)
    existing = read_existing(
        {reference for found in missing.values() for reference in found if reference.kind in seen}
    )
    rows = read_rows(document, request.decisions)
    return PlanInputs(
        rows=rows,
        read_contents=read_contents,
        read_last_writes=read_last_writes,
        read_rows=read_rows_by_uuid,
        live_names={kind: read_live_names(kind) for kind in Kind}
        if _uses(Mode.DUPLICATE, request)
        else {},
        dangling={
            # What is not there is told to who may see what is.
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


def _uses(mode: Mode, request: ImportRequest) -> bool:
    return mode in {request.mode, *(decision.mode for decision in request.decisions.values())}


def _refused(plan: Plan) -> PlanRefused:
    first = plan.issues[0]
    told = f"{first.path}: {first.message}{other_than_first(plan.issues)}"
    return PlanRefused(first.code, told, plan.issues)
