"""The pages of refusals and failures, in the looks of the admin: what to do, and whom to ask."""

import sys
from http import HTTPStatus
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.defaults import page_not_found

from flows.rest.endpoint.errors import DATABASE_AWAY, RETRY_AFTER
from flows.security_events import SecurityEvent, log_security_event
from flows.web.api_paths import is_of_api
from flows.web.request_id import get_request_id
from flows.web.routes import get_route_name
from ziggy_site.missing_rights import find_administrators, find_missing_right


def show_refusal(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 with the right that is missing, and whom it can be asked of."""
    is_known = request.user.is_authenticated
    context = {
        "exception": str(exception),
        "missing": find_missing_right(request) if is_known else None,
        "administrators": find_administrators(other_than=request.user.get_username())
        if is_known
        else [],
    }
    return render(request, "403.html", context, status=HTTPStatus.FORBIDDEN)


def show_stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's
    """Answer 403 to a form whose token is not that of the session, with the way back to its page.

    It is the view that CSRF_FAILURE_VIEW names.
    """
    match = request.resolver_match
    log_security_event(SecurityEvent.FORM_REFUSED, route=get_route_name(match))
    context = {"page": find_page_of_form(request)}
    return render(request, "403_csrf.html", context, status=HTTPStatus.FORBIDDEN)


def show_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with a page; the API gets none, and its middleware makes the answer."""
    if is_of_api(request):
        return HttpResponse(status=HTTPStatus.NOT_FOUND)
    return page_not_found(request, exception)


def show_failure(request: HttpRequest) -> HttpResponse:
    """Answer 500 with the id by which the log has the error. The database is not used.

    Where it was the database that did not answer, 503 as the API has it. The API gets no page, and
    its middleware makes the answer.
    """
    if is_of_api(request):
        return HttpResponse(status=HTTPStatus.INTERNAL_SERVER_ERROR)
    # Django calls this while it handles the error.
    if isinstance(sys.exception(), DATABASE_AWAY):
        answer = _answer_failure("503.html", HTTPStatus.SERVICE_UNAVAILABLE)
        answer.headers["Retry-After"] = str(RETRY_AFTER)
        return answer
    return _answer_failure("500.html", HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer_failure(template: str, status: HTTPStatus) -> HttpResponse:
    # Without the request: what its context reads may be what has failed.
    page = render_to_string(template, {"request_id": get_request_id()})
    return HttpResponse(page, status=status)


def find_page_of_form(request: HttpRequest) -> str:
    """Return the address of the page on which a form was sent; "" where it is not one of ours."""
    sender = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(
        sender, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    if not is_ours or not urlsplit(sender).path.startswith("/"):
        return ""
    parts = urlsplit(sender)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
