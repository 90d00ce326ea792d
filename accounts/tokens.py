"""Tokens: issued, found, exchanged. A token in clear is seen once, by who it is issued to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts.models import ApiToken, User

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """How many tokens ended: keys for automation, and logins."""

    keys: int = 0
    logins: int = 0


class TooManyKeysError(Exception):
    """The user has as many keys as one may have."""


def issue_login_token(user: User) -> str:
    """A token for some hours. Beyond the most that one may have, the oldest login ends."""
    with transaction.atomic():
        _lock_and_tidy(user)
        logins = ApiToken.objects.filter(user=user, name="").order_by("-created")
        surplus = logins[settings.ZIGGY_TOKENS_PER_USER - 1 :].values_list("pk", flat=True)
        ApiToken.objects.filter(pk__in=list(surplus)).delete()
        return _issue(ApiToken(user=user, expiry=_end_of_login()))


def check_room_for_key(user: User) -> None:
    """Raises TooManyKeysError. For use in a transaction, until whose end the answer holds."""
    _lock_and_tidy(user)
    keys = ApiToken.objects.filter(user=user).exclude(name="")
    if keys.count() >= settings.ZIGGY_TOKENS_PER_USER:
        raise TooManyKeysError


def issue_key(key: ApiToken) -> str:
    """Store a key that has its user, name and expiry. Raises TooManyKeysError."""
    with transaction.atomic():
        check_room_for_key(key.user)
        return _issue(key)


def find(token: str) -> ApiToken | None:
    """The stored row of a token that is good now, with its user."""
    stored = ApiToken.objects.select_related("user").filter(digest=hash_token(token)).first()
    return stored if stored and stored.is_good() else None


def exchange(stored: ApiToken) -> str | None:
    """A new token for the same purpose; the old one is gone. None where it was gone already.

    A login lasts its hours from now; a key keeps the end that was set when it was issued.
    """
    expiry = stored.expiry if stored.name else _end_of_login()
    with transaction.atomic():
        if not revoke(stored):
            return None
        # Bound to the same password: should that have changed a moment ago, this is no good either.
        return _issue(ApiToken(user=stored.user, name=stored.name, expiry=expiry))


def revoke(stored: ApiToken) -> bool:
    """Whether this call ended the token: of several at once, one does."""
    return bool(ApiToken.objects.filter(pk=stored.pk).delete()[0])


def valid_digests() -> frozenset[str]:
    """The digests of all tokens of the current database that are good now."""
    stored = ApiToken.objects.select_related("user")
    return frozenset(token.digest for token in stored.iterator() if token.is_good())


def revoke_all_but(digests: Collection[str]) -> Revoked:
    """Revoke every token of the current database that is not among these."""
    # These columns alone: the database may be of an earlier version.
    revoked = [
        (digest, name)
        for digest, name in ApiToken.objects.values_list("digest", "name")
        if digest not in digests
    ]
    for start in range(0, len(revoked), _BATCH):
        batch = [digest for digest, _ in revoked[start : start + _BATCH]]
        ApiToken.objects.filter(digest__in=batch).delete()
    keys = sum(1 for _, name in revoked if name)
    return Revoked(keys=keys, logins=len(revoked) - keys)


def _end_of_login() -> datetime:
    return timezone.now() + timedelta(hours=settings.ZIGGY_TOKEN_HOURS)


def _lock_and_tidy(user: User) -> None:
    """Count the user's tokens one call at a time; those that are no good do not count."""
    stored = User.objects.select_for_update().get(pk=user.pk)
    ApiToken.objects.filter(user=user).filter(
        Q(expiry__lte=timezone.now()) | ~Q(password_stamp=stored.password_stamp)
    ).delete()


def _issue(stored: ApiToken) -> str:
    stored.digest, token = get_digest_token()
    stored.token_key = token[: CONSTANTS.TOKEN_KEY_LENGTH]
    stored.password_stamp = stored.user.password_stamp
    stored.save(force_insert=True)
    return str(token)
