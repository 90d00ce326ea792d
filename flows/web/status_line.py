"""Middleware: the words in the first line of an answer are those that its body quotes."""

from collections.abc import Callable
from contextlib import suppress

from django.http import HttpRequest, HttpResponse

from flows.status_phrases import get_status_phrase


def set_reason_phrase(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give every answer the phrase of its status. Outside all middleware that answers itself."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        with suppress(ValueError):  # a status that Python does not know keeps Django's phrase
            response.reason_phrase = get_status_phrase(response.status_code)
        return response

    return middleware
