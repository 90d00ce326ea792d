"""Read the state of a named save, and restore it over the present one.

Also what every door shows of a restore: the rights that it needs, and its warnings.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.utils import timezone
from reversion.errors import RevertError
from reversion.models import Version

from flows.content.depth import find_too_deep_columns, get_max_depth
from flows.content.fields import Content, Kind, get_columns
from flows.destinations.warnings import DestinationWarning
from flows.documents.field import read_columns
from flows.models import MODELS, Item, list_saved_fields
from flows.saves import named_saves
from flows.saves.plain_states import read_plain_state
from flows.secrets.stored_destinations import (
    RETARGET_CONNECTIONS,
    Write,
    explain_retargeting,
    find_warnings_of_writes,
)
from flows.users import User

PRE_RESTORE = "Pre restore"

SavedRow = Mapping[str, Any]
"""Column to value; a secret's own values are not among them."""


class SaveTooDeepError(RevertError):  # type: ignore[misc]  # django-reversion has no types
    """A document of the save is nested deeper than a file may be."""


def read_saved_content(kind: Kind, version: Version) -> Content | None:
    """Return the content that was saved; None where the save cannot be read any more."""
    try:
        return get_content(kind, read_saved_row(version))
    except RevertError:
        return None


def check_depth(kind: Kind, saved: SavedRow) -> None:
    """Raise SaveTooDeepError unless the state could be exported and imported again."""
    for column in find_too_deep_columns(kind, saved):
        raise SaveTooDeepError(
            f"The save cannot be restored: its {column} is nested deeper than "
            f"{get_max_depth(column)}, and no import would take it."
        )


def get_present_row(item: Item) -> SavedRow:
    """Return the item's present columns in the form of `read_saved_row`."""
    return read_columns(item, _list_columns(type(item)))


@cache
def _list_columns(model: type[Item]) -> tuple[str, ...]:
    return tuple(field.attname for field in (model._meta.pk, *list_saved_fields(model)))


def read_saved_row(version: Version) -> SavedRow:
    """Return the item's columns as they were saved.

    Raises reversion.errors.RevertError where the save cannot be read any more.
    """
    is_json = version.format == "json"
    row = read_plain_state(version.serialized_data, _MODELS) if is_json else None
    return get_present_row(version._object_version.object) if row is None else row


_MODELS = {model._meta.label_lower: model for model in MODELS.values()}


def get_content(kind: Kind, row: SavedRow) -> Content:
    """Return the content among a row's columns: no secret's value."""
    return {name: row[name] for name in get_columns(kind)}


def find_rights_to_restore(
    item: Item,
    saved: SavedRow,
    warnings: Iterable[DestinationWarning],
    *,
    visible_kinds: Collection[Kind],
) -> Iterator[tuple[str, str]]:
    """Yield the permissions, beside that to change the item, that restoring needs, with reasons.

    `warnings` are those of `find_warnings_of_restore`. The reasons name only rows of the kinds in
    `visible_kinds`.
    """
    kind = item.kind
    if saved["is_deleted"] and not item.is_deleted:
        yield f"flows.delete_{kind}", f"This save would delete the {kind}."
    if reason := explain_retargeting(warnings, visible_kinds=visible_kinds):
        yield RETARGET_CONNECTIONS, reason


def needs_right_to_recover(kind: Kind, saved: SavedRow) -> bool:
    """Return whether restoring a row that was removed for good needs RETARGET_CONNECTIONS."""
    write = Write(
        kind=kind,
        uuid=str(saved["uuid"]),
        before=None,
        after=None if saved["is_deleted"] else get_content(kind, saved),
    )
    return any(warning.needs_right for warning in find_warnings_of_writes([write]))


def find_warnings_of_restore(item: Item, saved: SavedRow) -> tuple[DestinationWarning, ...]:
    """Return the warnings of secrets that restoring would send elsewhere."""
    kind = item.kind
    write = Write(
        kind=kind,
        uuid=str(item.uuid),
        before=None if item.is_deleted else item.content,
        after=None if saved["is_deleted"] else get_content(kind, saved),
        has_value=item.has_value,
    )
    return find_warnings_of_writes([write])


def restore(item: Item, version: Version, *, user: User | None, user_name: str) -> datetime:
    """Restore the item's row to the state of its save; return the new `updated_at`.

    Saves the present state first, as PRE_RESTORE, and writes `user_name` into the row. Call it in a
    transaction with the row locked. Raises reversion.errors.RevertError where the save does not fit
    the database any more, and SaveTooDeepError.
    """
    check_depth(item.kind, read_saved_row(version))
    named_saves.take(item, PRE_RESTORE, user=user)
    named_saves.restore(version)
    # The times and the name are the row's own, and no part of the state that is restored.
    now = timezone.now()
    rows = type(item)._default_manager.filter(pk=item.pk)
    rows.update(created_at=item.created_at, updated_at=now, updated_by=user_name)
    return now


def is_same_state(kind: Kind, before: SavedRow, after: SavedRow) -> bool:
    """Return whether the two states are the same."""
    return before["is_deleted"] == after["is_deleted"] and (
        get_content(kind, before) == get_content(kind, after)
    )


def make_notes(kind: Kind, before: SavedRow, after: SavedRow) -> Iterator[str]:
    """Yield notes on what is no content: deletion."""
    if before["is_deleted"] != after["is_deleted"]:
        yield f"The {kind} {'becomes deleted' if after['is_deleted'] else 'is live again'}."
