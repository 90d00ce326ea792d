"""What an import and its undo have in common: the server, the lock, the transaction, the end."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction

from flows.encryption import WrongKeyError
from flows.models import Secret
from flows.secrets.canary import check_keys_open
from flows.servers import current_database, server_names
from imports.database.errors import DatabaseFailed, failure_of, is_by_a_rival, loggable
from imports.database.lock import HeldLock, LockHeld, import_lock
from imports.errors import (
    ImportFailed,
    ImportLocked,
    StalePlan,
    UnableToImport,
    WrongEncryptionKey,
    WrongServer,
    printable,
)
from imports.models import ImportRecord
from imports.runs.idempotency import AlreadyDone, check_key, check_key_of_waiting
from imports.runs.recorder import RunRecorder, running_import

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Is told how many items are written, of how many."""

_NOTHING_WRITTEN = "Nothing was written."


def check_server(server: str) -> None:
    """Raises WrongServer unless it is this instance's name or a registered server's."""
    if server not in server_names():
        raise WrongServer(
            "wrong-server",
            f"This server is not {printable(server)}. It can import into: "
            f"{', '.join(server_names())}. Nothing was written.",
        )


def check_encryption_keys() -> None:
    """Raises WrongEncryptionKey: with a wrong key, what is written next would open no more.

    The canary must open, and the newest stored secret, which another key may have sealed.
    """
    stored = Secret.objects.exclude(dev_value=None, prod_value=None).order_by("-pk").first()
    try:
        check_keys_open(may_write=False)  # a run seals nothing
        if stored:
            stored.check_values_open()
    except WrongKeyError as error:
        raise WrongEncryptionKey("wrong-encryption-key", str(error)) from None


@contextmanager
def hold_lock(
    record: ImportRecord, *, wait: float | None, at_once: bool = False
) -> Iterator[HeldLock]:
    """Hold the import lock for the run of the record. Raises ImportLocked, saying who has it.

    Waits for it as long as whoever asks will, `wait` seconds; where that is not said, as long as
    ZIGGY_LOCK_WAIT has it, or with `at_once` not at all. Raises what `check_key` does where another
    run with the same key was done meanwhile.
    """
    if wait is None:
        wait = 0 if at_once else settings.ZIGGY_LOCK_WAIT
    try:
        with import_lock(wait=wait) as lock:
            check_key(record)  # again: nobody else can get it done now
            yield lock
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
def recorded(record: ImportRecord, *, keep: bool = True) -> Iterator[RunRecorder]:
    """The run of the record, which with `keep` says why the block was left by an error."""
    recorder = RunRecorder(record)
    try:
        yield recorder
    except AlreadyDone:  # no run of its own
        raise
    except UnableToImport as error:
        if keep:
            recorder.refuse(error)
        raise
    except DatabaseError as error:
        failure = failure_of(error, outcome=_NOTHING_WRITTEN)
        if failure is None:
            if keep:
                recorder.fail(error)
            raise
        logger.error("The database failed an import: %s", loggable(error))  # noqa: TRY400
        if keep:
            recorder.refuse(failure)
        raise failure from None
    except BaseException as error:
        if keep:
            recorder.fail(error)
        raise


@contextmanager
def one_transaction(recorder: RunRecorder, lock: HeldLock, *, again: str) -> Iterator[None]:
    """One transaction for all writes of a run. `again` says what to do where somebody interfered.

    Raises StalePlan and ImportFailed for errors of the database, and where the lock was lost; then
    nothing was written.
    """
    try:
        with transaction.atomic(using=current_database(), durable=True):
            lock.keep_others_out()
            yield
            lock.check()
    except DatabaseError as error:
        if isinstance(error, IntegrityError) and is_by_a_rival(error):
            raise StalePlan(
                "stale-plan",
                "Somebody else wrote to this server at the same moment.",
                remedy=f"{_NOTHING_WRITTEN} {again}",
            ) from None
        _settle(recorder, error)


def _settle(recorder: RunRecorder, error: DatabaseError) -> None:
    """What became of the transaction that an error ended: usually nothing, and ImportFailed.

    Where only the answer to COMMIT was lost, the import is done, and this returns.
    """
    # None of these errors goes on as a cause: a traceback would quote what follows the first line.
    try:
        if recorder.is_committed():
            return
    except DatabaseError:
        raise ImportFailed(
            "outcome-unknown",
            "The connection to the database was lost at the end of the import, which is there as "
            f"a whole or not at all: see the status of its record {recorder.record.pk}.",
        ) from None
    logger.error("The database refused an import's write: %s", loggable(error))
    failure = failure_of(error, outcome=_NOTHING_WRITTEN)
    if failure is None:
        failure = DatabaseFailed(
            "database-error",
            f"The database refused the write ({type(error).__name__}), and nothing was changed. "
            "The server's log says more.",
        )
        failure.cause = f"{loggable(error)}."
    raise failure from None
