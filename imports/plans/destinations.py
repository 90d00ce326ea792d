"""Warn of the destinations to which an import would newly send secrets. Pure.

A secret's value is never in a file, so a written connection uses the stored one, and a change of
the connection's host decides where that value is sent. flows.destinations.new defines which
destinations are new.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from flows.content.fields import Content, Kind
from flows.destinations.changes import (
    RowKey,
    SecretChange,
    SecretState,
    Server,
    UserChange,
)
from flows.destinations.destinations import NO_USES, find_secret_uses
from flows.destinations.new import find_new_destinations
from flows.destinations.warnings import DestinationWarning, make_warnings
from imports.plans.plan import Change, Result

Changes = Mapping[Kind, Sequence[Change]]


def make_user_change(change: Change, before: Content | None) -> UserChange | None:
    """Return how a change affects the row's use of secrets; None for a row that uses none.

    `before` is the content of an overwritten row; None for a new row.
    """
    kind, uuid = change.item.kind, change.target_uuid
    if not change.result.writes or kind is Kind.SECRET:
        return None
    uses = find_secret_uses(kind, uuid, before) if before else NO_USES
    after = find_secret_uses(kind, uuid, {**(before or {}), **(change.content or {})})
    if not (uses or after):
        return None
    return UserChange(
        kind=kind,
        uuid=uuid,
        name=change.target_name,
        before=uses,
        after=after,
        is_new=before is None,
    )


def find_destination_warnings(
    changes: Changes, users: Sequence[UserChange], server: Server
) -> dict[RowKey, tuple[DestinationWarning, ...]]:
    """Return the warnings about new destinations, by the row whose change causes them."""
    secrets = [change for change in changes[Kind.SECRET] if change.content is not None]
    found = find_new_destinations(
        users, list(_make_secret_changes(secrets, server) if secrets else ()), server
    )
    return {row: make_warnings(new, of=row) for row, new in found.items()}


def add_destination_warnings(
    changes: Sequence[Change], warnings: Mapping[RowKey, tuple[DestinationWarning, ...]]
) -> tuple[Change, ...]:
    """Return the changes, each with its warnings about new destinations."""
    return tuple(_add_destination_warnings(change, warnings) for change in changes)


def _add_destination_warnings(
    change: Change, warnings: Mapping[RowKey, tuple[DestinationWarning, ...]]
) -> Change:
    found = warnings.get((change.item.kind, change.target_uuid), ())
    if not (found and change.result.writes):
        return change
    return replace(change, destination_warnings=found)


def _make_secret_changes(changes: Sequence[Change], server: Server) -> Iterator[SecretChange]:
    live, valued = server.read_secrets(), server.read_valued_secrets()
    for change in changes:
        is_new = change.result is not Result.OVERWRITE
        has_value = change.result is not Result.DUPLICATE and change.target_uuid in valued
        yield SecretChange(
            uuid=change.target_uuid,
            before=None if is_new else live.get(change.target_uuid),
            after=SecretState(name=change.target_name, has_value=has_value),
        )
