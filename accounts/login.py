"""The login of the API and the admin: by name or e-mail address, and throttled."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.backends import ModelBackend
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts.hashing import hold_place_for_hash
from accounts.models import User
from flows.security_events import SecurityEvent, log_security_event
from flows.web.throttling import (
    Limit,
    TooManyAttemptsError,
    get_address,
    give_back,
    take,
    take_delayed,
)


class NameOrEmailBackend(ModelBackend):
    """Django's backend, which takes an e-mail address as well as a user name."""

    @sensitive_variables("password")
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        user = _find(username)
        if user is None:
            # As much work as for an existing user, so that the time does not show the difference.
            User().set_password(password)
            return None
        if user.check_password(password) and self.user_can_authenticate(user):
            return user
        return None


def _find(name: str) -> User | None:
    """Return a user by the exact name, or else by the e-mail address, whatever its case."""
    # Lower case is made by the database, as in the constraint that keeps addresses unique.
    is_email = Q(folded_email=Lower(Value(name))) & ~Q(email="")
    found = User.objects.alias(folded_email=Lower("email")).filter(Q(username=name) | is_email)
    return min(found, key=lambda user: user.username != name, default=None)


@sensitive_variables("password")
def log_in(request: HttpRequest, *, username: str, password: str) -> User | None:
    """Return the user; None for a wrong name, a wrong password or a user who is not active.

    Raises TooManyHashesError while too many log in at once, and then looks nothing up.
    Raises TooManyAttemptsError after too many wrong ones by one name from one address, or from one
    address. Too many by one name from any addresses refuse nobody: each further attempt waits for
    some seconds, so that nobody can lock a user out from elsewhere.

    A name counts as it was typed. Counting a user's name and e-mail address as one would show that
    both are the same user's.
    """
    with hold_place_for_hash():
        return _log_in_counted(request, username, password)


@sensitive_variables("password")
def _log_in_counted(request: HttpRequest, username: str, password: str) -> User | None:
    address, name = get_address(request), username.casefold()
    limits = [Limit("login-address", address), Limit("login", f"{address} {name}")]
    by_name = Limit("login-name", name)
    try:
        _take(limits, by_name, address)
    except TooManyAttemptsError:
        log_security_event(SecurityEvent.LOGIN_THROTTLED, address=address)
        raise
    user = authenticate(request, username=username, password=password)
    if user is None:
        # The name is not logged: people type passwords there.
        known = _find(username)
        log_security_event(
            SecurityEvent.LOGIN_FAILED, account=known.pk if known else None, address=address
        )
        return None
    give_back([*limits, by_name])
    assert isinstance(user, User)  # noqa: S101 - the only backend gives no other
    return user


def _take(limits: list[Limit], by_name: Limit, address: str) -> None:
    take(limits)
    try:
        take_delayed(by_name, by=address)
    except TooManyAttemptsError:
        give_back(limits)
        raise
