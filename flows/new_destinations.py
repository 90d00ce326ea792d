"""Which pairs of a secret and a destination exist after a change that did not exist before? Pure.

One function answers for every change, however many rows it writes and whatever makes it. A pair is
a row of a secret with where it is sent, so that a renamed, restored or newly named secret makes
pairs as a changed host does. Since pairs are a function of the state, no sequence of writes that
each make none can make one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from flows.content import Kind
from flows.destinations import NO_USES, Destination, SecretUse
from flows.secret_uses import EVERY

SECRET_TO_NEW_DESTINATION = "secret-to-new-destination"  # noqa: S105 - a code
CODE_USES_SECRET = "code-uses-secret"  # noqa: S105 - a code

RowKey = tuple[Kind, str]
"""A row by its kind and its uuid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A live flow or connection with what it does with secrets."""

    kind: Kind
    uuid: str
    name: str
    uses: frozenset[SecretUse]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What a change makes of a flow or a connection; without uses where it is not live."""

    kind: Kind
    uuid: str
    name: str
    before: frozenset[SecretUse] = NO_USES
    after: frozenset[SecretUse] = NO_USES


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """A live secret."""

    name: str
    has_value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretChange:
    """What a change makes of a secret; None where it is not live.

    A value that somebody gives is none that is stored: it does not count as one before or after.
    """

    uuid: str
    before: SecretState | None = None
    after: SecretState | None = None


class Server(Protocol):
    """What is asked of the server as it is before the change, as far as it is needed."""

    def secrets(self) -> Mapping[str, SecretState]:
        """The live secrets by their uuids."""

    def valued_secrets(self) -> Collection[str]:
        """The uuids of all secrets that have a value, deleted ones too."""

    def connections(self) -> Iterable[User]:
        """Every live connection that uses a secret."""

    def flows_with_secrets(self) -> Iterable[User]:
        """Every live flow that uses a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDestination:
    """A secret, or all secrets, of a user that would be sent where they are not sent now."""

    secret: str
    """The name after the change, or EVERY."""
    secret_uuid: str
    """Empty for EVERY."""
    names: tuple[str, ...]
    """Of the secrets that it stands for, those with a value first."""
    has_value: bool
    kind: Kind
    """Of the user that sends it."""
    uuid: str
    name: str
    environments: tuple[str, ...]
    """Of a connection: in which of them. Empty for a flow."""
    old: tuple[str, ...]
    """Where it is sent now: by that user, or if that sends it nowhere, by the others."""
    new: str
    changed: tuple[str, ...] = ()
    """The keys that differ, where the user sent it to another destination before."""

    @property
    def code(self) -> str:
        """What programs know it by."""
        is_flow = self.kind is Kind.FLOW
        return CODE_USES_SECRET if is_flow else SECRET_TO_NEW_DESTINATION

    @property
    def key(self) -> tuple[str, ...]:
        """What tells two apart: not by which row, which may be a copy that is drawn anew."""
        return (
            *(self.code, self.secret, self.secret_uuid, str(self.has_value)),
            *(self.new, *self.environments),
        )

    @property
    def needs_right(self) -> bool:
        """Whether a stored value would be sent by a connection, which needs a right."""
        return self.has_value and self.kind is not Kind.FLOW


def find_new_destinations(
    users: Sequence[UserChange], secrets: Sequence[SecretChange], server: Server
) -> dict[RowKey, list[NewDestination]]:
    """The new pairs, by the row of the change that makes each: the user, else the secret."""
    given = [change for change in secrets if change.after and change.after != change.before]
    relevant = [change for change in users if given or not change.after <= change.before]
    if not any(change.after for change in relevant) and not given:
        return {}
    states = _States.of(server.secrets(), secrets)
    changes = [*relevant, *_unchanged_users(users, given, server)]
    found = [(change, pairs) for change in changes if (pairs := states.new_pairs(change))]
    if not found:
        return {}
    sent = _sent_now(found, states, server)
    own = {(change.kind, change.uuid) for change in users}
    results: dict[RowKey, list[NewDestination]] = defaultdict(list)
    for change, pairs in found:
        key = change.kind, change.uuid
        for new in _grouped(change, pairs - states.known(sent), states, sent):
            by = key if key in own else (Kind.SECRET, new.secret_uuid or given[0].uuid)
            results[by].append(new)
    return dict(results)


class _Pair(NamedTuple):
    """A secret, by its uuid, and where it is sent."""

    secret: str
    environment: str
    destination: Destination


class _States:
    """The live secrets before and after the change, and the pairs that uses make of them."""

    def __init__(self, before: Mapping[str, SecretState], after: Mapping[str, SecretState]) -> None:
        self.before = before
        self.after = after
        self._before_names = {state.name: uuid for uuid, state in before.items()}
        self._after_names = {state.name: uuid for uuid, state in after.items()}

    @classmethod
    def of(cls, now: Mapping[str, SecretState], changes: Sequence[SecretChange]) -> "_States":
        """From the secrets as they are, and what becomes of some."""
        before, after = dict(now), dict(now)
        for change in changes:
            for states, state in ((before, change.before), (after, change.after)):
                states.pop(change.uuid, None)
                if state:
                    states[change.uuid] = state
        return cls(before, after)

    def pairs_before(self, uses: Iterable[SecretUse]) -> set[_Pair]:
        """The pairs that the uses make before the change."""
        return set(_pairs(uses, self._before_names, self.before))

    def pairs_after(self, uses: Iterable[SecretUse]) -> set[_Pair]:
        """The pairs that the uses make after it."""
        return set(_pairs(uses, self._after_names, self.after))

    def known(self, pairs: set[_Pair]) -> set[_Pair]:
        """Those of the pairs before the change that say that one after it is not new.

        One without a value does not, where the secret then has one.
        """
        return {
            pair
            for pair in pairs
            if self.before[pair.secret].has_value
            or pair.secret not in self.after
            or not self.after[pair.secret].has_value
        }

    def new_pairs(self, change: UserChange) -> set[_Pair]:
        """The pairs that the user makes after the change and did not make before."""
        return self.pairs_after(change.after) - self.known(self.pairs_before(change.before))


def _pairs(
    uses: Iterable[SecretUse], names: Mapping[str, str], states: Mapping[str, SecretState]
) -> Iterator[_Pair]:
    for use in uses:
        if use.secret == EVERY:
            for uuid in states:
                yield _Pair(uuid, use.environment, use.destination)
        elif (found := names.get(use.secret)) is not None:
            yield _Pair(found, use.environment, use.destination)


def _unchanged_users(
    users: Sequence[UserChange], given: Sequence[SecretChange], server: Server
) -> Iterator[UserChange]:
    """Who else uses a secret with a value that gets another name, or that comes back."""
    names = {change.after.name for change in given if change.after and change.after.has_value}
    if not names:
        return
    changed = {(change.kind, change.uuid) for change in users}
    for read in (server.connections, server.flows_with_secrets):
        for user in read():
            uses = frozenset(use for use in user.uses if use.secret == EVERY or use.secret in names)
            if uses and (user.kind, user.uuid) not in changed:
                yield UserChange(
                    kind=user.kind, uuid=user.uuid, name=user.name, before=uses, after=uses
                )


def _sent_now(
    found: Sequence[tuple[UserChange, set[_Pair]]], states: _States, server: Server
) -> set[_Pair]:
    """The pairs that any connection makes before the change, of the secrets that were found."""
    wanted = {
        pair.secret for change, pairs in found if change.kind is not Kind.FLOW for pair in pairs
    }
    if not wanted:
        return set()
    return {
        pair
        for user in server.connections()
        for pair in states.pairs_before(user.uses)
        if pair.secret in wanted
    }


def _grouped(
    change: UserChange, pairs: set[_Pair], states: _States, sent: set[_Pair]
) -> Iterator[NewDestination]:
    """The pairs that one user makes, both environments as one, and all secrets of EVERY as one."""
    every = {(use.environment, use.destination) for use in change.after if use.secret == EVERY}
    groups: dict[tuple[str, Destination], list[_Pair]] = defaultdict(list)
    for pair in pairs:
        secret = EVERY if (pair.environment, pair.destination) in every else pair.secret
        groups[secret, pair.destination].append(pair)
    before = states.pairs_before(change.before)
    named = [_new_destination(change, *key, group, states) for key, group in groups.items()]
    for new, (key, group) in zip(named, groups.items(), strict=True):
        secrets = {pair.secret for pair in group}
        own = [pair for pair in before if pair.secret in secrets]
        others = [pair for pair in sent if pair.secret in secrets]
        yield replace(
            new,
            old=tuple(sorted({pair.destination.label for pair in own or others})),
            changed=_changed_keys(key[1], own),
        )


def _new_destination(
    change: UserChange,
    secret: str,
    destination: Destination,
    group: Sequence[_Pair],
    states: _States,
) -> NewDestination:
    uuid = "" if secret == EVERY else secret
    secrets = [states.after[each] for each in {pair.secret for pair in group}]
    secrets.sort(key=lambda state: (not state.has_value, state.name))
    return NewDestination(
        secret=states.after[uuid].name if uuid else EVERY,
        secret_uuid=uuid,
        names=tuple(state.name for state in secrets),
        has_value=any(state.has_value for state in secrets),
        kind=change.kind,
        uuid=change.uuid,
        name=change.name,
        environments=tuple(sorted({pair.environment for pair in group} - {""})),
        old=(),
        new=destination.label,
    )


def _changed_keys(destination: Destination, before: Sequence[_Pair]) -> tuple[str, ...]:
    """The settings that differ from where the user sent it before, where the hosts do not."""
    same = [pair.destination for pair in before if pair.destination.label == destination.label]
    return tuple(sorted({key for old in same for key, _ in old.parts ^ destination.parts}))
