"""One id for each request: in its answer, in the body of its errors and in the lines of the log.

It connects an error that a user reports with the log. A caller, or a proxy in front, may give the
id; one that is no plain word is replaced, so that it can break neither a header nor a line.
"""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from flows.log_context import add_to_log

HEADER = "X-Request-ID"

_PLAIN = re.compile(r"[A-Za-z0-9._:=+/-]{1,128}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def get_request_id() -> str:
    """Return the id of the present request; empty outside of one, as in a command."""
    return _current.get()


def add_request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Add the request's id to every answer. The outermost middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        token = _current.set(given if _PLAIN.fullmatch(given) else str(uuid4()))
        try:
            with add_to_log(
                request_id=lambda: get_request_id() or None, user=lambda: find_user_number(request)
            ):
                response = get_response(request)
            response.headers[HEADER] = get_request_id()
            return response
        finally:
            _current.reset(token)

    return middleware


def find_user_number(request: HttpRequest) -> str | None:
    """Return the number of the request's user as a text; None for nobody, or nobody known yet.

    It asks no database: the user of a session is known once a view has asked for it.
    """
    user = request.__dict__.get("user")  # of the API, or of a login
    if user is None or isinstance(user, SimpleLazyObject):
        user = request.__dict__.get("_cached_user")  # the session's
    number = getattr(user, "pk", None)
    return None if number is None else str(number)


class RequestIdFilter(logging.Filter):
    """Adds the request's id, in brackets, to each line of the log; nothing outside of a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = f"[{get_request_id()}] " if get_request_id() else ""
        return True
