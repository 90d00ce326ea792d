"""The state that a named save holds: looked at, and restored over the present one.

What every door tells of a restore: what it needs, and that the present state is saved before.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from reversion.models import Version

from accounts.models import User
from flows import named_saves
from flows.content import Content, Kind, columns
from flows.encryption import Sealed, WrongKeyError
from flows.models import Item
from flows.sent_secrets import RETARGET_CONNECTIONS, secrets_sent_elsewhere

PRE_RESTORE = "Pre restore"

SavedRow = Mapping[str, Any]
"""Column to value; a secret's values are sealed."""


def present_row(item: Item) -> SavedRow:
    """The item's columns as `saved_row` would give them of a save."""
    return {field.attname: getattr(item, field.attname) for field in item._meta.concrete_fields}


def saved_row(version: Version) -> SavedRow:
    """The item's columns as they were saved.

    Raises reversion.errors.RevertError where the save cannot be read any more.
    """
    row: SavedRow = version.field_dict
    return row


def content_of(kind: Kind, row: SavedRow) -> Content:
    """The content among a row's columns: no secret's value."""
    return {name: row[name] for name in columns(kind)}


def rights_to_restore(item: Item, saved: SavedRow) -> Iterator[tuple[str, str]]:
    """The permissions that restoring needs beside that to change the item, each with its reason."""
    kind = item.kind
    if saved["is_deleted"] and not item.is_deleted:
        yield f"flows.delete_{kind}", f"This save would delete the {kind}."
    if kind is Kind.CONNECTION:
        before, after = content_of(kind, present_row(item)), content_of(kind, saved)
        if told := secrets_sent_elsewhere(before, after):
            yield RETARGET_CONNECTIONS, told


def restore(item: Item, version: Version, *, user: User | None, user_name: str) -> datetime:
    """Put the locked row of the item into the state of its save; the new `updated_at`.

    The state until now is saved before, as PRE_RESTORE. `user_name` is written into the row. Be in
    a transaction. Raises reversion.errors.RevertError where the save does not fit the database any
    more.
    """
    named_saves.take(item, PRE_RESTORE, user=user)
    named_saves.restore(version)
    # The times and the name are the row's own, and no part of the state that is restored.
    now = timezone.now()
    rows = type(item)._default_manager.filter(pk=item.pk)
    rows.update(created_at=item.created_at, updated_at=now, updated_by=user_name)
    return now


def is_same_value(one: Sealed | None, other: Sealed | None) -> bool | None:
    """Whether two sealed secret values are the same; None where no key opens one of them."""
    if one == other:  # without a key
        return True
    if one is None or other is None:
        return False
    try:
        return one.reveal() == other.reveal()
    except WrongKeyError:
        return None
