"""What a change makes of secrets and their users, and a new destination that it makes. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from flows.content.fields import Kind
from flows.destinations.destinations import NO_USES, SecretUse

SECRET_TO_NEW_DESTINATION = "secret-to-new-destination"  # noqa: S105 - a code
CODE_USES_SECRET = "code-uses-secret"  # noqa: S105 - a code
DESTINATION_CODES = (SECRET_TO_NEW_DESTINATION, CODE_USES_SECRET)
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
    """Where it is sent now: by that user, in the same environments or else in any, or if that
    sends it nowhere, by the others."""
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
