"""Middleware: an answer of 403 is a security event, whichever view refused."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from flows.security_events import SecurityEvent, log_security_event, note_security_events
from flows.web.request_id import find_user_number
from flows.web.routes import get_route_name

_TOLD = {
    SecurityEvent.PERMISSION_REFUSED,
    SecurityEvent.RETARGET_REFUSED,
    SecurityEvent.FORM_REFUSED,
    SecurityEvent.METRICS_REFUSED,
}


def log_refusals(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Log each 403 as permission-refused, unless what refused has logged more than that."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with note_security_events() as events:
            response = get_response(request)
        if response.status_code == HTTPStatus.FORBIDDEN and not _TOLD.intersection(events):
            log_security_event(
                SecurityEvent.PERMISSION_REFUSED,
                account=find_user_number(request),
                method=request.method,
                route=get_route_name(request.resolver_match),
            )
        return response

    return middleware
