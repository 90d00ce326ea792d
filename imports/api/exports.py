"""The REST API of exports: build one and fetch it, or fetch everything."""

from functools import partial
from http import HTTPStatus

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.content.fields import Kind
from flows.rest.bodies.schema import answer_header
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.idempotency import answer_once
from flows.rest.requests.warnings import HEADER as WARNINGS_HEADER
from flows.web.api_paths import make_api_address
from imports.api.checks import NothingThere, get_caller, require_permissions, validate
from imports.api.file_view import FileView
from imports.api.paging import read_query
from imports.api.shapes.answers import (
    DIRECTORY,
    CompactQuery,
    ExportQuery,
    ExportRequestSerializer,
    ExportStatisticsSerializer,
    GzipQuery,
)
from imports.errors import Issue
from imports.exporting.directory_files import format_choice, make_directory_id
from imports.exporting.directory_zip import make_directory_response
from imports.exporting.downloads import (
    build_export,
    drop_export,
    find_export,
    make_export_response,
    pack_export,
)
from imports.exporting.selection import (
    UnknownFlowsError,
    select_all_flows,
    select_everything,
    select_flows,
)
from imports.exporting.write import ExportStatistics

_MOST_ISSUES = 1000
_ALL_FLOWS = "flows"
"""The choice of all flows, which is not that of everything."""
_MAY_EXPORT = require_permissions(*(f"flows.view_{kind}" for kind in Kind))
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
_DOCUMENT = {
    (200, "application/json"): _EXPORT,
    (200, "application/gzip"): OpenApiTypes.BINARY,
    (200, "application/zip"): OpenApiTypes.BINARY,
}
_BEYOND_LIMITS = (
    "The codes of the limits of an import that the export is beyond, by the settings of this "
    "server: `larger-than-import`, `more-items-than-import`. Export in parts then, or raise "
    "ZIGGY_MAX_IMPORT_BYTES on the target."
)
_WRONG_PARAMETER = OpenApiResponse(description="A parameter is neither true nor false.")


class TaggedExport(FileView):
    permission_classes = _MAY_EXPORT

    @extend_schema(
        operation_id="build_export",
        summary="Build an export of chosen flows",
        description="The flows with any of the tags or one of the uuids, with every flow that they "
        "call and the connections and secrets that any of them refers to. Without tags and uuids: "
        "all flows. Tags that no flow has, without uuids, export nothing. The export replaces the "
        "caller's last one and can be fetched for a day.",
        request=ExportRequestSerializer,
        parameters=[
            CompactQuery,
            answer_header("Location", "Where the export is.", status=HTTPStatus.CREATED),
            answer_header(WARNINGS_HEADER, _BEYOND_LIMITS, status=HTTPStatus.CREATED),
        ],
        responses={
            201: ExportStatisticsSerializer,
            404: OpenApiResponse(description="There is no flow with one of the uuids."),
            422: OpenApiResponse(
                description="The body has something other than lists, or a parameter is wrong."
            ),
        },
        examples=[
            OpenApiExample("By tag", {"tags": ["sms"], "flowUuids": []}, request_only=True),
            OpenApiExample(
                "Built",
                {
                    "flows": 1,
                    "connections": 1,
                    "secrets": 2,
                    "size": 20480,
                    "sha256": "4ab006ca1d302fd4f3e484db5105ad26278b1c1c914b596a7b47a8a5e0cfe606",
                    "warnings": [],
                },
                response_only=True,
                status_codes=[str(HTTPStatus.CREATED.value)],
            ),
        ],
    )
    @answer_once(in_transaction=False)
    def post(self, request: Request) -> Response:
        is_compact = read_query(request, CompactQuery)["compact"]
        body = validate(ExportRequestSerializer, request.data)
        tags, uuids = body["tags"] or [], [str(uuid) for uuid in body["flowUuids"] or []]
        chosen = partial(select_flows, uuids=uuids, tags=tags)
        try:
            statistics = build_export(
                get_caller(request),
                chosen if tags or uuids else select_all_flows,
                is_compact=is_compact,
                choice=format_choice(uuids=uuids, tags=tags) if tags or uuids else _ALL_FLOWS,
            )
        except UnknownFlowsError as error:
            raise _make_unknown_flows_error(error) from None
        counts = {kind.plural: statistics.counts[kind] for kind in Kind}
        return Response(
            {
                **counts,
                "size": statistics.size,
                "sha256": statistics.sha256,
                "warnings": statistics.warnings,
            },
            status=HTTPStatus.CREATED,
            headers={
                "Location": make_api_address(request, "export-tagged"),
                **_make_warning_header(statistics),
            },
        )

    @extend_schema(
        operation_id="get_export",
        summary="The export that the caller built last",
        parameters=[GzipQuery],
        responses={
            **_DOCUMENT,
            404: OpenApiResponse(description="The caller has built none in the last day."),
            422: _WRONG_PARAMETER,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(request, GzipQuery)
        built = find_export(get_caller(request))
        if built is None:
            raise NothingThere("no-export", "You have built no export in the last day.")
        content = bytes(built.content)
        if query["format"] == DIRECTORY:
            directory_id = make_directory_id(built.choice)
            return make_directory_response(content, directory_id=directory_id)
        return make_export_response(content, built.size, in_gzip=query["gzip"])


class BuiltExportView(ApiView):
    permission_classes = _MAY_EXPORT

    @extend_schema(
        operation_id="delete_export",
        summary="Forget the export that the caller built last",
        responses={204: OpenApiResponse(description="It is gone, if there was one.")},
    )
    def delete(self, request: Request) -> Response:
        drop_export(get_caller(request))
        return Response(status=HTTPStatus.NO_CONTENT)


class FullExport(FileView):
    permission_classes = _MAY_EXPORT

    @extend_schema(
        operation_id="export_all",
        summary="The export of everything",
        parameters=[ExportQuery, answer_header(WARNINGS_HEADER, _BEYOND_LIMITS)],
        responses={**_DOCUMENT, 422: _WRONG_PARAMETER},
    )
    def get(self, request: Request) -> HttpResponseBase:
        # Built as a whole before the first byte is sent: a failure is an error, not half a file.
        query = read_query(request, ExportQuery)
        packed, statistics = pack_export(select_everything, is_compact=query["compact"])
        response: HttpResponseBase
        if query["format"] == DIRECTORY:
            directory_id = make_directory_id(format_choice())
            response = make_directory_response(packed, directory_id=directory_id)
        else:
            response = make_export_response(packed, statistics.size, in_gzip=query["gzip"])
        for name, value in _make_warning_header(statistics).items():
            response[name] = value
        return response


def _make_warning_header(statistics: ExportStatistics) -> dict[str, str]:
    codes = statistics.limit_codes
    return {WARNINGS_HEADER: ", ".join(codes)} if codes else {}


def _make_unknown_flows_error(error: UnknownFlowsError) -> NothingThere:
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
