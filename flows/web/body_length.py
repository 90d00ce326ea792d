"""Middleware: a body must have a Content-Length, on every path of the site.

Django takes a body without one for an empty body and would ignore its content, such as `dryRun`.
Servers that read chunks pass on Transfer-Encoding; over HTTP/2 a body may have neither header.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse

LENGTH_REQUIRED = "Send the body with its Content-Length, and not in chunks."
_LENGTH_WRONG = "The Content-Length is not a number of bytes."


def require_length(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse with 411 every request whose body has no length, with 400 where that is no number."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if _has_body_without_length(request):
            return _make_refusal(HTTPStatus.LENGTH_REQUIRED, LENGTH_REQUIRED)
        if not str(request.META.get("CONTENT_LENGTH") or 0).isdecimal():
            return _make_refusal(HTTPStatus.BAD_REQUEST, _LENGTH_WRONG)
        return get_response(request)

    return middleware


def _make_refusal(status: HTTPStatus, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


def _has_body_without_length(request: HttpRequest) -> bool:
    if "HTTP_TRANSFER_ENCODING" in request.META:
        return True
    if request.META.get("CONTENT_LENGTH"):
        return False
    if isinstance(request, ASGIRequest):  # it has read the body already
        return bool(request.read(1))
    # A server that does not mark it would wait for bytes that are never sent.
    ends = request.META.get("wsgi.input_terminated")
    return bool(ends and request.META["wsgi.input"].read(1))
