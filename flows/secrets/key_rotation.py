"""Seal every stored secret value with the current key.

Running it again changes nothing more. A process that still runs with the old list of keys can
store under the old key meanwhile: run it until it counts nothing, then drop the old key.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from flows.encryption import Sealed, WrongKeyError
from flows.fields import EncryptedTextField
from flows.models import Secret
from flows.secrets.canary import rotate_canary
from flows.security_events import SecurityEvent, log_security_event
from flows.servers import get_current_database

_BATCH = 100
_FIELDS = tuple(
    field.attname for field in Secret._meta.concrete_fields if isinstance(field, EncryptedTextField)
)


def rotate_keys() -> int:
    """Seal all secrets of the current database with the first of ZIGGY_ENCRYPTION_KEYS.

    Returns the number of values that were sealed again. One transaction; the rows' `updated_at`
    stays. Where no configured key opens a value, raises WrongKeyError with a note that names the
    secret, and nothing is changed.
    """
    with transaction.atomic(using=get_current_database(), durable=True):
        values = _rotate_rows()
        with _note_place("the canary"):
            rotate_canary()
    log_security_event(SecurityEvent.ENCRYPTION_KEYS_ROTATED, values=values)
    return values


def _rotate_rows() -> int:
    count = 0
    for batch in _read_batches():
        changed = []
        for secret in batch:
            with _note_place(f"the secret {secret.name}"):
                values = _rotate_row(secret)
            if values:
                changed.append(secret)
                count += values
        Secret.objects.bulk_update(changed, _FIELDS)
    return count


def _rotate_row(secret: Secret) -> int:
    count = 0
    for field in _FIELDS:
        value: Sealed | None = getattr(secret, field)
        if value is not None and (rotated := value.rotate()) is not value:
            setattr(secret, field, rotated)
            count += 1
    return count


def _read_batches() -> Iterator[list[Secret]]:
    # Locked: a value that is set meanwhile must not be overwritten with the old one.
    rows = Secret.objects.select_for_update().only("name", *_FIELDS)
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        yield batch
        last = batch[-1].pk


@contextmanager
def _note_place(place: str) -> Iterator[None]:
    try:
        yield
    except WrongKeyError as error:
        error.add_note(f"It is {place}.")
        raise
