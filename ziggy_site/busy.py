"""The page that says that the database is being written by somebody else, instead of a failure.

SQLite has one writer at a time: what is saved while a large import is written waits, for as long as
the database's `timeout` says, and then has to be told. PostgreSQL waits for rows alone.
"""

import sqlite3
from collections.abc import Callable
from http import HTTPStatus

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from imports.errors import RETRY_AFTER
from imports.records import running_import
from ziggy_site.api import is_of_api

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's, where somebody set a lock_timeout


class BusyMiddleware:
    """Answers 503 where a page could not get the lock that it needs. The API has its own answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if is_of_api(request) or not is_busy(error):
            return None
        context = {"running": running_import(), "may_go_back": request.method == "POST"}
        page = render(request, "busy.html", context, status=HTTPStatus.SERVICE_UNAVAILABLE)
        page.headers["Retry-After"] = str(RETRY_AFTER)
        return page


def is_busy(error: Exception) -> bool:
    """Whether the database refused because somebody else holds a lock."""
    cause = error.__cause__
    if not isinstance(error, OperationalError):
        return False
    if isinstance(cause, sqlite3.Error):
        return cause.sqlite_errorcode & 0xFF in _BUSY
    return getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE
