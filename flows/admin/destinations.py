"""A destination of a secret, for pages."""

from dataclasses import dataclass

from flows.secrets.stored_destinations import (
    SecretDestination,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationOrigin:
    """What last wrote the user of a secret: a text, and the address of its page."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationLine:
    """A destination of a secret, as a page shows it."""

    destination: SecretDestination
    may_view: bool
    """Whether the user may see the flow or connection that sends it."""
    written_by: DestinationOrigin | None = None
