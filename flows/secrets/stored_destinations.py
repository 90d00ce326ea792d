"""Read where the server's secrets are sent, and what a write would change of it.

Before every write of a connection or a secret, call `find_warnings_of_writes` in a transaction that
began with `lock_destinations`: two writes that make no new pair each could make one together.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import msgspec
from django.db import connections as databases
from django.db.models import Q

from flows.content.fields import Content, Kind
from flows.destinations.changes import (
    SecretChange,
    SecretState,
    SecretUser,
    UserChange,
)
from flows.destinations.destinations import find_secret_uses, find_used_names
from flows.destinations.new import find_new_destinations
from flows.destinations.uses import EVERY
from flows.destinations.warnings import DestinationWarning, make_warnings
from flows.models import Secret
from flows.secrets.used_secrets import CONDITIONS, UsedSecrets, read_contents
from flows.security_events import SecurityEvent, log_security_event
from flows.servers import get_current_database

# The right that an import needs for the same.
RETARGET_CONNECTIONS = "imports.retarget_connections"

_LOCK = 0x5A49_6701  # any number that nothing else of this application locks
# SQLite takes 999 variables in the oldest build that Django supports: for more, all rows are read.
_MOST_ASKED_FOR = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write of one row. Contents are whole, and None where the row is not live."""

    kind: Kind
    uuid: str
    before: Content | None
    after: Content | None
    has_value: bool = False
    """Whether a secret has a stored value; one that the write gives does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDestination:
    """Where a secret is sent, or would be if it had a value."""

    kind: Kind
    uuid: str
    name: str
    environments: tuple[str, ...]
    label: str


def lock_destinations() -> None:
    """Lock the destinations of secrets against other writers, until the transaction ends."""
    database = databases[get_current_database()]
    if database.vendor == "postgresql":  # a writing transaction of SQLite is alone anyway
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def find_warnings_of_writes(writes: Iterable[Write]) -> tuple[DestinationWarning, ...]:
    """Return the warnings of secrets that these writes, not done yet, would send elsewhere."""
    writes = list(writes)
    found = find_new_destinations(
        [_make_user_change(write) for write in writes if write.kind is not Kind.SECRET],
        [_make_secret_change(write) for write in writes if write.kind is Kind.SECRET],
        StoredServer(),
    )
    return tuple(warning for row, new in found.items() for warning in make_warnings(new, of=row))


def explain_retargeting(
    warnings: Iterable[DestinationWarning], *, visible_kinds: Collection[Kind]
) -> str | None:
    """Return why a write needs RETARGET_CONNECTIONS; None where it does not.

    The text names only rows of the kinds in `visible_kinds`.
    """
    texts = [warning.get_text_for(visible_kinds) for warning in warnings if warning.needs_right]
    return f"This {'; '.join(texts)}." if texts else None


def log_refused_retargeting() -> None:
    """Log that the user of the request lacks the right for what `explain_retargeting` says."""
    log_security_event(SecurityEvent.RETARGET_REFUSED, permission=RETARGET_CONNECTIONS)


def read_destinations(
    names: Iterable[str], used: UsedSecrets | None = None
) -> dict[str, list[SecretDestination]]:
    """Return, for each name, where the live connections and flows send the secret of that name.

    `used`, where it was read just now, saves looking through all of them once more.
    """
    found: dict[str, list[SecretDestination]] = {name: [] for name in names}
    for user in _read_users_of(found, used):
        places: dict[tuple[str, str], set[str]] = {}
        for use in user.uses:
            for name in found if use.secret == EVERY else {use.secret} & found.keys():
                places.setdefault((name, use.destination.label), set()).add(use.environment)
        for (name, label), environments in sorted(places.items()):
            found[name].append(
                SecretDestination(
                    kind=user.kind,
                    uuid=user.uuid,
                    name=user.name,
                    environments=tuple(sorted(environments - {""})),
                    label=label,
                )
            )
    return found


def compute_destinations_tag(destinations: Iterable[SecretDestination]) -> str:
    """Return a digest of where a secret is sent, equal for two lists of the same places."""
    places = sorted((each.kind, each.uuid, each.environments, each.label) for each in destinations)
    return sha256(msgspec.json.encode(places)).hexdigest()


def is_sent_where_shown(name: str, shown: str) -> bool:
    """Return whether a value of that secret is sent nowhere, or only where the tag `shown` is of.

    Call it in a transaction that began with `lock_destinations`: then it stays so until its end.
    """
    found = read_destinations([name])[name]
    return not found or compute_destinations_tag(found) == shown


class StoredServer:
    """The present server, a new_destinations.Server. Each query is made once, when it is needed."""

    def read_secrets(self) -> Mapping[str, SecretState]:
        """Return the live secrets by their uuids, without reading a value."""
        return self._secrets

    def read_valued_secrets(self) -> set[str]:
        """Return the uuids of all secrets that have a value, deleted ones too."""
        return {uuid for uuid, *_, has_value in self._rows if has_value}

    def read_connections(self) -> Sequence[SecretUser]:
        """Return every live connection that uses a secret, by name."""
        return self._connections

    def read_flows(self) -> Sequence[SecretUser]:
        """Return every live flow that uses a secret, by name."""
        return self._flows

    @cached_property
    def _secrets(self) -> Mapping[str, SecretState]:
        return {
            uuid: SecretState(name=name, has_value=has_value)
            for uuid, name, is_deleted, has_value in self._rows
            if not is_deleted
        }

    @cached_property
    def _rows(self) -> Sequence[tuple[str, str, bool, bool]]:
        has_value = Q(dev_value__isnull=False) | Q(prod_value__isnull=False)
        rows = Secret.objects.annotate(valued=has_value).order_by()
        return [
            (str(uuid), *row)
            for uuid, *row in rows.values_list("uuid", "name", "is_deleted", "valued")
        ]

    @cached_property
    def _connections(self) -> Sequence[SecretUser]:
        return list(_read_users(Kind.CONNECTION))

    @cached_property
    def _flows(self) -> Sequence[SecretUser]:
        return list(_read_users(Kind.FLOW))


def _read_users(kind: Kind) -> Iterator[SecretUser]:
    for _, uuid, content in read_contents(kind, CONDITIONS[kind]()):
        if uses := find_secret_uses(kind, uuid, content):
            yield SecretUser(kind=kind, uuid=uuid, name=str(content["name"]), uses=uses)


def _read_users_of(names: Collection[str], used: UsedSecrets | None) -> Iterator[SecretUser]:
    """Yield each live connection, then each live flow, that uses one of these secrets."""
    wanted = {*names, EVERY}
    rows = used.find_rows(names) if used else {}
    for kind, may_use in CONDITIONS.items() if names else ():
        pks = rows.get(kind)
        is_short = pks is not None and len(pks) <= _MOST_ASKED_FOR
        condition = Q(pk__in=pks) if is_short else may_use()
        for _, uuid, content in read_contents(kind, condition):
            # To find destinations takes longer than to find names.
            if not wanted.isdisjoint(find_used_names(kind, content)):
                uses = find_secret_uses(kind, uuid, content)
                yield SecretUser(kind=kind, uuid=uuid, name=str(content["name"]), uses=uses)


def _make_user_change(write: Write) -> UserChange:
    before, after = (
        find_secret_uses(write.kind, write.uuid, content) if content else frozenset()
        for content in (write.before, write.after)
    )
    name = str((write.after or write.before or {}).get("name", ""))
    return UserChange(
        kind=write.kind,
        uuid=write.uuid,
        name=name,
        before=before,
        after=after,
        is_new=write.before is None,
    )


def _make_secret_change(write: Write) -> SecretChange:
    return SecretChange(
        uuid=write.uuid,
        before=_make_state(write.before, has_value=write.has_value),
        after=_make_state(write.after, has_value=write.has_value),
    )


def _make_state(content: Content | None, *, has_value: bool) -> SecretState | None:
    return SecretState(name=str(content["name"]), has_value=has_value) if content else None
