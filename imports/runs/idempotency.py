"""Idempotency of runs: a request that is repeated with its `Idempotency-Key` imports only once.

The key is kept in the run's record, which is written as succeeded in the transaction of the data:
the next request with the key gets its answer, whether or not the first answer arrived. A run that
wrote nothing releases its key, as does one whose process died. Each user has keys of their own,
which are valid for a day.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import NoReturn

from django.db.models import QuerySet
from django.utils import timezone

from flows.rest.requests import idempotency as answers
from flows.users import User
from imports.errors import RETRY_AFTER, UnableToImport
from imports.models import HOLDING_KEYS, ImportRecord, Status
from imports.runs.request import RunRequest

# The user is part of the look-up, and the rest may differ between two attempts: what is
# acknowledged, and what a plan was made for, change nothing of what is done.
_NOT_OPTIONS = {
    *("payload", "file_name", "user", "user_name", "door", "idempotency_key", "lock_wait"),
    *("packed", "accept", "queued_record", "accept_shown", "origin"),
}


class InvalidKey(UnableToImport):
    """The key is malformed."""

    status = HTTPStatus.BAD_REQUEST


class KeyInProgress(UnableToImport):
    """The import with this key is running."""

    status = HTTPStatus.CONFLICT
    retry_after = RETRY_AFTER


class KeyMismatch(UnableToImport):
    """The key was used for another import."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class AlreadyDone(Exception):  # noqa: N818 - the name says what happened
    """The import with this key is done; `record` is its record."""

    def __init__(self, record: ImportRecord) -> None:
        super().__init__(f"Import {record.pk} is done already")
        self.record = record


def read_key(header: str | None) -> str | None:
    """Return the key in a request's header, or None. Raises InvalidKey."""
    if header is not None and not answers.is_key(header):
        raise InvalidKey("invalid-idempotency-key", answers.INVALID_KEY)
    return header


def compute_digest(request: RunRequest, file_sha256: str = "") -> str:
    """Return a digest that is equal for two requests with the same bytes and the same options."""
    options = {
        option.name: getattr(request, option.name)
        for option in fields(request)
        if option.name not in _NOT_OPTIONS
    }
    values = [
        (name, sorted(map(repr, value.items())) if isinstance(value, Mapping) else repr(value))
        for name, value in sorted(options.items())
    ]
    return sha256(repr((file_sha256, values)).encode()).hexdigest()


def check_key(record: ImportRecord) -> bool:
    """Return whether another run with this record's key is under way or has died.

    Raises AlreadyDone if that import is done, KeyInProgress if it waits for a worker, and
    KeyMismatch if the key was used for another request.
    """
    _check_free_elsewhere(record)
    earlier = _find_earlier(record)
    if earlier and earlier.status == Status.QUEUED:
        _refuse_in_progress(earlier, record)
    if earlier and earlier.status != Status.RUNNING:
        _answer_again(earlier, record)
    return earlier is not None


def find_in_progress(record: ImportRecord) -> ImportRecord | None:
    """Return the record of another run with this record's key that is queued or under way, if any.

    Raises AlreadyDone and KeyMismatch as `check_key` does.
    """
    _check_free_elsewhere(record)
    earlier = _find_earlier(record)
    if earlier and earlier.status not in {Status.QUEUED, Status.RUNNING}:
        _answer_again(earlier, record)
    if earlier:
        _check_same(earlier, record)
    return earlier


def check_key_of_waiting(record: ImportRecord) -> None:
    """Check the key as `check_key` does, for a run that did not get the lock.

    Raises KeyInProgress if a run with the key is under way: the lock is held, so it has not died.
    """
    earlier = _find_earlier(record)
    if earlier and earlier.status not in {Status.QUEUED, Status.RUNNING}:
        _answer_again(earlier, record)
    if earlier:
        _refuse_in_progress(earlier, record)


def free_expired_key(record: ImportRecord) -> None:
    """Remove this run's key from a record that was started with it more than a day ago."""
    if record.idempotency_key is not None:
        holders = _find_holders(record.user, record.idempotency_key).exclude(pk=record.pk)
        holders.filter(started_at__lt=_get_oldest()).update(idempotency_key=None)


def holds_key(user: User, key: str) -> bool:
    """Return whether the user's key belongs to a run that is done or under way."""
    return _find_holders(user, key).filter(started_at__gte=_get_oldest()).exists()


def _find_earlier(record: ImportRecord) -> ImportRecord | None:
    if record.idempotency_key is None:
        return None
    holders = _find_holders(record.user, record.idempotency_key).exclude(pk=record.pk)
    return holders.filter(started_at__gte=_get_oldest()).first()


def _find_holders(user: User | None, key: str) -> QuerySet[ImportRecord]:
    return ImportRecord.objects.filter(user=user, idempotency_key=key, status__in=HOLDING_KEYS)


def _check_free_elsewhere(record: ImportRecord) -> None:
    if answers.is_answered(record.user, record.idempotency_key):
        raise KeyMismatch(
            "idempotency-mismatch",
            "This Idempotency-Key was used for another request. Give each request a key of its "
            "own.",
        )


def _answer_again(earlier: ImportRecord, record: ImportRecord) -> NoReturn:
    _check_same(earlier, record)
    raise AlreadyDone(earlier)


def _refuse_in_progress(earlier: ImportRecord, record: ImportRecord) -> NoReturn:
    _check_same(earlier, record)
    what = "is running" if earlier.status == Status.RUNNING else f"is queued as {earlier.pk}"
    raise KeyInProgress(
        "idempotency-in-progress",
        f"The import with this Idempotency-Key {what}. Ask again when it is done.",
    )


def _check_same(earlier: ImportRecord, record: ImportRecord) -> None:
    if earlier.idempotency_digest != record.idempotency_digest:
        raise KeyMismatch(
            "idempotency-mismatch",
            f"This Idempotency-Key was used for another file or other options: see record "
            f"{earlier.pk}. Give each import a key of its own.",
        )


def _get_oldest() -> datetime:
    return timezone.now() - timedelta(hours=answers.KEY_HOURS)
