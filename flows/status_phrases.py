"""The words of the HTTP statuses that are answered.

Python's own changed: 3.13 calls 413 "Content Too Large" and 422 "Unprocessable Content". Answers
quote the words and codes are made of them, so that both would change with the interpreter.
"""

from http import HTTPStatus

_PHRASES = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def get_status_phrase(status: int) -> str:
    """Return the words of a status; those of Python for one that this project does not answer."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def make_status_code(status: int) -> str:
    """Return the words of a status as the code of an error, such as `not-found`."""
    return get_status_phrase(status).lower().replace(" ", "-")
