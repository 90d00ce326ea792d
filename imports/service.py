"""The import, in order: what the command, the admin and the API call.

    check the server -> parse -> lock -> plan -> back up
        -> one transaction: [look again, save the rows before, write, record] -> outcome

A preview is the same road, stopped after the plan. Every run leaves an ImportRecord.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction

from flows.encryption import WrongKeyError
from flows.models import Secret
from flows.servers import current_database, server_names, target
from imports.apply import Progress, apply_plan
from imports.backup import make_backup
from imports.document import ExportDocument, parse
from imports.errors import (
    ImportFailed,
    ImportLocked,
    NotPermitted,
    UnableToImport,
    WrongEncryptionKey,
    WrongServer,
    printable,
)
from imports.expiry import drop_expired_uploads
from imports.idempotency import AlreadyDone, check_key, check_key_of_waiting
from imports.lock import LockHeld, import_lock
from imports.models import ImportRecord
from imports.permissions import RUN_IMPORT, check_permission, check_request, check_sight
from imports.plan import Plan
from imports.plan_shape import SavedPlan
from imports.preparation import (
    check_rows,
    draft_plan,
    plan_again,
    plan_import,
    refusal_of,
    stale,
)
from imports.records import Attempt, running_import
from imports.request import ImportRequest
from imports.saved_plans import check_origin, saved_plan, settled
from imports.snapshot import one_state

logger = logging.getLogger(__name__)


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
    with target(request.server), _recorded(request, keep=record_refusal):
        _check_server(request)
        check_request(request)
        check_origin(request)
        document = parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        request = replace(request, decisions=settled(request, document))
        return Preview(document=document, plan=plan_import(document, request))


def plan_to_save(request: ImportRequest) -> tuple[Preview, SavedPlan]:
    """Plan the import for somebody who applies it later, and write nothing.

    What stands against the plan is the preview's `refusal`, which a decision may mend: the saved
    plan has its issues. Raises an UnableToImport where none can, as a dry run does.
    """
    with target(request.server), _recorded(request, keep=False):
        _check_server(request)
        check_request(request)
        document = parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        request = replace(request, decisions=settled(request, document))
        with one_state():
            plan = draft_plan(document, request)
            check_sight(request.user, plan)
            saved = saved_plan(plan, document, request)
        refusal = refusal_of(plan, request)
        if isinstance(refusal, NotPermitted):
            raise refusal
        return Preview(document=document, plan=plan, refusal=refusal), saved


def examine_import(request: ImportRequest) -> Preview:
    """Plan the import for somebody who can still decide otherwise, and write nothing.

    What stands against the plan is its `refusal`, which another mode, another option or a decision
    may mend. Raises an UnableToImport, and leaves a record of it, where none can: for a bad file,
    for who may not import at all, and for who may not see the rows that the plan tells of.
    """
    with target(request.server), _recorded(request):
        _check_server(request)
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
    with target(request.server), _recorded(request) as attempt:
        _check_server(request)
        check_request(request)
        may_be_running = check_key(attempt.record)
        if confirmed and confirmed.document.sha256 != attempt.record.file_sha256:
            raise stale("The file is not the one that was shown.")
        check_origin(request)
        document = (
            confirmed.document
            if confirmed
            else parse(request.payload, max_bytes=settings.ZIGGY_MAX_IMPORT_BYTES)
        )
        request = replace(request, decisions=settled(request, document))
        with _lock(attempt.record, wait=0 if may_be_running else settings.ZIGGY_LOCK_WAIT):
            check_key(attempt.record)  # again: nobody else can get it done now
            attempt.start()
            expected = confirmed.plan.fingerprint if confirmed else fingerprint
            plan = (
                plan_again(document, request, expected)
                if expected
                else plan_import(document, request)
            )
            if not plan.writes:
                with transaction.atomic(using=current_database(), durable=True):
                    attempt.succeed(plan, {})
                return Outcome(plan=plan, record=attempt.record)
            _check_encryption_keys()
            drop_expired_uploads()  # not into the backup
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
            check_rows(document, plan, request.decisions)
            who = attempt.record
            saves = apply_plan(plan, user=who.user, user_name=who.user_name, progress=progress)
            attempt.succeed(plan, saves)
    except IntegrityError as error:
        raise stale("Somebody else wrote to this server at the same moment.") from error
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
