"""The page that says that the server has a wrong key, where a secret was to be stored with it."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from flows.encryption import WrongKeyError

logger = logging.getLogger(__name__)


class WrongKeyMiddleware:
    """Answers 503, with what to do, where a page raised WrongKeyError. Nothing was written."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The page; None, and so Django's way, for every other error."""
        if not isinstance(error, WrongKeyError):
            return None
        logger.error("%s", error)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        page = TemplateResponse(request, "wrong_key.html", {"error": error}, status=status)
        return page.render()
