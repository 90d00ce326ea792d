"""Changes of secrets and their users, and the new destinations that they make. Pure."""

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
class SecretUser:
    """A live flow or connection with the secrets that it uses."""

    kind: Kind
    uuid: str
    name: str
    uses: frozenset[SecretUse]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """A flow or a connection before and after a change; without uses where it is not live."""

    kind: Kind
    uuid: str
    name: str
    before: frozenset[SecretUse] = NO_USES
    after: frozenset[SecretUse] = NO_USES
    is_new: bool = False
    """Whether there is no live row before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """A live secret."""

    name: str
    has_value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretChange:
    """A secret before and after a change; None where it is not live.

    A value that is given by the change is not a stored one: it counts neither before nor after.
    """

    uuid: str
    before: SecretState | None = None
    after: SecretState | None = None


class Server(Protocol):
    """The server before the change; each part is read only when it is needed."""

    def read_secrets(self) -> Mapping[str, SecretState]:
        """Return the live secrets by their uuids."""

    def read_valued_secrets(self) -> Collection[str]:
        """Return the uuids of all secrets that have a value, deleted ones too."""

    def read_connections(self) -> Iterable[SecretUser]:
        """Return every live connection that uses a secret."""

    def read_flows(self) -> Iterable[SecretUser]:
        """Return every live flow that uses a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDestination:
    """A stored value, or all of them, that a user would send where it is not sent now."""

    secret: str
    """The name after the change, or EVERY."""
    secret_uuid: str
    """Empty for EVERY."""
    names: tuple[str, ...]
    """The names of the secrets that it includes, those with a value first."""
    kind: Kind
    """The kind of the user that sends it."""
    uuid: str
    name: str
    environments: tuple[str, ...]
    """The environments of a connection that send it; empty for a flow."""
    old: tuple[str, ...]
    """Where it is sent now: by that user, in the same environments or else in any; if that user
    sends it nowhere, by the others.
    """
    new: str

    @property
    def code(self) -> str:
        """Return the code of its warning, for programs."""
        is_flow = self.kind is Kind.FLOW
        return CODE_USES_SECRET if is_flow else SECRET_TO_NEW_DESTINATION

    @property
    def key(self) -> tuple[str, ...]:
        """Return what identifies it; not the row, which may be a copy that gets a new uuid."""
        return (
            *(self.code, self.secret, self.secret_uuid),
            *(self.new, *self.environments),
        )

    @property
    def needs_right(self) -> bool:
        """Return whether a connection would send a stored value, which needs a right."""
        return self.kind is not Kind.FLOW
