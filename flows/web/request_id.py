"""One id for each request: in its answer, in the body of its errors and in the log's lines.

Whoever sees an error can name it, and whoever reads the log finds it. A caller, or a proxy in
front, may give the id; what is no plain word is not taken, so that it can break neither a header
nor a line.
"""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"

_PLAIN = re.compile(r"[A-Za-z0-9._:=+/-]{1,128}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one, as in a command."""
    return _current.get()


def with_request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, the outermost: every answer has the id of its request."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        token = _current.set(given if _PLAIN.fullmatch(given) else str(uuid4()))
        try:
            response = get_response(request)
            response.headers[HEADER] = request_id()
            return response
        finally:
            _current.reset(token)

    return middleware


class RequestIdFilter(logging.Filter):
    """Gives each line of the log the id of its request, in brackets, where there is one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = f"[{request_id()}] " if request_id() else ""
        return True
