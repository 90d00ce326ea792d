"""Delete items softly, and restore them: the row keeps its uuid and its history.

Rows are written without signals, so that many of them do not end up in one revision. `user_name`
is written into each row.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from flows.content.fields import Kind
from flows.destinations.warnings import DestinationWarning
from flows.models import Item
from flows.secrets.stored_destinations import (
    Write,
    explain_retargeting,
    find_warnings_of_writes,
    lock_destinations,
    log_refused_retargeting,
)
from flows.servers import get_current_database


class NameTakenError(Exception):
    """The item cannot be restored: another one has its name meanwhile."""


def mark_deleted(item: Item, *, user_name: str) -> None:
    """Delete the item softly. Lock its row before."""
    _write(item, user_name, is_deleted=True)


class SendsSecretsError(Exception):
    """The items cannot be restored without the right to send stored secrets elsewhere."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Warnings = tuple[DestinationWarning, ...]
"""The warnings of secrets that restored items send where they were not sent before."""


def restore_item(
    item: Item, *, user_name: str, may_retarget: bool, visible_kinds: Collection[Kind] = ()
) -> Warnings:
    """Restore a deleted item and return the warnings of it. Raises NameTakenError.

    `may_retarget` is whether stored secrets may thereby be sent where they are not sent now; if
    not, raises SendsSecretsError, whose text names only rows of the kinds in `visible_kinds`.
    """
    with transaction.atomic(using=get_current_database()):
        rows = _lock_deleted([item])
        warnings = _check_destinations(rows, visible_kinds, may_retarget=may_retarget)
        for row in rows:
            _restore(row, user_name)
    item.refresh_from_db()
    return warnings


def _restore(item: Item, user_name: str) -> None:
    try:
        with transaction.atomic(using=get_current_database()):
            _write(item, user_name, is_deleted=False)
    except IntegrityError:
        raise NameTakenError from None


def delete_many(items: Iterable[Any], *, user_name: str) -> None:
    """Delete those of the items that are not deleted yet, in one transaction."""
    with transaction.atomic(using=get_current_database()):
        for item in items:
            if not item.is_deleted:
                mark_deleted(item, user_name=user_name)


def restore_items(
    items: Iterable[Any],
    *,
    user_name: str,
    may_retarget: bool,
    visible_kinds: Collection[Kind] = (),
) -> tuple[list[Any], list[Any], Warnings]:
    """Restore those of the items that are deleted, in one transaction.

    Returns which were restored, which were not because another one has their name, and the
    warnings. Raises SendsSecretsError as `restore_item` does; then none is restored.
    """
    back: list[Any] = []
    kept: list[Any] = []
    with transaction.atomic(using=get_current_database()):
        items = _lock_deleted(items)
        warnings = _check_destinations(items, visible_kinds, may_retarget=may_retarget)
        for item in items:
            try:
                _restore(item, user_name)
            except NameTakenError:
                kept.append(item)
            else:
                back.append(item)
    return back, kept, warnings


def _lock_deleted(items: Iterable[Item]) -> list[Item]:
    """Return those of the items that are deleted, read again and locked in the transaction."""
    items = list(items)
    if any(item.kind is not Kind.FLOW for item in items):
        lock_destinations()  # before the rows, as imports do
    rows: list[Item] = []
    for item in items:
        found = type(item)._default_manager.select_for_update().filter(pk=item.pk, is_deleted=True)
        rows += found
    return rows


def _check_destinations(
    items: Iterable[Item], visible_kinds: Collection[Kind], *, may_retarget: bool
) -> Warnings:
    writes = [
        Write(
            kind=item.kind,
            uuid=str(item.uuid),
            before=None,
            after=item.content,
            has_value=item.has_value,
        )
        for item in items
    ]
    warnings = find_warnings_of_writes(writes)
    if not may_retarget and (reason := explain_retargeting(warnings, visible_kinds=visible_kinds)):
        log_refused_retargeting()
        raise SendsSecretsError(reason)
    return warnings


def _write(item: Item, user_name: str, *, is_deleted: bool) -> None:
    now = timezone.now()
    rows = type(item)._default_manager.filter(pk=item.pk)
    rows.update(is_deleted=is_deleted, updated_at=now, updated_by=user_name)
    item.is_deleted, item.updated_at, item.updated_by = is_deleted, now, user_name
