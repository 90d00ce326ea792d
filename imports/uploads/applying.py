"""The import of a waiting file: exactly the plan that was shown, or that is kept, or nothing."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from flows.texts import make_json_path
from imports.errors import Issue, NeedsAcknowledgement, StalePlan
from imports.importing.acknowledging import NEEDS_ACKNOWLEDGEMENT
from imports.importing.request import ImportRequest, PlanOrigin
from imports.importing.service import run_import
from imports.models import Door, ImportRecord, PendingImport, Status
from imports.planfile.acknowledgement import PageWarning
from imports.planfile.page import PlanPage
from imports.plans.plan import Plan
from imports.runs.carrying_out import Outcome
from imports.runs.idempotency import AlreadyDone
from imports.uploads.answering import read_answer
from imports.uploads.planning import make_request, make_request_without_file, read_page
from imports.uploads.showing import check_shown

_APPLIED = (Status.SUCCEEDED, Status.UNDONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """How a kept plan is to be applied."""

    door: Door
    accept: tuple[str, ...] = ()
    """The codes of warnings that are acknowledged, as far as the plan has them."""
    token: str | None = None
    """The token of the plan that was looked at; None for the one that is kept now."""
    with_backup: bool = True
    lock_wait: float | None = None
    idempotency_key: str | None = None


def apply_kept(pending: PendingImport, options: ApplyOptions) -> Outcome[Plan]:
    """Apply exactly the kept plan, or change nothing.

    Raises AlreadyDone with its record where it was applied before, UploadRefused where the plan is
    not the one of the token, NothingPending, and what `run_import` raises: StalePlan, with the
    differences, where something else would be done now.
    """
    page = check_applicable(pending, options)
    return run_shown(pending, _add_options(make_request(pending), page, options), page)


def check_applicable(pending: PendingImport, options: ApplyOptions) -> PlanPage:
    """Return the page of the kept plan. Raises what `apply_kept` raises before it tries."""
    if record := find_run_of(pending):
        raise AlreadyDone(record)
    page = read_page(pending) if options.token is None else check_shown(pending, options.token)
    _check_accepted(page, options.accept)
    return page


def make_apply_request(
    pending: PendingImport, page: PlanPage, options: ApplyOptions
) -> ImportRequest:
    """Return the request that `apply_kept` runs, to be queued: without the file."""
    return complete_request(
        pending, _add_options(make_request_without_file(pending), page, options)
    )


def _add_options(request: ImportRequest, page: PlanPage, options: ApplyOptions) -> ImportRequest:
    request = replace(
        request,
        door=options.door,
        with_backup=options.with_backup,
        lock_wait=options.lock_wait,
    )
    if options.idempotency_key is not None:
        request = replace(request, idempotency_key=options.idempotency_key)
    return accept_of_page(request, page, options.accept)


def _check_accepted(page: PlanPage, codes: Collection[str]) -> None:
    """Raise NeedsAcknowledgement, before anything is tried, where a warning is not accepted."""
    missing = [warning for warning in page.unacknowledged if warning.code not in codes]
    if missing:
        needed = ", ".join(dict.fromkeys(warning.code for warning in missing))
        raise NeedsAcknowledgement(
            NEEDS_ACKNOWLEDGEMENT,
            f"These warnings of the plan must be acknowledged first: {needed}.",
            [_make_issue(page, warning) for warning in missing],
            remedy="Nothing was written. Look at each, and apply the plan with their codes as "
            "accept, or confirm it on its page.",
        )


def _make_issue(page: PlanPage, warning: PageWarning) -> Issue:
    kind = warning.kind
    uuids = [item.uuid for item in page.items if item.kind == kind]
    return Issue(
        code=warning.code,
        message=warning.text,
        path=make_json_path(kind.plural, uuids.index(warning.uuid)),
        uuid=warning.uuid,
        name=warning.name,
    )


def run_shown(pending: PendingImport, request: ImportRequest, page: PlanPage) -> Outcome[Plan]:
    """Run the import of a waiting file as `page` shows it; note its record.

    Raises what `apply_kept` raises.
    """
    request = complete_request(pending, request)
    # A plan that was refused has no confirmation: it is refused again, with its problems.
    token = None if page.refusal else page.token
    try:
        outcome = run_import(request, token=token)
    except AlreadyDone as earlier:
        note_record(pending, earlier.record)
        raise
    except StalePlan:
        if pending.is_kept and (record := find_run_of(pending)):  # somebody else just applied it
            raise AlreadyDone(record) from None
        raise
    note_record(pending, outcome.record)
    return outcome


def complete_request(pending: PendingImport, request: ImportRequest) -> ImportRequest:
    """Return the request with the plan that it applies, where that is a kept one."""
    if not pending.is_kept:
        return request
    return replace(
        request,
        saved_plan=read_answer(pending).read_saved(),
        origin=_make_origin(pending),
        decisions={},
        only=(),
    )


def find_run_of(pending: PendingImport) -> ImportRecord | None:
    """Return the record of the run that applied the kept plan, if any."""
    if pending.record is not None:
        return pending.record
    runs = ImportRecord.objects.filter(origin__plan=pending.pk, status__in=_APPLIED)
    if record := runs.order_by("pk").first():
        note_record(pending, record)  # the process died before it did
    return record


def accept_of_page(request: ImportRequest, page: PlanPage, codes: Collection[str]) -> ImportRequest:
    """Return the request with these codes acknowledged, for the warnings that the page shows."""
    shown = {warning.key for warning in page.unacknowledged}
    return replace(request, accept=tuple(dict.fromkeys(codes)), accept_shown=frozenset(shown))


def note_record(pending: PendingImport, record: ImportRecord) -> None:
    """Store that the file was imported, and delete it."""
    pending.record = record
    # Not `save`, which would insert a row again that was deleted meanwhile.
    rows = PendingImport.objects.filter(pk=pending.pk)
    if pending.is_kept:
        rows.update(record=record, content=None)
    else:
        rows.update(record=record, content=None, plan=None)


def _make_origin(pending: PendingImport) -> PlanOrigin:
    return PlanOrigin(
        plan=pending.pk,
        key=pending.key or "",
        link=pending.link,
        title=pending.title,
        commit=pending.commit,
    )
