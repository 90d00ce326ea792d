"""Find the pairs of a secret and a destination that exist only after a change. Pure.

One function serves every change, however many rows it writes and whatever makes it. A pair is a
row of a secret and where it is sent, so a renamed, restored or newly named secret makes pairs as a
changed host does. Pairs are a function of the state, so a sequence of writes that each make no new
pair makes none.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flows.content.fields import Kind
from flows.destinations.changes import (
    NewDestination,
    RowKey,
    SecretChange,
    SecretState,
    Server,
    UserChange,
)
from flows.destinations.destinations import Destination, SecretUse
from flows.destinations.uses import EVERY

# The most that a warning keeps: a file can name any number.
_MOST_NAMES = 100
_MOST_LABELS = 5


def find_new_destinations(
    users: Sequence[UserChange], secrets: Sequence[SecretChange], server: Server
) -> dict[RowKey, list[NewDestination]]:
    """Return the new pairs, by the row of the change that makes each: the user, else the secret.

    A new flow makes none: to use secrets is what it comes for.
    """
    given = [change for change in secrets if change.after and change.after != change.before]
    users = [change for change in users if change.kind is not Kind.FLOW or not change.is_new]
    relevant = [change for change in users if given or not change.after <= change.before]
    if not any(change.after for change in relevant) and not given:
        return {}
    states = _States(server.read_secrets(), secrets)
    changes = [*relevant, *_find_unchanged_users(users, given, server)]
    found = [(change, pairs) for change in changes if (pairs := states.find_new_pairs(change))]
    if not found:
        return {}
    present = _PresentDestinations(found, states, server)
    own = {(change.kind, change.uuid) for change in users}
    results: dict[RowKey, list[NewDestination]] = defaultdict(list)
    for change, pairs in found:
        key = change.kind, change.uuid
        for new in _group_pairs(
            change, states.find_unknown_pairs(present.pairs, pairs), states, present
        ):
            by = key if key in own else (Kind.SECRET, new.secret_uuid or given[0].uuid)
            results[by].append(new)
    return dict(results)


class _Pair(NamedTuple):
    """A secret, by its uuid or EVERY, and where it is sent."""

    secret: str
    environment: str
    destination: Destination


class _States:
    """The live secrets before and after the change, and the pairs that uses make of them.

    A use of EVERY secret makes one pair, however many there are.
    """

    def __init__(self, now: Mapping[str, SecretState], changes: Sequence[SecretChange]) -> None:
        self.before, self.after = dict(now), dict(now)
        for change in changes:
            for states, state in ((self.before, change.before), (self.after, change.after)):
                states.pop(change.uuid, None)
                if state:
                    states[change.uuid] = state
        self._before_names = _group_by_name(self.before)
        self._after_names = _group_by_name(self.after)
        self.every = _sort_names(self.after.values())
        """The names of all secrets, those with a value first, and whether one has a value."""
        self.gained = _sort_names(
            state
            for uuid, state in self.after.items()
            if state.has_value and not self._had_value(uuid)
        )
        """The same for the secrets that the change brings back."""

    def find_pairs_before(self, uses: Iterable[SecretUse]) -> set[_Pair]:
        """Return the pairs that the uses make before the change."""
        return set(_make_pairs(uses, self._before_names))

    def find_new_pairs(self, change: UserChange) -> set[_Pair]:
        """Return the pairs that the user makes after the change and did not make before."""
        before = self.find_pairs_before(change.before)
        return self.find_unknown_pairs(before, set(_make_pairs(change.after, self._after_names)))

    def find_unknown_pairs(self, before: set[_Pair], pairs: set[_Pair]) -> set[_Pair]:
        """Return those pairs after the change that those before it do not include."""
        return {pair for pair in pairs if not self._is_known(pair, before)}

    def _is_known(self, pair: _Pair, before: set[_Pair]) -> bool:
        if pair.secret == EVERY:
            return not self.every.has_value or (pair in before and not self.gained.has_value)
        if not self.after[pair.secret].has_value:
            return True  # nothing is sent; whoever gives it a value sees where that goes
        return (pair in before or pair._replace(secret=EVERY) in before) and (
            self._had_value(pair.secret)
        )

    def _had_value(self, uuid: str) -> bool:
        before = self.before.get(uuid)
        return before is not None and before.has_value


@dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[str, ...]
    has_value: bool


def _sort_names(states: Iterable[SecretState]) -> _Names:
    ordered = sorted(states, key=lambda state: (not state.has_value, state.name))
    return _Names(
        tuple(state.name for state in ordered[:_MOST_NAMES]),
        any(state.has_value for state in ordered[:1]),
    )


def _group_by_name(states: Mapping[str, SecretState]) -> Mapping[str, Sequence[str]]:
    """Return the uuids by name; several where it is unknown which of the secrets gets the name."""
    uuids: dict[str, list[str]] = {}
    for uuid, state in states.items():
        uuids.setdefault(state.name, []).append(uuid)
    return uuids


def _make_pairs(uses: Iterable[SecretUse], names: Mapping[str, Sequence[str]]) -> Iterator[_Pair]:
    for use in uses:
        for uuid in [EVERY] if use.secret == EVERY else names.get(use.secret, ()):
            yield _Pair(uuid, use.environment, use.destination)


def _find_unchanged_users(
    users: Sequence[UserChange], given: Sequence[SecretChange], server: Server
) -> Iterator[UserChange]:
    """Yield the other users of a secret with a value that is renamed or restored."""
    names = {change.after.name for change in given if change.after and change.after.has_value}
    if not names:
        return
    changed = {(change.kind, change.uuid) for change in users}
    for read in (server.read_connections, server.read_flows):
        for user in read():
            uses = frozenset(use for use in user.uses if use.secret == EVERY or use.secret in names)
            if uses and (user.kind, user.uuid) not in changed:
                yield UserChange(
                    kind=user.kind, uuid=user.uuid, name=user.name, before=uses, after=uses
                )


class _PresentDestinations:
    """Where connections send, before the change, the secrets of the new pairs."""

    def __init__(
        self,
        found: Sequence[tuple[UserChange, set[_Pair]]],
        states: _States,
        server: Server,
    ) -> None:
        wanted = {
            pair.secret for change, pairs in found if change.kind is not Kind.FLOW for pair in pairs
        }
        self.pairs: set[_Pair] = set()
        for user in server.read_connections() if wanted else ():
            made = states.find_pairs_before(user.uses)
            self.pairs |= {
                pair for pair in made if {pair.secret, EVERY} & wanted or pair.secret == EVERY
            }
        labels: dict[str, set[str]] = defaultdict(set)
        for pair in self.pairs:
            labels[pair.secret].add(pair.destination.label)
        self._labels = {secret: _cut_labels(each) for secret, each in labels.items()}
        self._all = _cut_labels(pair.destination.label for pair in self.pairs)

    def find_labels(self, secret: str) -> tuple[str, ...]:
        """Return where the secret is sent; for EVERY, where any is."""
        return self._all if secret == EVERY else self._labels.get(secret, ())


def _cut_labels(labels: Iterable[str]) -> tuple[str, ...]:
    ordered = sorted(set(labels))
    more = len(ordered) - _MOST_LABELS
    return (*ordered[:_MOST_LABELS], *([f"{more} more"] if more > 0 else []))


def _group_pairs(
    change: UserChange, pairs: set[_Pair], states: _States, present: _PresentDestinations
) -> Iterator[NewDestination]:
    """Yield one user's pairs, both environments as one; only EVERY's where there is one."""
    every = {pair[1:] for pair in pairs if pair.secret == EVERY}
    groups: dict[tuple[str, Destination], set[str]] = defaultdict(set)
    for pair in pairs:
        if pair.secret == EVERY or pair[1:] not in every:
            groups[pair.secret, pair.destination].add(pair.environment)
    before = states.find_pairs_before(change.before)
    for (secret, destination), environments in groups.items():
        own = [pair for pair in before if secret in (EVERY, pair.secret)]
        is_known = any(old.destination == destination for old in own)
        names = states.gained if is_known and secret == EVERY else states.every
        if secret != EVERY:
            names = _sort_names([states.after[secret]])
        yield NewDestination(
            secret=secret if secret == EVERY else states.after[secret].name,
            secret_uuid="" if secret == EVERY else secret,
            names=names.names,
            kind=change.kind,
            uuid=change.uuid,
            name=change.name,
            environments=tuple(sorted(environments - {""})),
            old=_find_old_labels(own, environments) or present.find_labels(secret),
            new=destination.label,
        )


def _find_old_labels(own: Sequence[_Pair], environments: set[str]) -> tuple[str, ...]:
    """Return where the user sends it now: in these environments, or else in any."""
    same = [old for old in own if old.environment in environments]
    return _cut_labels(old.destination.label for old in same or own)
