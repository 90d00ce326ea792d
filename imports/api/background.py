"""Runs that are left to a worker: `Prefer: respond-async` (RFC 7240), and calling one off."""

from collections.abc import Callable
from http import HTTPStatus

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.rest.bodies.schema import answer_header
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.declared_names import DeclaredNames
from flows.rest.requests.idempotency import HEADER, answer_once
from flows.web.api_paths import make_api_address
from imports.api.checks import get_caller, require_permissions
from imports.api.prefer import RESPOND_ASYNC
from imports.api.records import EXAMPLE_RECORD, POLL_SECONDS, find_record
from imports.api.runs import MAY_NOT, answer_again
from imports.api.shapes.record import RecordSerializer
from imports.jobs.cancelling import cancel_run
from imports.models import ImportRecord, Status
from imports.permissions import VIEW_RECORDS
from imports.runs.idempotency import AlreadyDone, read_key

_WAITING = {
    **EXAMPLE_RECORD,
    "queuedAt": EXAMPLE_RECORD["startedAt"],
    "finishedAt": None,
    "seconds": None,
    "counts": {},
}
_CALLED_OFF = {
    **_WAITING,
    "status": "cancelled",
    "finishedAt": EXAMPLE_RECORD["finishedAt"],
    "seconds": EXAMPLE_RECORD["seconds"],
    "code": "cancelled",
    "message": "It was cancelled before its write began.",
}
QUEUED = OpenApiResponse(
    RecordSerializer,
    description="With `Prefer: respond-async`, where this server has workers: the run is queued. "
    "`Location` is its record, which says how far it is, and how it ended.",
    examples=[OpenApiExample("Queued", {**_WAITING, "status": "queued"})],
)
_CANCEL = """
A run that waits for a worker is never begun; one that a worker has stops before it writes anything,
and its record says so a moment later. What has begun to write is not stopped: 409 `too-late`. Who
may undo imports can undo it when it is done. Whoever asked for the run may call it off, and whoever
may undo imports.
"""


def answer_queued(request: Request, ask: Callable[[str | None], ImportRecord]) -> Response:
    """Return 202 with the record of the run that `ask` queues, given the request's key.

    The answer to one that is done under the key is that of the run, as it is without a queue.
    """
    try:
        record = ask(read_key(request.headers.get(HEADER)))
    except AlreadyDone as earlier:
        return answer_again(request, earlier.record)
    headers = {"Preference-Applied": RESPOND_ASYNC}
    return _answer_accepted(request, record, headers=headers)


def _answer_accepted(
    request: Request, record: ImportRecord, *, headers: dict[str, str] | None = None
) -> Response:
    location = make_api_address(request, "import-record", record.pk)
    return Response(
        _make_data(request, record),
        status=HTTPStatus.ACCEPTED,
        headers={"Location": location, "Retry-After": str(POLL_SECONDS), **(headers or {})},
    )


def _make_data(request: Request, record: ImportRecord) -> dict[str, object]:
    found = find_record(record.pk)
    return dict(RecordSerializer(found, context={"user": get_caller(request)}).data)


class CancelImport(DeclaredNames, ApiView):
    permission_classes = require_permissions(VIEW_RECORDS)

    @extend_schema(
        operation_id="cancel_import",
        summary="Call off a run before it writes",
        description=_CANCEL,
        request=None,
        parameters=[
            answer_header("Location", "The record of the run.", status=HTTPStatus.ACCEPTED),
            answer_header(
                "Retry-After",
                "Seconds after which to look at the record again.",
                status=HTTPStatus.ACCEPTED,
            ),
        ],
        responses={
            200: OpenApiResponse(
                RecordSerializer,
                description="It is called off.",
                examples=[OpenApiExample("Called off", _CALLED_OFF)],
            ),
            202: OpenApiResponse(
                RecordSerializer,
                description="A worker has it, and stops before it writes.",
                examples=[OpenApiExample("Stops", {**_WAITING, "status": "running"})],
            ),
            403: MAY_NOT,
            404: OpenApiResponse(description="There is no such record."),
            409: OpenApiResponse(
                description="It has begun to write, or has ended (`too-late`), or no worker was "
                "to carry it out (`not-in-background`)."
            ),
        },
    )
    @answer_once()
    def post(self, request: Request, pk: int) -> Response:
        record = cancel_run(get_caller(request), pk)
        if record.status == Status.RUNNING:
            return _answer_accepted(request, record)
        return Response(_make_data(request, record))
