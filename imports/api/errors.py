"""The API's answers to the errors of imports and undos, and of their database."""

import logging
from http import HTTPStatus

from django.db import DatabaseError
from rest_framework.response import Response

from flows.database.statement_timeout import is_statement_timeout
from flows.rest.endpoint.errors import make_error_body
from imports.database.errors import DatabaseFailed, format_for_log, make_failure
from imports.errors import UnableToImport

logger = logging.getLogger(__name__)

# Codes of failed imports whose messages reveal nothing internal; others are only logged.
_TELLING_CODES = ("outcome-unknown", "database-error", "wrong-encryption-key")


def answer_refusal(error: Exception) -> Response | None:
    """Return the response to an error of this family, or of the database; None for any other."""
    if isinstance(error, UnableToImport):
        return _answer(error)
    if not isinstance(error, DatabaseError) or is_statement_timeout(error):
        return None
    if failure := make_failure(error):
        logger.error("The database failed a request: %s", format_for_log(error))
        return _answer(failure)
    return None


def _answer(error: UnableToImport) -> Response:
    message = error.message
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s", error, exc_info=error)
        if not isinstance(error, DatabaseFailed) and error.code not in _TELLING_CODES:
            message = "The server could not do it, and nothing was changed. Its log says more."
    body = make_error_body(error.status, code=error.code, message=message, issues=error.issues)
    response = Response(body, status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
