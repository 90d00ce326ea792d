"""What the endpoints of exports share: their rights, their answers, and what documents these."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.rest.requests.warnings import HEADER as WARNINGS_HEADER
from flows.web.api_paths import make_api_address
from imports.api.checks import NothingThere, get_caller, require_permissions
from imports.api.prefer import RESPOND_ASYNC
from imports.api.records import POLL_SECONDS
from imports.api.shapes.answers import DIRECTORY
from imports.api.shapes.exports import IN_GZIP, BackgroundExportSerializer
from imports.errors import Issue
from imports.exporting.choice import ExportChoice
from imports.exporting.directory_files import make_directory_id
from imports.exporting.directory_zip import make_directory_response
from imports.exporting.downloads import make_export_response
from imports.exporting.selection import UnknownFlowsError
from imports.jobs.exports.asking import NEEDED_RIGHTS, queue_export
from imports.models import BackgroundExport

_MOST_ISSUES = 1000
MAY_EXPORT = require_permissions(*NEEDED_RIGHTS)
_EXPORT = OpenApiResponse(
    OpenApiTypes.OBJECT,
    description="The export file.",
    examples=[
        OpenApiExample(
            "An empty one",
            {
                "formatVersion": 1,
                "exportedAt": None,
                "exportedFrom": "production",
                "flows": [],
                "connections": [],
                "secrets": [],
            },
        )
    ],
)
DOCUMENT = {
    (200, "application/json"): _EXPORT,
    (200, "application/gzip"): OpenApiTypes.BINARY,
    (200, "application/zip"): OpenApiTypes.BINARY,
}
BEYOND_LIMITS = (
    "The codes of the limits of an import that the export is beyond, by the settings of this "
    "server: `larger-than-import`, `more-items-than-import`. Export in parts then, or raise "
    "ZIGGY_MAX_IMPORT_BYTES on the target."
)
WRONG_PARAMETER = OpenApiResponse(description="A parameter is neither true nor false.")
STATISTICS = {
    "flows": 1,
    "connections": 1,
    "secrets": 2,
    "size": 20480,
    "sha256": "4ab006ca1d302fd4f3e484db5105ad26278b1c1c914b596a7b47a8a5e0cfe606",
    "warnings": [],
}
WAITING = {
    "id": 7,
    "status": "queued",
    "askedAt": "2026-03-16T17:10:06.000Z",
    "startedAt": None,
    "finishedAt": None,
    "expiresAt": "2026-03-17T17:10:06.000Z",
    "progress": {"done": 0, "total": 0, "bytes": 0},
    "statistics": None,
    "file": None,
    "code": "",
    "message": "",
}
QUEUED_EXPORT = OpenApiResponse(
    BackgroundExportSerializer,
    description="With `Prefer: respond-async`, where this server has workers: the export is "
    "queued. `Location` says how far it is, and where its file is.",
    examples=[OpenApiExample("Queued", WAITING)],
)


def answer_export_later(
    request: Request, choice: ExportChoice, query: Mapping[str, Any] | None = None
) -> Response:
    """Return 202 with the export that is left to a worker; `query` is that of its file."""
    form = _find_form(query or {})
    try:
        export = queue_export(get_caller(request), choice, form=form)
    except UnknownFlowsError as error:
        raise make_unknown_flows_error(error) from None
    return Response(
        make_export_data(request, export),
        status=HTTPStatus.ACCEPTED,
        headers={
            "Location": make_api_address(request, "background-export", export.pk),
            "Retry-After": str(POLL_SECONDS),
            "Preference-Applied": RESPOND_ASYNC,
        },
    )


def make_export_data(request: Request, export: BackgroundExport) -> dict[str, Any]:
    """Return what the API says of an export in the background."""
    return dict(BackgroundExportSerializer(export, context={"request": request}).data)


def answer_file(
    packed: bytes, size: int, *, choice: str, query: Mapping[str, Any], limit_codes: Sequence[str]
) -> HttpResponseBase:
    """Return the file of a packed export, in the form that the query asks for."""
    response: HttpResponseBase
    if query["format"] == DIRECTORY:
        response = make_directory_response(packed, directory_id=make_directory_id(choice))
    else:
        response = make_export_response(packed, size, in_gzip=query["gzip"])
    for name, value in make_warning_header(limit_codes).items():
        response[name] = value
    return response


def make_warning_header(limit_codes: Sequence[str]) -> dict[str, str]:
    """Return the header that names the limits, if there is any."""
    return {WARNINGS_HEADER: ", ".join(limit_codes)} if limit_codes else {}


def make_unknown_flows_error(error: UnknownFlowsError) -> NothingThere:
    """Return the refusal that names the flows."""
    more = len(error.uuids) - 1
    also = f" ({more} more)" if more else ""
    return NothingThere(
        "unknown-flows",
        f"No flow on this server has the uuid {error.uuids[0]}{also}.",
        [
            Issue(code="unknown-flow", message="No flow on this server has this uuid.", uuid=uuid)
            for uuid in error.uuids[:_MOST_ISSUES]
        ],
    )


def _find_form(query: Mapping[str, Any]) -> str:
    if query.get("format") == DIRECTORY:
        return DIRECTORY
    return IN_GZIP if query.get("gzip") else ""
