"""Who calls the API: the holder of a bearer token, and nobody else. Cookies say nothing."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.throttling import (
    Limit,
    TooManyAttempts,
    TooManyAttemptsError,
    address_of,
    take,
)
from accounts.tokens import find

CHALLENGE = "Bearer"
"""The WWW-Authenticate header of every 401."""


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`.

    Takes the place of django-rest-knox's class, which answers 500 to a header that is not UTF-8,
    reads all tokens of the user and deletes expired ones at each request. This is one query.
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
    """The stored row of a good token. Raises AuthenticationFailed, or Throttled after too many.

    Whoever holds a good token gets in all the same, wherever the wrong ones come from.
    """
    if stored := find(token):
        return stored
    try:
        take([Limit("bad-token", address_of(request), what="wrong tokens")])
    except TooManyAttemptsError as error:
        raise TooManyAttempts(error) from None
    raise AuthenticationFailed
