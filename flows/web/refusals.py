"""Middleware: an answer of 403 is a security event, whichever view refused."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from flows.security_events import SecurityEvent, log_security_event, note_security_events
from flows.web.own_pages import is_own_page
from flows.web.request_id import find_user_number
from flows.web.routes import get_route_name

_TOLD = {
    SecurityEvent.PERMISSION_REFUSED,
    SecurityEvent.RETARGET_REFUSED,
    SecurityEvent.FORM_REFUSED,
    SecurityEvent.METRICS_REFUSED,
}


View = Callable[[HttpRequest], HttpResponse]


def log_refusals(get_response: View) -> View:
    """Log each 403 of the API, and of the pages of the apps in the admin."""
    return make_refusal_log(get_response, is_concerned=is_own_page)


def make_refusal_log(get_response: View, *, is_concerned: Callable[[HttpRequest], bool]) -> View:
    """Return the middleware that logs a 403 of such requests, unless what refused has logged more.

    The event is permission-refused.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        with note_security_events() as events:
            response = get_response(request)
        if (
            response.status_code == HTTPStatus.FORBIDDEN
            and not _TOLD.intersection(events)
            and is_concerned(request)
        ):
            log_security_event(
                SecurityEvent.PERMISSION_REFUSED,
                account=find_user_number(request),
                method=request.method,
                route=get_route_name(request.resolver_match),
            )
        return response

    return middleware
