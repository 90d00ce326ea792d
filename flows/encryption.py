"""Encrypt secret values: sealed with the first of the configured keys, opened with any of them.

The tokens are Fernet's (AES-128-CBC with HMAC-SHA256, cryptography.io). A value is sealed in
memory as well and opened only by an explicit `reveal()`, so that no log line and no saved row
contains it in clear or encrypts it again by accident.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.core.exceptions import ImproperlyConfigured

from flows.conf import ziggy

MASK = "********"
MAKE_A_KEY = (
    "Make a key with: python -c "
    '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)

FERNET_KEYS = (
    "ENCRYPTION_KEYS in the setting ZIGGY must be a list of Fernet keys (32 bytes in URL-safe "
    "base64); where the variable ZIGGY_ENCRYPTION_KEYS fills it, commas stand between them."
)


class WrongKeyError(Exception):
    """A stored value cannot be opened with any of the configured keys."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be opened with the keys in ZIGGY_ENCRYPTION_KEYS. "
            "Put the key that it was stored with at the end of the list."
        )


class NoKeyError(WrongKeyError):
    """No key is configured."""

    def __init__(self) -> None:
        Exception.__init__(
            self,
            f"ENCRYPTION_KEYS in the setting ZIGGY is empty: no secret can be stored. {MAKE_A_KEY}",
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret value as it is stored. Its text and its repr are a mask."""

    token: str

    def reveal(self) -> str:
        """Return the value in clear. Raises WrongKeyError where no configured key opens it."""
        with _raise_wrong_key():
            return _get_keys().decrypt(self.token).decode()

    def rotate(self) -> "Sealed":
        """Return the value sealed with the current key: itself, where it is so already.

        Raises WrongKeyError as `reveal` does.
        """
        with suppress(InvalidToken, ValueError):
            Fernet(ziggy.ENCRYPTION_KEYS[0]).decrypt(self.token)
            return self
        with _raise_wrong_key():
            return Sealed(_get_keys().rotate(self.token).decode())

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


@contextmanager
def _raise_wrong_key() -> Iterator[None]:
    try:
        yield
    except (InvalidToken, ValueError):  # ValueError: characters that no token has
        raise WrongKeyError from None


def seal(value: str) -> Sealed:
    """Return the value, encrypted with the current key."""
    return Sealed(_get_keys().encrypt(value.encode()).decode())


def encrypt_bytes(data: bytes) -> bytes:
    """Return the bytes, encrypted with the current key."""
    return urlsafe_b64decode(_get_keys().encrypt(data))


def decrypt_bytes(data: bytes) -> bytes:
    """Return the bytes in clear. Raises WrongKeyError where no configured key opens them."""
    with _raise_wrong_key():
        return _get_keys().decrypt(urlsafe_b64encode(data))


def check_keys() -> None:
    """Raise ImproperlyConfigured where a configured key is not a Fernet key; not where none is."""
    with suppress(NoKeyError):
        _get_keys()


def _get_keys() -> MultiFernet:
    """Return the configured keys. Raises NoKeyError where there is none."""
    if not ziggy.ENCRYPTION_KEYS:
        raise NoKeyError
    return _make_multi_fernet(tuple(ziggy.ENCRYPTION_KEYS))


@lru_cache(maxsize=8)
def _make_multi_fernet(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ImproperlyConfigured(FERNET_KEYS) from None
