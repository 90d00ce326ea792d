"""Warn of names of secrets that an undo removes while others still use them. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from flows.content.fields import Kind
from flows.destinations.changes import SecretUser, Server, UserChange
from flows.destinations.destinations import SecretUse
from imports.plans.place_warnings import make_renamed_in_use_warning
from imports.undo.plans.plan import Key, UndoChange


def warn_of_lost_names(
    changes: Mapping[Kind, Collection[UndoChange]], users: Iterable[UserChange], server: Server
) -> tuple[UndoChange, ...]:
    """Return the changes of secrets, with a warning for each renamed one whose name is still used.

    `users` are the written rows that use secrets. The deletion of a secret in use is a conflict
    instead.
    """
    secrets = changes[Kind.SECRET]
    renamed = {change.key: change.name for change in secrets if _is_renamed(change)}
    if not renamed:
        return tuple(secrets)
    lost = set(renamed.values()) - _find_names_after(secrets, server)
    using = _find_users_after(changes, users, server, lost)
    return tuple(
        replace(
            change, own_warnings=(make_renamed_in_use_warning(change.name, using[change.name]),)
        )
        if change.key in renamed and change.name in using
        else change
        for change in secrets
    )


def _is_renamed(change: UndoChange) -> bool:
    stays_live = not (change.was_deleted or change.becomes_deleted)
    return change.writes and stays_live and change.target_name != change.name


def _find_names_after(secrets: Iterable[UndoChange], server: Server) -> set[str]:
    names = {uuid: secret.name for uuid, secret in server.read_secrets().items()}
    for change in secrets:
        if change.writes:
            names.pop(change.uuid, None)
            if not change.becomes_deleted:
                names[change.uuid] = change.target_name
    return set(names.values())


def _find_users_after(
    changes: Mapping[Kind, Collection[UndoChange]],
    users: Iterable[UserChange],
    server: Server,
    names: Collection[str],
) -> Mapping[str, Mapping[Key, str]]:
    """Return the names of the users after the undo by their keys, by each lost name still used."""
    written = {
        change.key
        for kind in (Kind.FLOW, Kind.CONNECTION)
        for change in changes[kind]
        if change.writes
    }
    found: dict[str, dict[Key, str]] = defaultdict(dict)

    def add(key: Key, name: str, uses: Iterable[SecretUse]) -> None:
        for use in uses:
            if use.secret in names:
                found[use.secret][key] = name

    for user in users:
        add((user.kind, user.uuid), user.name, user.after)
    if names:
        for stored in _read_stored_users(server):
            if (key := (stored.kind, stored.uuid)) not in written:
                add(key, stored.name, stored.uses)
    return found


def _read_stored_users(server: Server) -> Iterator[SecretUser]:
    yield from server.read_connections()
    yield from server.read_flows()
