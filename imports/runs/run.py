"""What an import and its undo share: server, lock, record and transaction."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import DatabaseError, IntegrityError, transaction

from flows.conf import ziggy
from flows.encryption import WrongKeyError
from flows.models import Secret
from flows.secrets.canary import check_keys_open
from flows.servers import get_current_database, list_server_names
from flows.texts import make_printable
from imports.database.errors import (
    DatabaseFailed,
    format_for_log,
    is_by_another_writer,
    make_failure,
)
from imports.database.lock import HeldLock, LockHeld, hold_import_lock
from imports.errors import (
    ImportFailed,
    ImportLocked,
    NotPermitted,
    UnableToImport,
    WrongEncryptionKey,
    WrongServer,
)
from imports.models import ImportRecord
from imports.refusal_events import log_refusal
from imports.runs.current import RunPhase, follow_run, measure_phase
from imports.runs.idempotency import AlreadyDone, check_key, check_key_of_waiting
from imports.runs.recorder import NotQueued, RunRecorder, find_running_import
from imports.runs.staleness import make_stale_error

logger = logging.getLogger(__name__)

_NOTHING_WRITTEN = "Nothing was written."


def check_server(server: str) -> None:
    """Raise WrongServer unless it is the name of this instance or of a registered server."""
    if server not in list_server_names():
        raise WrongServer(
            "wrong-server",
            f"This server is not {make_printable(server)}. It can import into: "
            f"{', '.join(list_server_names())}. Nothing was written.",
        )


def check_encryption_keys() -> None:
    """Raise WrongEncryptionKey unless the canary and the newest stored secret can be decrypted.

    With a wrong key, the secrets that are written next could not be decrypted later. The newest
    secret is checked too because another key may have encrypted it.
    """
    stored = Secret.objects.exclude(dev_value=None, prod_value=None).order_by("-pk").first()
    try:
        check_keys_open(may_write=False)  # a run encrypts nothing
        if stored:
            stored.check_values_open()
    except WrongKeyError as error:
        raise WrongEncryptionKey("wrong-encryption-key", str(error)) from None


@contextmanager
def hold_lock(
    record: ImportRecord, *, wait: float | None, at_once: bool = False
) -> Iterator[HeldLock]:
    """Hold the import lock for the record's run. Raises ImportLocked, naming its holder.

    Waits for `wait` seconds; if that is None, for ZIGGY_LOCK_WAIT seconds or, with `at_once`, not
    at all. Raises what `check_key` raises if another run with the same key was done meanwhile.
    """
    if wait is None:
        wait = 0 if at_once else ziggy.LOCK_WAIT
    try:
        with ExitStack() as held:
            with measure_phase(RunPhase.WAITING):
                lock = held.enter_context(hold_import_lock(wait=wait))
            check_key(record)  # again: with the lock held, no other run can finish
            yield lock
    except LockHeld:
        check_key_of_waiting(record)
        raise _make_locked_error(find_running_import()) from None


def _make_locked_error(holder: ImportRecord | None) -> ImportLocked:
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
def record_run(record: ImportRecord, *, keep: bool = True) -> Iterator[RunRecorder]:
    """Yield the run's recorder; with `keep`, record the error that the block raises.

    A database error is raised as the DatabaseFailed that `make_failure` returns for it, if any.
    """
    with follow_run(record), _record_errors(record, keep=keep) as recorder:
        yield recorder


@contextmanager
def _record_errors(record: ImportRecord, *, keep: bool) -> Iterator[RunRecorder]:
    recorder = RunRecorder(record)
    try:
        yield recorder
    except (AlreadyDone, NotQueued):  # the record is another run's
        raise
    except UnableToImport as error:
        if isinstance(error, NotPermitted):
            log_refusal(error, account=record.user_id)
        # A run of the queue goes on waiting for the lock.
        if keep and not (recorder.is_queued and isinstance(error, ImportLocked)):
            recorder.refuse(error)
        raise
    except DatabaseError as error:
        failure = make_failure(error, outcome=_NOTHING_WRITTEN)
        if failure is None:
            if keep:
                recorder.fail(error)
            raise
        logger.error("The database failed an import: %s", format_for_log(error))  # noqa: TRY400
        if keep:
            recorder.refuse(failure)
        raise failure from None
    except BaseException as error:
        if keep:
            recorder.fail(error)
        raise


@contextmanager
def open_transaction(recorder: RunRecorder, lock: HeldLock, *, again: str) -> Iterator[None]:
    """Open one transaction for all writes of a run. `again` is the remedy of a StalePlan.

    Raises StalePlan if another writer interfered, and ImportFailed for other errors of the database
    or a lost lock. Then nothing was written, except with code `outcome-unknown`: the connection was
    lost at the end.
    """
    try:
        with transaction.atomic(using=get_current_database(), durable=True):
            lock.keep_others_out()
            yield
            lock.check()
    except DatabaseError as error:
        if isinstance(error, IntegrityError) and is_by_another_writer(error):
            why = "Somebody else wrote to this server at the same moment."
            raise make_stale_error(why, again=again) from None
        _raise_unless_committed(recorder, error)


def _raise_unless_committed(recorder: RunRecorder, error: DatabaseError) -> None:
    """Raise ImportFailed for the error, unless the transaction was committed all the same.

    That is so if only the answer to COMMIT was lost.
    """
    # Each is raised without its cause: a traceback would quote what follows the error's first line.
    try:
        if recorder.is_committed():
            return
    except DatabaseError:
        raise ImportFailed(
            "outcome-unknown",
            "The connection to the database was lost at the end of the import, which is there as "
            f"a whole or not at all: see the status of its record {recorder.record.pk}.",
        ) from None
    logger.error("The database refused an import's write: %s", format_for_log(error))
    failure = make_failure(error, outcome=_NOTHING_WRITTEN)
    if failure is None:
        failure = DatabaseFailed(
            "database-error",
            f"The database refused the write ({type(error).__name__}), and nothing was changed. "
            "The server's log says more.",
        )
        failure.cause = f"{format_for_log(error)}."
    raise failure from None
