"""The form of the API's errors.

An error is `{message, code, issues, requestId}` with its status, whatever its cause.
`answer_error` maps what a view raises, and the renderer adds the requestId; the middleware maps
what reached no view and unforeseen errors. Neither shows stacks, queries, paths or hosts.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from flows.counting import format_problems
from flows.database.statement_timeout import is_statement_timeout
from flows.documents.packing import DamagedDocumentError
from flows.encryption import WrongKeyError
from flows.rest.endpoint.parser import NotStrictJSON
from flows.rest.endpoint.renderer import ApiRenderer
from flows.rest.requests.refusals import Problem, Refused
from flows.status_phrases import get_status_phrase, make_status_code
from flows.texts import make_json_path, make_printable
from flows.web.body_length import LENGTH_REQUIRED
from flows.web.statement_timeout import log_timeout

logger = logging.getLogger(__name__)

Answer = Callable[[Exception], Response | None]
"""Returns the response to an error of one family; None for every other error."""


class TellsProblem(Protocol):
    """One problem of a request."""

    def as_dict(self) -> Any:
        """Return it under the keys of an error's issues."""


_BEARER = "Log in, and send the token as Authorization: Bearer TOKEN."
_LOG_IN = "Log in first."
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
DATABASE_AWAY = (OperationalError, InterfaceError)
"""What Django raises where the database does not answer, and may do so in a moment."""
RETRY_AFTER = 5
"""Seconds after which a request is worth another try that the database did not answer."""
# Exceptions of Django's, whose texts are only logged. The first match counts.
_DJANGO_ERRORS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    *((kind, HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable") for kind in DATABASE_AWAY),
    (RequestDataTooBig, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"),
    (SuspiciousOperation, HTTPStatus.BAD_REQUEST, "bad-request"),
    (Http404, HTTPStatus.NOT_FOUND, "not-found"),
    (PermissionDenied, HTTPStatus.FORBIDDEN, "permission-denied"),
)
_answers: list[Answer] = []


def register_answer(answer: Answer) -> None:
    """Register what answers an app's own family of errors, when Django starts."""
    _answers.append(answer)


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to what a view raised; None for the rest, which Django makes a 500."""
    if request := context.get("request"):  # an error is JSON, whatever the view's format
        request.accepted_renderer, request.accepted_media_type = ApiRenderer(), "application/json"
    if isinstance(error, Refused):
        return Response(error.as_dict(), status=error.status)
    for answer in _answers:
        if response := answer(error):
            return response
    if is_statement_timeout(error):
        return _answer_timeout(context["request"])
    if isinstance(error, WrongKeyError):
        return Response(make_wrong_key_body(error), status=HTTPStatus.SERVICE_UNAVAILABLE)
    if response := _answer_django_error(error):
        return response
    response = exception_handler(error, context)  # it sets the headers
    if response is not None and isinstance(error, exceptions.APIException):
        response.data = _make_body(error, response.headers.get("WWW-Authenticate", ""))
    return response


def make_error_body(
    status: HTTPStatus, *, code: str = "", message: str = "", issues: Sequence[TellsProblem] = ()
) -> dict[str, Any]:
    """Return the body of a response; an empty code or message is replaced by the status's own."""
    is_failure = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    default = _FAILED if is_failure else f"{get_status_phrase(status)}."
    return {
        "message": message or _MESSAGES.get(status, default),
        "code": code or make_status_code(status),
        "issues": [issue.as_dict() for issue in issues],
    }


def make_wrong_key_body(error: WrongKeyError) -> dict[str, Any]:
    """Log the error; return the body of the response to it."""
    logger.error("%s", error)
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return make_error_body(status, code="wrong-encryption-key", message=str(error))


def _answer_django_error(error: Exception) -> Response | None:
    if isinstance(error, DamagedDocumentError):
        logger.error("%s", error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        body = make_error_body(status, code=error.code, message=str(error))
        return Response(body, status=status)
    if isinstance(error, DATABASE_AWAY):
        logger.error("The database does not answer", exc_info=error)
    for kind, status, code in _DJANGO_ERRORS:
        if isinstance(error, kind):
            response = Response(make_error_body(status, code=code), status=status)
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                response.headers["Retry-After"] = str(RETRY_AFTER)
            return response
    return None


def _answer_timeout(request: Request) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    body = make_error_body(status, code="statement-timeout", message=_TIMED_OUT)
    response = Response(body, status=status)
    log_timeout(request._request, response)
    return response


def _make_body(error: exceptions.APIException, challenge: str) -> dict[str, Any]:
    status = HTTPStatus(error.status_code)
    # One body for every fault of a token; subclasses have messages of their own.
    if type(error) in {exceptions.NotAuthenticated, exceptions.AuthenticationFailed}:
        message = _BEARER if challenge.startswith("Bearer") else _LOG_IN
        return make_error_body(status, code="not-authenticated", message=message)
    if isinstance(error, NotStrictJSON):
        problems = [error.problem]
    elif isinstance(error, exceptions.ValidationError):
        problems = list(find_problems(error.detail))
    else:
        code, message = str(error.get_codes()), make_printable(str(error.detail))
        return make_error_body(status, code=code.replace("_", "-"), message=message)
    code = problems[0].code if isinstance(error, NotStrictJSON) else "invalid"
    return make_error_body(status, code=code, message=format_problems(problems), issues=problems)


def find_problems(detail: Any, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield every problem that a serializer found, with its path."""
    if isinstance(detail, dict):
        for key, each in detail.items():
            yield from find_problems(each, path if key == "non_field_errors" else (*path, key))
    elif isinstance(detail, list) and all(isinstance(each, dict | list) for each in detail):
        for index, each in enumerate(detail):
            yield from find_problems(each, (*path, index))
    else:
        for each in detail if isinstance(detail, list) else [detail]:
            code = str(getattr(each, "code", "invalid")).replace("_", "-")
            yield Problem(code=code, message=make_printable(str(each)), path=make_json_path(*path))
