"""Authenticate callers of the API by their bearer token alone; cookies are ignored."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.tokens import find
from flows.security_events import SecurityEvent, log_security_event
from flows.web.throttling import (
    Limit,
    TooManyAttempts,
    TooManyAttemptsError,
    get_address,
    take,
)

CHALLENGE = "Bearer"
"""The WWW-Authenticate header of every 401."""


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`.

    Replaces django-rest-knox's class, which answers 500 to a header that is not UTF-8, reads all
    tokens of the user and deletes expired ones at each request. This is one query.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = get_authorization_header(request).strip().partition(b" ")
        if scheme.lower() != CHALLENGE.lower().encode() or not token:
            return None
        stored = find_or_refuse(request, token.strip().decode(errors="replace"))
        return stored.user, stored

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def find_or_refuse(request: Request, token: str) -> ApiToken:
    """Return the stored row of a valid token.

    Raises AuthenticationFailed, or Throttled after too many wrong ones from one address. A valid
    token is never throttled.
    """
    if stored := find(token):
        return stored
    address = get_address(request)
    try:
        take([Limit("bad-token", address, what="wrong tokens")])
    except TooManyAttemptsError as error:
        log_security_event(SecurityEvent.TOKEN_THROTTLED, address=address)
        raise TooManyAttempts(error) from None
    log_security_event(SecurityEvent.TOKEN_REFUSED, address=address)
    raise AuthenticationFailed
