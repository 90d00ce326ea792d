"""Middleware: a body must come with its Content-Length, at every door of the site.

Django takes a body without one for an empty body: what its sender said in it, such as that a run is
to be a dry one, would not be heard. Servers that read chunks tell of them by Transfer-Encoding;
over HTTP/2 a body may come with neither header.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

LENGTH_REQUIRED = "Send the body with its Content-Length, and not in chunks."


def require_length(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse with 411 every request whose body has no length."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if _has_body_without_length(request):
            return HttpResponse(
                f"{LENGTH_REQUIRED}\n",
                status=HTTPStatus.LENGTH_REQUIRED,
                content_type="text/plain; charset=utf-8",
            )
        return get_response(request)

    return middleware


def _has_body_without_length(request: HttpRequest) -> bool:
    if "HTTP_TRANSFER_ENCODING" in request.META:
        return True
    if length := request.META.get("CONTENT_LENGTH"):
        return not length.isdecimal()
    if isinstance(request, ASGIRequest):  # which has read the body already
        return bool(request.read(1))
    # A server that does not say so would wait for bytes that do not come.
    ends = request.META.get("wsgi.input_terminated")
    return bool(ends and request.META["wsgi.input"].read(1))
