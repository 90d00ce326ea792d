"""A short word for the present state of a row: another one after every change.

Who read a row says by it what they read, so that nobody writes over what somebody else wrote
meanwhile: the ETag of the API, a hidden field of the admin's forms. It is keyed, and made of what
is stored, which of a secret's value is the sealed text: it tells nothing of a value.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.utils.crypto import salted_hmac

from flows.encryption import Sealed
from flows.models import Item

_SALT = "flows.saves.state_tags"


def state_tag(item: Item) -> str:
    """The tag of the row that the object was read from, as long as nothing is assigned to it."""
    return tag_of_row({name: getattr(item, name) for name in tagged_columns(type(item))})


def tag_of_row(row: Mapping[str, Any]) -> str:
    """The tag of a row, given by all of `tagged_columns`."""
    parts = [(name, _plain(row[name])) for name in sorted(row)]
    return salted_hmac(_SALT, msgspec.json.encode(parts), algorithm="sha256").hexdigest()


def tagged_columns(model: type[Item]) -> tuple[str, ...]:
    """The columns that a tag is made of: all, as two writes can have one time."""
    return tuple(field.attname for field in model._meta.concrete_fields)


def _plain(value: Any) -> Any:
    if isinstance(value, Sealed):
        return value.token
    return value.astimezone(UTC) if isinstance(value, datetime) else value
