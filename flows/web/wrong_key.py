"""The pages for a server with a wrong key, before anything is written, and for damaged data."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from flows.documents.packing import DamagedDocumentError
from flows.encryption import WrongKeyError
from flows.secrets.checks import check_keys_before_write
from flows.web.api_paths import is_of_api
from flows.web.own_pages import is_own_page
from flows.wrong_settings import refuse_wrong_settings

logger = logging.getLogger(__name__)


class WrongKeyMiddleware:
    """Answers 503, with what to do, to requests that would write while the server has a wrong key.

    Of a document that turns out to be damaged it answers 500. The API has its own answers. With
    wrong values in ZIGGY it raises ImproperlyConfigured when it is made, so that no server starts.
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
        """Answer these two errors with their pages; return None for every other error."""
        for kind, (template, status) in _PAGES.items():
            if isinstance(error, kind):
                logger.error("%s", error)
                return TemplateResponse(request, template, {"error": error}, status=status).render()
        return None


_PAGES: Mapping[type[Exception], tuple[str, HTTPStatus]] = {
    WrongKeyError: ("flows/wrong_key.html", HTTPStatus.SERVICE_UNAVAILABLE),
    DamagedDocumentError: ("flows/damaged_document.html", HTTPStatus.INTERNAL_SERVER_ERROR),
}
