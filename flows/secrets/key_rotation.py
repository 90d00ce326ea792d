"""Seal every stored secret value with the current key: in the rows, and in their named saves.

Running it again changes nothing more. A process that still runs with the old list of keys can
store under the old key meanwhile: run it until it counts nothing, then drop the old key.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from reversion.models import Version

from flows.encryption import Sealed, WrongKeyError
from flows.fields import TOKEN_KEY, EncryptedTextField
from flows.models import Secret
from flows.secrets.canary import rotate_canary
from flows.security_events import SecurityEvent, log_security_event
from flows.servers import get_current_database

_BATCH = 100
_FIELDS = tuple(
    field.attname for field in Secret._meta.concrete_fields if isinstance(field, EncryptedTextField)
)

_Row = TypeVar("_Row", bound=models.Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The numbers of what was sealed again: values of rows, and named saves."""

    values: int
    versions: int


def rotate_keys() -> Rotation:
    """Seal all secrets of the current database with the first of ZIGGY_ENCRYPTION_KEYS.

    One transaction; the rows' `updated_at` stays. Where no configured key opens a value, raises
    WrongKeyError with a note that names the secret, and nothing is changed.
    """
    with transaction.atomic(using=get_current_database(), durable=True):
        rotation = Rotation(values=_rotate_rows(), versions=_rotate_versions())
        with _note_place("the canary"):
            rotate_canary()
    log_security_event(
        SecurityEvent.ENCRYPTION_KEYS_ROTATED, values=rotation.values, saves=rotation.versions
    )
    return rotation


def _rotate_rows() -> int:
    count = 0
    # Locked: a value that is set meanwhile must not be overwritten with the old one.
    rows = Secret.objects.select_for_update().only("name", *_FIELDS)
    for batch in _read_batches(rows):
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


def _rotate_versions() -> int:
    count = 0
    content_type = ContentType.objects.db_manager(get_current_database()).get_for_model(Secret)
    versions = Version.objects.using(get_current_database())
    versions = versions.filter(content_type=content_type, format="json")
    for batch in _read_batches(versions.only("serialized_data", "object_repr")):
        changed = []
        for version in batch:
            with _note_place(f"a named save (version {version.pk}) of {version.object_repr}"):
                text = _rotate_serialized(version.serialized_data)
            if text is not None:
                version.serialized_data = text
                changed.append(version)
        Version.objects.using(get_current_database()).bulk_update(changed, ["serialized_data"])
        count += len(changed)
    return count


def _rotate_serialized(text: str) -> str | None:
    """Return the serialised secret with its values sealed again; None where all are so already."""
    objects = json.loads(text)
    changed = False
    for fields in (each["fields"] for each in objects):
        for name, value in fields.items():
            if not (isinstance(value, dict) and TOKEN_KEY in value):
                continue
            sealed = Sealed(value[TOKEN_KEY])
            if (rotated := sealed.rotate()) is not sealed:
                fields[name] = {TOKEN_KEY: rotated.token}
                changed = True
    return json.dumps(objects, ensure_ascii=False) if changed else None


def _read_batches(rows: "models.QuerySet[_Row]") -> Iterator[list[_Row]]:
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
