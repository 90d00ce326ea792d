"""What a caller prefers (RFC 7240): how long to wait for the import lock, or not to wait at all."""

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
from imports.api.checks import get_caller
from imports.jobs.availability import may_queue
from imports.permissions import may_see_records

RESPOND_ASYNC = "respond-async"
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


def prefers_async(request: Request) -> bool:
    """Return whether the caller asks for an answer before the run, and there are workers for it.

    Not for a caller who may not see the record, and so how the run ends.
    """
    return _names_async(request) and may_see_records(get_caller(request))


def prefers_export_later(request: Request) -> bool:
    """Return whether the caller asks for an answer before the export, and there are workers.

    A HEAD asks for nothing to be done.
    """
    return request.method != "HEAD" and _names_async(request)


def _names_async(request: Request) -> bool:
    names = (
        preference.partition(";")[0].partition("=")[0].strip().lower()
        for preference in _split_preferences(request.headers.get("Prefer", ""))
    )
    return RESPOND_ASYNC in names and may_queue()


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


_WAIT = (
    "`wait=60`: wait so many seconds for a run that holds the lock (RFC 7240), as many as the "
    "server allows. After that the answer is 409, with `Retry-After`."
)
PREFER = OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description=_WAIT)
_PREFER_OF_RUN = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description=f"{_WAIT} `respond-async`: leave the run to a worker, and answer 202. A server "
    "without workers ignores that, as it does for a caller who may not see records: the answer is "
    "not 202 then.",
)
_PREFER_OF_EXPORT = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`respond-async`: leave the export to a worker, and answer 202 (RFC 7240). A "
    "server without workers ignores that: the answer is not 202 then.",
)
PREFERENCE_APPLIED = OpenApiParameter(
    "Preference-Applied",
    str,
    OpenApiParameter.HEADER,
    description="How long the server would have waited, where `Prefer` has a `wait`; or that the "
    "run was left to a worker.",
    response=True,
)


def make_run_parameters(run: str) -> list[OpenApiParameter]:
    """Return the headers of an endpoint that makes a run, for its documentation."""
    record = answer_header("Location", f"The record of the {run}.", status=HTTPStatus.CREATED)
    record.response = [HTTPStatus.CREATED.value, HTTPStatus.ACCEPTED.value]
    polled = answer_header(
        "Retry-After",
        "Seconds after which to look at the record again.",
        status=HTTPStatus.ACCEPTED,
    )
    return [_PREFER_OF_RUN, PREFERENCE_APPLIED, record, polled]


def make_export_parameters(*, location: str = "") -> list[OpenApiParameter]:
    """Return the headers of an endpoint whose export may be left to a worker.

    `location` says what else the header Location names, of an export that is built at once.
    """
    named = f"{location} Of one that was left to a worker, where to look at it again."
    address = answer_header("Location", named.strip(), status=HTTPStatus.ACCEPTED)
    if location:
        address.response = [HTTPStatus.CREATED.value, HTTPStatus.ACCEPTED.value]
    polled = answer_header(
        "Retry-After", "Seconds after which to look at it again.", status=HTTPStatus.ACCEPTED
    )
    applied = answer_header(
        "Preference-Applied", "That it was left to a worker.", status=HTTPStatus.ACCEPTED
    )
    return [_PREFER_OF_EXPORT, address, polled, applied]


class WaitsForLock(ApiView):
    """An endpoint that takes the import lock; the caller may set how long it waits for it."""

    def read_lock_wait(self, request: Request) -> int | None:
        """Return the seconds to wait; None for the server's own. The answer repeats them."""
        self._applied_wait = read_preferred_wait(request.headers.get("Prefer", ""))
        return self._applied_wait

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if (wait := getattr(self, "_applied_wait", None)) is not None:
            answer.headers.setdefault("Preference-Applied", f"wait={wait}")
        return answer
