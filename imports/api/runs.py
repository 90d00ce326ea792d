"""What the endpoints of an import and an undo share: their answer, and what documents it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.rest.requests.idempotency import HEADER
from flows.web.api_paths import make_api_address
from imports.api.checks import get_caller
from imports.models import ImportRecord
from imports.permissions import check_done
from imports.report import make_record_data
from imports.runs.idempotency import AlreadyDone, read_key

EXAMPLE_UUID = "c4492541-118e-4e23-9450-f2d28204ebee"
EXAMPLE_REQUEST_ID = "5b0a3a0e-8a55-4a0b-9a6f-4f3a0a5f0c11"
_EXAMPLE_NAME = "SMS Test"

MAY_NOT = OpenApiResponse(description="The user may not do this, or not all of it.")
NO_BACKUP = OpenApiResponse(description="The database could not be backed up, or is away.")


def list_example_answers(result: str) -> list[OpenApiExample]:
    """Return the examples of a run that is done, and of its plan, with one item of this result."""
    return [
        _make_example_answer("Done", result, HTTPStatus.CREATED),
        _make_example_answer("Dry run", result, HTTPStatus.OK),
    ]


def _make_example_answer(name: str, result: str, status: HTTPStatus) -> OpenApiExample:
    item = {
        "uuid": EXAMPLE_UUID,
        "name": _EXAMPLE_NAME,
        "result": result,
        "matchMethod": "uuid",
        "isProcessed": status is HTTPStatus.CREATED,
    }
    value = {"flowsProcessed": [item], "connectionsProcessed": [], "secretsProcessed": []}
    return OpenApiExample(name, value, response_only=True, status_codes=[str(status.value)])


def make_example_refusal(
    name: str, code: str, why: str, *, path: str = "", issue_code: str = ""
) -> OpenApiExample:
    """Return the example of a run that is refused because of one item."""
    issue = {
        "code": issue_code or code,
        "path": path,
        "uuid": EXAMPLE_UUID,
        "name": _EXAMPLE_NAME,
        "message": why,
    }
    value = {
        "message": f"{path}: {why}" if path else why,
        "code": code,
        "issues": [issue],
        "requestId": EXAMPLE_REQUEST_ID,
    }
    return OpenApiExample(name, value, response_only=True, status_codes=["422"])


def answer_run(
    request: Request, run: Callable[[str | None], tuple[ImportRecord, dict[str, Any]]]
) -> Response:
    """Return the answer of the run, or of the one that is done under the request's key.

    `run` takes that key, and returns its record and its answer.
    """
    try:
        record, data = run(read_key(request.headers.get(HEADER)))
    except AlreadyDone as earlier:
        return answer_again(request, earlier.record)
    return _answer_done(request, record, data)


def answer_again(request: Request, record: ImportRecord) -> Response:
    """Return the answer of a run that is done, made from its record."""
    check_done(get_caller(request), record)
    return _answer_done(request, record, make_record_data(record))


def _answer_done(request: Request, record: ImportRecord, data: dict[str, Any]) -> Response:
    location = make_api_address(request, "import-record", record.pk)
    return Response(data, status=HTTPStatus.CREATED, headers={"Location": location})
