"""The page for a locked database, in place of an error.

SQLite has one writer at a time: a form that is sent while a large import is written waits for the
database's `timeout`, and then gets this page. PostgreSQL waits for rows only.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from flows.web.api_paths import is_of_api
from flows.web.own_pages import is_own_page
from imports.database.errors import find_trouble
from imports.errors import RETRY_AFTER
from imports.runs.recorder import find_running_import

_LOCKED = "database-locked"


class BusyMiddleware:
    """Responds with 503 if a page could not get a lock. The API has its own response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def is_concerned(self, request: HttpRequest) -> bool:
        """Return whether the request is one of the apps: a project answers for its other pages."""
        return is_own_page(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if is_of_api(request) or not is_busy(error) or not self.is_concerned(request):
            return None
        context = {"running": find_running_import(), "may_go_back": request.method == "POST"}
        page = render(request, "imports/busy.html", context, status=HTTPStatus.SERVICE_UNAVAILABLE)
        page.headers["Retry-After"] = str(RETRY_AFTER)
        return page


class SiteBusyMiddleware(BusyMiddleware):
    """The same for every page of a site that has no others."""

    def is_concerned(self, request: HttpRequest) -> bool:
        return True


def is_busy(error: Exception) -> bool:
    """Return whether the database failed because of another process's lock."""
    trouble = find_trouble(error)
    return trouble is not None and trouble.code == _LOCKED
