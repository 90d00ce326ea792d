"""Warn of the destinations to which an undo would newly send secrets. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from flows.content.fields import Kind
from flows.destinations.changes import (
    RowKey,
    SecretChange,
    SecretState,
    Server,
    UserChange,
)
from flows.destinations.destinations import NO_USES
from flows.destinations.new import find_new_destinations
from flows.destinations.warnings import DestinationWarning, make_warnings
from imports.undo.plans.inputs import WrittenRow
from imports.undo.plans.plan import Key, UndoChange


def make_user_changes(
    changes: Iterable[UndoChange], rows: Mapping[Key, WrittenRow]
) -> Iterator[UserChange]:
    """Yield how written flows and connections use secrets before and after, where they use any."""
    for change in changes:
        written = rows[change.key]
        if change.kind is Kind.SECRET or not change.writes or written.row is None:
            continue
        before = NO_USES if change.was_deleted else written.row.uses
        saved = written.saved.uses if written.saved else NO_USES
        after = NO_USES if change.becomes_deleted else saved
        if before or after:
            yield UserChange(
                kind=change.kind,
                uuid=change.uuid,
                name=change.target_name,
                before=before,
                after=after,
                is_new=change.was_deleted,
            )


def find_destination_warnings(
    changes: Iterable[UndoChange], users: Iterable[UserChange], server: Server
) -> dict[RowKey, tuple[DestinationWarning, ...]]:
    """Return the warnings about new destinations, by the row whose change causes them."""
    secrets = [change for change in changes if change.kind is Kind.SECRET and change.writes]
    found = find_new_destinations(
        list(users), list(_make_secret_changes(secrets, server) if secrets else ()), server
    )
    return {row: make_warnings(new, of=row) for row, new in found.items()}


def add_destination_warnings(
    change: UndoChange, warnings: Mapping[RowKey, tuple[DestinationWarning, ...]]
) -> UndoChange:
    """Return the change with its warnings about new destinations."""
    found = warnings.get(change.key)
    return replace(change, destination_warnings=found) if found else change


def _make_secret_changes(changes: Iterable[UndoChange], server: Server) -> Iterator[SecretChange]:
    live, valued = server.read_secrets(), server.read_valued_secrets()
    for change in changes:
        after = SecretState(name=change.target_name, has_value=change.uuid in valued)
        yield SecretChange(
            uuid=change.uuid,
            before=live.get(change.uuid),
            after=None if change.becomes_deleted else after,
        )
