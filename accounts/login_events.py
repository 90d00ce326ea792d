"""Log who logged in and out, by whatever door."""

from typing import Any

from django.contrib.auth import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from flows.security_events import SecurityEvent, log_security_event
from flows.web.throttling import get_address


@receiver(user_logged_in)
def log_login(request: HttpRequest | None, user: User, **_: Any) -> None:
    """Log that the user logged in."""
    # A program may log somebody in without a request that came from anywhere.
    address = get_address(request) if request and "REMOTE_ADDR" in request.META else None
    log_security_event(SecurityEvent.LOGIN_SUCCEEDED, account=user.pk, address=address)


@receiver(user_logged_out)
def log_logout(user: User | None, **_: Any) -> None:
    """Log that the user logged out, if somebody was logged in."""
    if user:
        log_security_event(SecurityEvent.LOGGED_OUT, account=user.pk)
