"""Make saved plans, and compare them with the plan of now before they are applied.

The rows and contents are read here; imports.planfile.changes compares them.
"""

from collections.abc import Iterable, Iterator

from django.utils import timezone

from flows.content.fields import Kind, get_columns
from flows.content.representation import format_time
from flows.counting import format_others
from flows.texts import make_storable
from imports.database.identity import ServerIdentity, read_identity
from imports.errors import Issue, StalePlan
from imports.exportfile.document import ExportDocument
from imports.importing.acknowledging import make_saved_acknowledgements
from imports.importing.changes import read_changes, read_rows_of
from imports.importing.request import ImportRequest
from imports.permissions import may_see_records
from imports.planfile.changes import ChangeOf, PlanChange
from imports.planfile.decisions import match_decisions
from imports.planfile.file import make_saved_plan
from imports.planfile.origin import find_origin_changes
from imports.planfile.shape import SavedFile, SavedPlan, SavedServer, make_saved_plan_snapshot
from imports.planfile.snapshot import get_decided_contents
from imports.plans.decisions import Decisions
from imports.plans.matching import Row
from imports.plans.only import leave_out_others
from imports.plans.plan import Plan, compute_content_digest
from imports.records.last_imports import read_import_of
from imports.rows.read import read_contents


def prepare_saved_plan(plan: Plan, document: ExportDocument, request: ImportRequest) -> SavedPlan:
    """Return the plan in the form that is written to a file."""
    identity = read_identity()
    return make_saved_plan(
        plan,
        request.decisions,
        _sign_digests(plan, _list_rows(plan), identity),
        identity=identity.text,
        file=_make_saved_file(request, document.sha256),
        created_at=format_time(timezone.now()),
        created_by=request.user_name,
        accepted=make_saved_acknowledgements(plan, request),
    )


def find_decisions(request: ImportRequest, document: ExportDocument) -> Decisions:
    """Return the decisions on the document's items, from the saved plan, a file or the request.

    With the request's `only`, all other items are left out. Raises PlanRefused where a file's
    decisions do not fit the document, or an item of `only` is not one of it.
    """
    if request.saved_plan:
        return request.saved_plan.decisions
    decisions = request.decisions
    if request.given_decisions:
        decisions = match_decisions(request.given_decisions, document)
    return leave_out_others(document, request.only, decisions) if request.only else decisions


def check_origin(request: ImportRequest, digest: str) -> None:
    """Raise StalePlan where the request's saved plan is for another file or another server.

    `digest` is the SHA-256 of the request's file.
    """
    if request.saved_plan is None:
        return
    issues = find_origin_changes(
        request.saved_plan,
        file=_make_saved_file(request, digest),
        server=SavedServer(name=request.server, identity=read_identity().text),
    )
    if issues:
        raise _make_stale_error(issues)


def check_saved_plan(plan: Plan, request: ImportRequest) -> None:
    """Raise StalePlan where the plan, made now, differs from the request's saved plan."""
    saved = request.saved_plan
    if saved is None:
        return
    before = make_saved_plan_snapshot(saved)
    rows = read_rows_of(before)
    changes = read_changes(
        before,
        plan,
        request.decisions,
        rows=rows,
        contents=_sign_digests(plan, [*_list_rows(plan), *rows], read_identity()),
        made_at=saved.made_at,
    )
    if issues := _list_issues(changes, ChangeOf.ITEMS, ChangeOf.ROW):
        known = {(issue.code, issue.path) for issue in saved.issues}
        issues += [one for one in plan.issues if (one.code, one.path) not in known]
    # Other issues of the plan are due to its decisions: they do not make it stale.
    elif not plan.issues:
        # Items of a plan with issues are not compared: nobody decided on them.
        solved = _list_issues(changes, ChangeOf.SOLVED)
        issues = solved or _list_issues(changes, ChangeOf.MATCH, ChangeOf.RESULT)
    if issues:
        raise _make_stale_error(issues, _describe_import_since(saved, request))


def _list_issues(changes: Iterable[PlanChange], *of: ChangeOf) -> list[Issue]:
    return [change.issue for change in changes if change.of in of]


def _make_saved_file(request: ImportRequest, digest: str) -> SavedFile:
    return SavedFile(
        name=make_storable(request.file_name), size=len(request.payload), sha256=digest
    )


def _list_rows(plan: Plan) -> Iterator[tuple[Kind, Row]]:
    listed: set[tuple[Kind, str]] = set()
    for change in plan:
        kind, name = change.item.kind, change.item.name
        if change.row:
            yield kind, change.row
        if change.candidates and (kind, name) not in listed:
            listed.add((kind, name))  # items of one name have the same candidates
            yield from ((kind, row) for row in change.candidates)


def _sign_digests(
    plan: Plan, rows: Iterable[tuple[Kind, Row]], identity: ServerIdentity
) -> dict[tuple[Kind, int], str]:
    """Return the signed digests of the rows' contents, by kind and primary key.

    Contents on which the plan was decided are used as they are, and not read again.
    """
    digests = {row: identity.sign(digest) for row, digest in get_decided_contents(plan).items()}
    unread: dict[Kind, set[int]] = {kind: set() for kind in Kind}
    for kind, row in rows:
        if (kind, row.pk) not in digests:
            unread[kind].add(row.pk)
    for kind, pks in unread.items():
        for pk, content in read_contents(kind, sorted(pks)):
            digests[kind, pk] = identity.sign(compute_content_digest(content, get_columns(kind)))
        for pk in pks:
            digests.setdefault((kind, pk), "")  # the row was purged just now
    return digests


def _describe_import_since(saved: SavedPlan, request: ImportRequest) -> str:
    """Return a sentence on the import of the plan's file since the plan was made, if any.

    Empty where the user may not see records.
    """
    made_at = saved.made_at
    if made_at is None or not may_see_records(request.user):
        return ""
    record = read_import_of(saved.file.sha256, saved.mode, made_at)
    if record is None:
        return ""
    at = f"{record.started_at:%Y-%m-%d %H:%M} UTC"
    return f"Import {record.pk} on {at} brought this file in already. "


def _make_stale_error(issues: list[Issue], prefix: str = "") -> StalePlan:
    first = issues[0].message + format_others(issues, "difference")
    reason = f"{prefix}The plan is out of date. {first}"
    return StalePlan("stale-plan", reason, issues, remedy="Nothing was written. Plan again.")
