"""The tokens that give access to the API, of whatever app issues them.

A restored database has tokens that were revoked since its backup was made: the app that issues
tokens registers itself here, so that a restore can revoke them again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The numbers of revoked tokens: keys for automation, and logins."""

    keys: int = 0
    logins: int = 0

    def __add__(self, other: "Revoked") -> "Revoked":
        return Revoked(keys=self.keys + other.keys, logins=self.logins + other.logins)


class TokenIssuer(Protocol):
    """An app, or a module of it, that issues tokens. It works on the current database."""

    def read_valid_digests(self) -> frozenset[str]:
        """Return the digests of all valid tokens."""

    def revoke_all_but(self, digests: Collection[str]) -> Revoked:
        """Revoke every token that is not among these. A database may lack the table of tokens."""


_issuers: dict[str, TokenIssuer] = {}


def register_issuer(issuer: TokenIssuer, *, name: str) -> None:
    """Register an app that issues tokens, when Django starts; a restore shows its name."""
    _issuers[name] = issuer


def list_issuers() -> tuple[str, ...]:
    """Return the names of the registered issuers."""
    return tuple(_issuers)


def read_valid_digests() -> frozenset[str]:
    """Return the digests of all valid tokens of the current database."""
    return frozenset[str]().union(*(issuer.read_valid_digests() for issuer in _issuers.values()))


def revoke_all_but(digests: Collection[str]) -> Revoked:
    """Revoke every token of the current database that is not among these."""
    return sum((issuer.revoke_all_but(digests) for issuer in _issuers.values()), Revoked())
