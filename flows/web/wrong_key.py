"""The page for a server with a wrong key, before anything is written with it."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from flows.encryption import WrongKeyError
from flows.secrets.checks import check_keys_before_write
from flows.web.api_paths import is_of_api
from flows.web.own_pages import is_own_page
from flows.wrong_settings import refuse_wrong_settings

logger = logging.getLogger(__name__)


class WrongKeyMiddleware:
    """Answers 503, with what to do, to requests that would write while the server has a wrong key.

    The API has its own answer. With wrong values in ZIGGY it raises ImproperlyConfigured when it is
    made, so that no server starts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        # Commands run the checks, which a server such as gunicorn does not.
        refuse_wrong_settings()
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def is_concerned(self, request: HttpRequest) -> bool:
        """Return whether the request is one of the apps: they alone write what is encrypted."""
        return is_own_page(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Answer with the page where a request that may write finds a wrong key."""
        if is_of_api(request) or not self.is_concerned(request):
            return None
        try:
            check_keys_before_write(str(request.method))
        except WrongKeyError as error:
            return self.process_exception(request, error)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a WrongKeyError with the page; return None for every other error."""
        if not isinstance(error, WrongKeyError):
            return None
        logger.error("%s", error)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        page = TemplateResponse(request, "flows/wrong_key.html", {"error": error}, status=status)
        return page.render()
