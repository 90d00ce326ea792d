"""Issue, find, exchange and revoke tokens. A token in clear is shown once, when it is issued."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.db.models import Q
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts.models import ApiToken, User
from flows.access import Revoked
from flows.conf import ziggy
from flows.security_events import SecurityEvent, log_security_event_on_commit
from flows.servers import get_current_database

_BATCH = 500
_DAYS_OFFERED = 90
_SHOWN = 12


class TooManyKeysError(ValidationError):
    """The user has the largest number of keys that one may have."""

    def __init__(self) -> None:
        super().__init__("This user has too many keys. Revoke one first.")


def issue_login_token(user: User) -> str:
    """Return a new token for ZIGGY_TOKEN_HOURS; of too many, the oldest login is deleted."""
    with transaction.atomic():
        _lock_and_tidy(user)
        logins = ApiToken.objects.filter(user=user, name="").order_by("-created")
        surplus = logins[ziggy.TOKENS_PER_USER - 1 :].values_list("pk", flat=True)
        ApiToken.objects.filter(pk__in=list(surplus)).delete()
        return _issue(ApiToken(user=user, expiry=_get_end_of_login()))


def check_room_for_key(user: User) -> None:
    """Raise TooManyKeysError where the user has no room for a key. Locks the user's row.

    Call it in a transaction: no other key is added until its end.
    """
    _lock_and_tidy(user)
    keys = ApiToken.objects.filter(user=user).exclude(name="")
    if keys.count() >= ziggy.TOKENS_PER_USER:
        raise TooManyKeysError


def get_days_offered() -> int:
    """Return for how many days a key is issued where nobody says otherwise."""
    return min(_DAYS_OFFERED, ziggy.KEY_DAYS)


def issue_key(key: ApiToken) -> str:
    """Store a key with its user, name and expiry; return its token.

    Raises TooManyKeysError, and ValidationError for a name that is too long or is not unique.
    """
    with transaction.atomic():
        check_room_for_key(key.user)
        key.full_clean(exclude=("digest", "token_key", "password_stamp"))
        token = _issue(key)
    _log_event_of(key, SecurityEvent.KEY_ISSUED)
    return token


def find(token: str) -> ApiToken | None:
    """Return the stored row of a valid token, with its user; else None."""
    stored = ApiToken.objects.select_related("user").filter(digest=hash_token(token)).first()
    return stored if stored and stored.is_good() else None


def exchange(stored: ApiToken) -> str | None:
    """Revoke the token and return a new one for the same purpose; None if it was revoked already.

    A login lasts its hours from now; a key keeps its expiry.
    """
    expiry = stored.expiry if stored.name else _get_end_of_login()
    with transaction.atomic():
        if not revoke(stored):
            return None
        # Bound to the same password: if that has just changed, this one is not valid either.
        new = ApiToken(user=stored.user, name=stored.name, expiry=expiry)
        token = _issue(new)
    if stored.name:
        _log_event_of(stored, SecurityEvent.KEY_EXCHANGED, new_key=get_shown_digest(new))
    return token


def revoke(stored: ApiToken) -> bool:
    """Return whether this call deleted the token: of several at once, one does."""
    return bool(ApiToken.objects.filter(pk=stored.pk).delete()[0])


def log_out(stored: ApiToken) -> None:
    """Revoke the token by which its user asks for that: a login ends, or a key is revoked."""
    if not revoke(stored):
        return
    if stored.name:
        log_revoked(stored)
    else:
        log_security_event_on_commit(
            SecurityEvent.LOGGED_OUT,
            using=stored._state.db or get_current_database(),
            account=stored.user.pk,
        )


def log_revoked(stored: ApiToken) -> None:
    """Log that the token was deleted, once that is committed."""
    _log_event_of(stored, SecurityEvent.KEY_REVOKED)


def _log_event_of(stored: ApiToken, event: SecurityEvent, **facts: str) -> None:
    log_security_event_on_commit(
        event,
        using=stored._state.db or get_current_database(),
        account=stored.user.pk,
        key=get_shown_digest(stored),
        **facts,
    )


def get_shown_digest(stored: ApiToken) -> str:
    """Return what a log may have of the token: the beginning of its digest."""
    return stored.digest[:_SHOWN]


def read_valid_digests() -> frozenset[str]:
    """Return the digests of all valid tokens of the current database."""
    stored = ApiToken.objects.using(get_current_database()).select_related("user")
    return frozenset(token.digest for token in stored.iterator() if token.is_good())


def revoke_all_but(digests: Collection[str]) -> Revoked:
    """Revoke every token of the current database that is not among these; none without a table."""
    if (
        ApiToken._meta.db_table
        not in connections[get_current_database()].introspection.table_names()
    ):
        return Revoked()
    # Only these columns: the database may be of an earlier version.
    tokens = ApiToken.objects.using(get_current_database())
    revoked = [
        (digest, name)
        for digest, name in tokens.values_list("digest", "name")
        if digest not in digests
    ]
    for start in range(0, len(revoked), _BATCH):
        batch = [digest for digest, _ in revoked[start : start + _BATCH]]
        tokens.filter(digest__in=batch).delete()
    keys = sum(1 for _, name in revoked if name)
    return Revoked(keys=keys, logins=len(revoked) - keys)


def _get_end_of_login() -> datetime:
    return timezone.now() + timedelta(hours=ziggy.TOKEN_HOURS)


def _lock_and_tidy(user: User) -> None:
    """Lock the user's row, so that tokens are counted one call at a time; delete invalid tokens."""
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
