"""A short tag for the present state of a row, which differs after every change.

A client sends the tag of the state that it read, so that it does not overwrite a later one: the
ETag of the API, a hidden field of the admin's forms. It is a keyed hash of what is stored, which
for a secret's value is the sealed text: no value can be found from it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from django.utils.crypto import salted_hmac

from flows.content.documents import Document
from flows.documents.field import read_columns
from flows.encryption import Sealed
from flows.models import Item

_SALT = "flows.saves.state_tags"


def compute_state_tag(item: Item) -> str:
    """Return the tag of the row that the object was read from; call it before any assignment."""
    return compute_row_tag(read_columns(item, get_tagged_columns(type(item))))


def compute_row_tag(row: Mapping[str, Any]) -> str:
    """Return the tag of a row, given by all of `get_tagged_columns`."""
    parts = [(name, _convert(row[name])) for name in sorted(row)]
    return salted_hmac(_SALT, msgspec.json.encode(parts), algorithm="sha256").hexdigest()


@cache
def get_tagged_columns(model: type[Item]) -> tuple[str, ...]:
    """Return the columns that a tag is made of: all, as two writes can have the same time."""
    return tuple(field.attname for field in model._meta.concrete_fields)


def _convert(value: Any) -> Any:
    if isinstance(value, Sealed):
        return value.token
    if isinstance(value, Document):
        return value.digest
    return value.astimezone(UTC) if isinstance(value, datetime) else value
