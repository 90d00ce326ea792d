"""Middleware: the database ends a request's statement that takes too long; the answer is a 503."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.log import log_response

from flows.conf import ziggy
from flows.database.statement_timeout import is_statement_timeout, limit_statements
from flows.web.own_pages import is_own_page

logger = logging.getLogger(__name__)


class StatementTimeoutMiddleware:
    """Limits each statement of a request; answers 503, with what to do, where one took too long.

    A request that holds the import's lock is not limited. The API's views answer by their own
    exception handler, in JSON.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self.is_concerned(request):
            return self.get_response(request)
        with limit_statements(ziggy.STATEMENT_TIMEOUT):
            return self.get_response(request)

    def is_concerned(self, request: HttpRequest) -> bool:
        """Return whether the request is one of the apps: other pages of a project have no limit."""
        return is_own_page(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_statement_timeout(error) or not self.is_concerned(request):
            return None
        response = render(
            request,
            "flows/statement_timeout.html",
            {
                "title": "This took too long",
                "site_header": admin.site.site_header,
                "site_title": admin.site.site_title,
                "seconds": ziggy.STATEMENT_TIMEOUT,
            },
            status=HTTPStatus.SERVICE_UNAVAILABLE,
        )
        log_timeout(request, response)
        return response


def log_timeout(request: HttpRequest, response: Any) -> None:
    """Log the request of the time-out, instead of Django's own line for the answer."""
    log_response(
        "A statement was ended after %s s: %s %s",
        ziggy.STATEMENT_TIMEOUT,
        request.method,
        request.path,
        response=response,
        request=request,
        logger=logger,
        level="warning",
    )
