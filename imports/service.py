"""The import, in order: what the command, the admin and the API call.

    check the server -> parse -> lock -> plan -> back up
        -> one transaction: [look again, save the rows before, write, record] -> outcome

A preview is the same road, stopped after the plan. Every run leaves an ImportRecord.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction

from flows.content import Kind
from flows.encryption import WrongKeyError
from flows.models import Secret, valued_secret_names
from flows.servers import current_database, server_names, target
from imports.apply import Progress, apply_plan
from imports.backup import make_backup
from imports.dangling import unresolved
from imports.decisions import Decisions, targets_of
from imports.document import ExportDocument, parse
from imports.errors import (
    ImportFailed,
    ImportLocked,
    PlanRefused,
    StalePlan,
    UnableToImport,
    WrongEncryptionKey,
    WrongServer,
    printable,
    quoted,
)
from imports.history import read_last_imports
from imports.idempotency import AlreadyDone, check_key, check_key_of_waiting
from imports.lock import LockHeld, import_lock
from imports.matching import match_items
from imports.models import ImportRecord
from imports.permissions import check_plan, check_request
from imports.plan import Mode, Plan
from imports.planning import Stored, build_plan
from imports.records import Attempt, running_import
from imports.request import ImportRequest
from imports.stored import (
    read_contents,
    read_existing,
    read_live_names,
    read_rows,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a request would do now."""

    document: ExportDocument = field(repr=False)
    plan: Plan


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
    with target(request.server), _recorded(request, keep=record_refusal):
        _check_server(request)
        check_request(request)
        document = parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        return Preview(document=document, plan=_plan(document, request))


def run_import(
    request: ImportRequest,
    *,
    confirmed: Preview | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Outcome:
    """Do the import, or change nothing.

    With a `confirmed` preview, exactly that plan is done or StalePlan is raised. Raises an
    UnableToImport for every refusal; whatever is raised, the data is as it was. Raises AlreadyDone
    where the request's idempotency key stands for an import that is done.
    """
    with target(request.server), _recorded(request) as attempt:
        _check_server(request)
        check_request(request)
        may_be_running = check_key(attempt.record)
        if confirmed and confirmed.document.sha256 != attempt.record.file_sha256:
            raise _stale("The file is not the one that was shown.")
        document = (
            confirmed.document
            if confirmed
            else parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        )
        with _lock(attempt.record, wait=0 if may_be_running else settings.ZIGGY_LOCK_WAIT):
            check_key(attempt.record)  # again: nobody else can get it done now
            attempt.start()
            plan = _plan_again(confirmed, request) if confirmed else _plan(document, request)
            if not plan.writes:
                with transaction.atomic(using=current_database(), durable=True):
                    attempt.succeed(plan, {})
                return Outcome(plan=plan, record=attempt.record)
            _check_encryption_keys()
            if request.with_backup:
                attempt.keep_backup(make_backup())
            _write(document, plan, request, attempt, progress)
            return Outcome(plan=plan, record=attempt.record)


def _write(
    document: ExportDocument,
    plan: Plan,
    request: ImportRequest,
    attempt: Attempt,
    progress: Progress,
) -> None:
    try:
        with transaction.atomic(using=current_database(), durable=True):
            _check_rows(document, plan, request.decisions)
            saves = apply_plan(plan, user=attempt.record.user, progress=progress)
            attempt.succeed(plan, saves)
    except IntegrityError as error:
        raise _stale("Somebody else wrote to this server at the same moment.") from error
    except DatabaseError as error:
        _settle(attempt, error)


def _settle(attempt: Attempt, error: DatabaseError) -> None:
    """What became of the transaction that an error ended: usually nothing, and ImportFailed.

    Where only the answer to COMMIT was lost, the import is done, and this returns.
    """
    try:
        if attempt.is_committed():
            return
    except DatabaseError:
        raise ImportFailed(
            "outcome-unknown",
            "The connection to the database was lost at the end of the import, which is there as "
            f"a whole or not at all: see the status of its record {attempt.record.pk}.",
        ) from error
    # The first line alone: what follows it may quote a row.
    logger.error("The database refused an import's write: %s", str(error).partition("\n")[0])
    raise ImportFailed(
        "database-error",
        f"The database refused the write ({type(error).__name__}), and nothing was changed. "
        "The server's log says more.",
    ) from error


def _plan(document: ExportDocument, request: ImportRequest) -> Plan:
    plan = build_plan(
        document,
        _stored(document, request),
        server=request.server,
        mode=request.mode,
        override_locks=request.override_locks,
        decisions=request.decisions,
    )
    if plan.issues:
        raise _refused(plan)
    check_plan(request.user, plan)
    return plan


def _stored(document: ExportDocument, request: ImportRequest) -> Stored:
    missing = unresolved(document)
    existing = read_existing({reference for found in missing.values() for reference in found})
    rows = read_rows(document, request.decisions)
    return Stored(
        rows=rows,
        read_contents=read_contents,
        live_names={kind: read_live_names(kind) for kind in Kind}
        if _uses(Mode.DUPLICATE, request)
        else {},
        dangling={
            path: [str(reference) for reference in found if reference not in existing]
            for path, found in missing.items()
        },
        valued_secrets=valued_secret_names() if document.items[Kind.CONNECTION] else (),
        last_imports={
            kind: read_last_imports(kind, (row.uuid for row in rows[kind]))
            for kind in Kind
            if _uses(Mode.OVERWRITE, request)
        },
    )


def _plan_again(confirmed: Preview, request: ImportRequest) -> Plan:
    """The plan that was confirmed, made anew. Raises StalePlan where it is not the same."""
    try:
        plan = _plan(confirmed.document, request)
    except PlanRefused as refusal:
        raise _stale(f"What was shown cannot be done any more. {refusal}", refusal) from None
    if plan.fingerprint != confirmed.plan.fingerprint:
        raise _stale("What would happen is no longer what was shown.")
    return plan


def _uses(mode: Mode, request: ImportRequest) -> bool:
    return mode in {request.mode, *(decision.mode for decision in request.decisions.values())}


def _refused(plan: Plan) -> PlanRefused:
    first, more = plan.issues[0], len(plan.issues) - 1
    also = f" ({more} more problems)" if more else ""
    return PlanRefused(first.code, f"{first.path}: {first.message}{also}", plan.issues)


def _stale(why: str, refusal: PlanRefused | None = None) -> StalePlan:
    return StalePlan(
        "stale-plan",
        f"{why} Nothing was written. Run the import again.",
        refusal.issues if refusal else (),
    )


def _check_rows(document: ExportDocument, plan: Plan, decisions: Decisions) -> None:
    """The items still are the same rows; what those hold is checked as they are written."""
    rows = read_rows(document, decisions)
    for kind in Kind:
        matches, issues = match_items(
            kind, document.items[kind], rows[kind], targets_of(kind, decisions)
        )
        for change, match in zip(plan.changes[kind], matches, strict=True):
            if issues or (match.row or match.deleted_row) != change.row:
                raise _stale(f"The {kind} {quoted(change.item.name)} was changed meanwhile.")


def _check_server(request: ImportRequest) -> None:
    if request.server not in server_names():
        raise WrongServer(
            "wrong-server",
            f"This server is not {printable(request.server)}. It can import into: "
            f"{', '.join(server_names())}. Nothing was written.",
        )


def _check_encryption_keys() -> None:
    """A stored secret must open before anything is written: with a wrong key none would again."""
    stored = Secret.objects.exclude(dev_value=None, prod_value=None).order_by("-pk").first()
    try:
        if stored:
            stored.check_values_open()
    except WrongKeyError as error:
        raise WrongEncryptionKey("wrong-encryption-key", str(error)) from None


@contextmanager
def _lock(record: ImportRecord, *, wait: float) -> Iterator[None]:
    try:
        with import_lock(wait=wait):
            yield
    except LockHeld:
        check_key_of_waiting(record)
        raise _locked_by(running_import()) from None


def _locked_by(holder: ImportRecord | None) -> ImportLocked:
    who = (
        f": {holder.user_name} through the {holder.door}, since "
        f"{holder.started_at:%Y-%m-%d %H:%M:%S} UTC"
        if holder
        else ""
    )
    return ImportLocked(
        "import-locked", f"Another import is running{who}. Try again when it is done."
    )


@contextmanager
def _recorded(request: ImportRequest, *, keep: bool = True) -> Iterator[Attempt]:
    attempt = Attempt(request, sha256=sha256(request.payload).hexdigest())
    try:
        yield attempt
    except AlreadyDone:  # no run of its own
        raise
    except UnableToImport as error:
        if keep:
            attempt.refuse(error)
        raise
    except BaseException as error:
        if keep:
            attempt.fail(error)
        raise
