"""What all API endpoints share: the form of errors, and the check of the encryption keys.

An error is `{message, code, issues, requestId}` with its status, whatever its cause.
`exception_handler` maps what a view raises, and the renderer adds the requestId; `ApiMiddleware`
maps what reached no view and unforeseen errors. Neither shows stacks, queries, paths or hosts.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler

from flows.counting import format_others
from flows.database.statement_timeout import is_statement_timeout
from flows.encryption import WrongKeyError
from flows.rest.requests.refusals import Refused
from flows.secrets.checks import check_keys_before_write
from flows.status_phrases import get_status_phrase, make_status_code
from flows.web.api_paths import is_of_api
from flows.web.body_length import LENGTH_REQUIRED
from flows.web.request_id import get_request_id
from flows.web.statement_timeout import log_timeout
from imports.api.parsers import NotStrictJSON
from imports.api.renderers import ApiRenderer
from imports.database.errors import DatabaseFailed, format_for_log, make_failure
from imports.errors import RETRY_AFTER, Issue, UnableToImport, make_json_path, make_printable

logger = logging.getLogger(__name__)


_NOT_AUTHENTICATED = "Log in, and send the token as Authorization: Bearer TOKEN."
# By status, in place of Django's own texts: they quote nothing of the request or the server.
_MESSAGES = {
    HTTPStatus.BAD_REQUEST: "The request is malformed.",
    HTTPStatus.FORBIDDEN: "You may not do this.",
    HTTPStatus.NOT_FOUND: "There is nothing here.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The method is not allowed here.",
    HTTPStatus.LENGTH_REQUIRED: LENGTH_REQUIRED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database does not answer. Try again later.",
}
_TIMED_OUT = (
    "The database took too long for this and was stopped. Nothing was changed. Ask for less at "
    "once: by a filter, a longer search, or a smaller page."
)
_FAILED = "The server failed. Its log says more."
_LOGINS = "/api/auth/"
# Exceptions of Django's, whose texts are only logged. The first match counts.
_DJANGO_ERRORS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (OperationalError, HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable"),
    (InterfaceError, HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable"),
    (RequestDataTooBig, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"),
    (SuspiciousOperation, HTTPStatus.BAD_REQUEST, "bad-request"),
    (Http404, HTTPStatus.NOT_FOUND, "not-found"),
    (PermissionDenied, HTTPStatus.FORBIDDEN, "permission-denied"),
)
# Codes of failed imports whose messages reveal nothing internal; others are only logged.
_TELLING_CODES = ("outcome-unknown", "database-error", "wrong-encryption-key")


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to what a view raised; None for the rest, which Django makes a 500."""
    if request := context.get("request"):  # an error is JSON, whatever the view's format
        request.accepted_renderer, request.accepted_media_type = ApiRenderer(), "application/json"
    if isinstance(error, Refused):
        return Response(error.as_dict(), status=error.status)
    if isinstance(error, UnableToImport):
        return _answer_refusal(error)
    if answer := _answer_server_failure(error, context):
        return answer
    for kind, status, code in _DJANGO_ERRORS:
        if isinstance(error, kind):
            answer = _answer(status, code=code)
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                answer.headers["Retry-After"] = str(RETRY_AFTER)
            return answer
    response = default_handler(error, context)  # it sets the headers
    if response is not None and isinstance(error, exceptions.APIException):
        response.data = _make_body(error)
    return response


def _answer_server_failure(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to a failure of the database or its keys that has a code, or None."""
    if is_statement_timeout(error):
        return _answer_timeout(context["request"])
    if isinstance(error, DatabaseError) and (failure := make_failure(error)):
        logger.error("The database failed a request: %s", format_for_log(error))
        return _answer_refusal(failure)
    if isinstance(error, WrongKeyError):
        return Response(_make_wrong_key_body(error), status=HTTPStatus.SERVICE_UNAVAILABLE)
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database does not answer", exc_info=error)
    return None


def make_error_body(
    status: HTTPStatus, *, code: str = "", message: str = "", issues: Sequence[Issue] = ()
) -> dict[str, Any]:
    """Return the body of a response; an empty code or message is replaced by the status's own."""
    is_failure = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    default = _FAILED if is_failure else f"{get_status_phrase(status)}."
    return {
        "message": message or _MESSAGES.get(status, default),
        "code": code or make_status_code(status),
        "issues": [issue.as_dict() for issue in issues],
    }


def _make_wrong_key_body(error: WrongKeyError) -> dict[str, Any]:
    """Log the error; return the body of the response to it."""
    logger.error("%s", error)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return make_error_body(status, code="wrong-encryption-key", message=str(error))


def _answer(status: HTTPStatus, **parts: Any) -> Response:
    return Response(make_error_body(status, **parts), status=status)


def _answer_refusal(error: UnableToImport) -> Response:
    message = error.message
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s", error, exc_info=error)
        if not isinstance(error, DatabaseFailed) and error.code not in _TELLING_CODES:
            message = "The server could not do it, and nothing was changed. Its log says more."
    answer = _answer(error.status, code=error.code, message=message, issues=error.issues)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _answer_timeout(request: Request) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response = _answer(status, code="statement-timeout", message=_TIMED_OUT)
    log_timeout(request._request, response)
    return response


def _make_body(error: exceptions.APIException) -> dict[str, Any]:
    status = HTTPStatus(error.status_code)
    # One body for every fault of a token; subclasses have messages of their own.
    if type(error) in {exceptions.NotAuthenticated, exceptions.AuthenticationFailed}:
        return make_error_body(status, code="not-authenticated", message=_NOT_AUTHENTICATED)
    if isinstance(error, NotStrictJSON):
        issues = [error.issue]
    elif isinstance(error, exceptions.ValidationError):
        issues = list(_find_issues(error.detail))
    else:
        code, message = str(error.get_codes()), make_printable(str(error.detail))
        return make_error_body(status, code=code.replace("_", "-"), message=message)
    first = issues[0]
    place = f"{first.path}: " if first.path else ""
    code = first.code if isinstance(error, NotStrictJSON) else "invalid"
    message = f"{place}{first.message}{format_others(issues)}"
    return make_error_body(status, code=code, message=message, issues=issues)


def _find_issues(detail: Any, path: tuple[str | int, ...] = ()) -> Iterator[Issue]:
    """Yield every problem that a serializer found, with its path."""
    if isinstance(detail, dict):
        for key, each in detail.items():
            yield from _find_issues(each, path if key == "non_field_errors" else (*path, key))
    elif isinstance(detail, list) and all(isinstance(each, dict | list) for each in detail):
        for index, each in enumerate(detail):
            yield from _find_issues(each, (*path, index))
    else:
        for each in detail if isinstance(detail, list) else [detail]:
            code = str(getattr(each, "code", "invalid")).replace("_", "-")
            yield Issue(code=code, message=make_printable(str(each)), path=make_json_path(*path))


class ApiMiddleware:
    """The outermost middleware of the API: every error is answered with JSON.

    So are unknown paths, refused hosts and unforeseen exceptions, for which Django has pages in
    HTML, with the stack where DEBUG is on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_of_api(request):
            return self.get_response(request)
        response = self.get_response(request)
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        if response.status_code >= HTTPStatus.BAD_REQUEST and not is_json:
            response = _convert_to_json(response)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Return the refusal of a request that may write while the server has a wrong key.

        Logins write no secrets, and are not refused.
        """
        if not is_of_api(request) or request.path_info.startswith(_LOGINS):
            return None
        try:
            check_keys_before_write(str(request.method))
        except WrongKeyError as error:
            body = {**_make_wrong_key_body(error), "requestId": get_request_id()}
            return JsonResponse(body, status=HTTPStatus.SERVICE_UNAVAILABLE)
        return None


def _convert_to_json(response: HttpResponse) -> HttpResponse:
    body = {**make_error_body(HTTPStatus(response.status_code)), "requestId": get_request_id()}
    answer = JsonResponse(body, status=response.status_code)
    for name, value in response.headers.items():
        if name != "Content-Type":
            answer.headers[name] = value
    answer.headers["Content-Length"] = str(len(answer.content))
    return answer
