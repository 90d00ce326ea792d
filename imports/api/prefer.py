"""How long a caller waits for the import lock: `Prefer: wait=60` (RFC 7240)."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from flows.conf import ziggy
from flows.rest.bodies.schema import answer_header
from flows.rest.endpoint.view import ApiView

_PIECE = re.compile(r"\"[^\"]*\"?|[^\",]+|,")  # a comma in quotes separates nothing


def read_preferred_wait(header: str) -> int | None:
    """Return the seconds of the header's `wait`, at most ZIGGY_MOST_LOCK_WAIT; None without one.

    An unreadable value is ignored, and of two the first counts, as in RFC 7240.
    """
    for preference in _split_preferences(header):
        # Parameters after a semicolon are ignored.
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() != "wait":
            continue
        value = value.strip().strip('"')
        if not (value.isascii() and value.isdecimal()):
            return None
        # The number may have any length; these digits already exceed every limit.
        return min(int(value[:9]), ziggy.MOST_LOCK_WAIT)
    return None


def _split_preferences(header: str) -> Iterator[str]:
    """Yield the parts of the header between commas."""
    pieces: list[str] = []
    for piece in _PIECE.findall(header):
        if piece == ",":
            yield "".join(pieces)
            pieces = []
        else:
            pieces.append(piece)
    yield "".join(pieces)


PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`wait=60`: wait so many seconds for a run that holds the lock (RFC 7240), as many "
    "as the server allows. After that the answer is 409, with `Retry-After`.",
)
PREFERENCE_APPLIED = OpenApiParameter(
    "Preference-Applied",
    str,
    OpenApiParameter.HEADER,
    description="How long the server would have waited, where `Prefer` has a `wait`.",
    response=True,
)


def make_run_parameters(run: str) -> list[OpenApiParameter]:
    """Return the headers of an endpoint that makes a run, for its documentation."""
    record = answer_header("Location", f"The record of the {run}.", status=HTTPStatus.CREATED)
    return [PREFER, PREFERENCE_APPLIED, record]


class WaitsForLock(ApiView):
    """An endpoint that takes the import lock; the caller may set how long it waits for it."""

    def read_lock_wait(self, request: Request) -> int | None:
        """Return the seconds to wait; None for the server's own. The answer repeats them."""
        self._applied_wait = read_preferred_wait(request.headers.get("Prefer", ""))
        return self._applied_wait

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if (wait := getattr(self, "_applied_wait", None)) is not None:
            answer.headers["Preference-Applied"] = f"wait={wait}"
        return answer
