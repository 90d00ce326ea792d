"""The REST API of exports: build one and fetch it, or fetch everything."""

from http import HTTPStatus

from django.http import HttpResponseBase
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
from imports.api.checks import NothingThere, get_caller, validate
from imports.api.export_answers import (
    BEYOND_LIMITS,
    DOCUMENT,
    MAY_EXPORT,
    QUEUED_EXPORT,
    STATISTICS,
    WRONG_PARAMETER,
    answer_export_later,
    answer_file,
    make_unknown_flows_error,
    make_warning_header,
)
from imports.api.file_view import FileView
from imports.api.paging import read_query
from imports.api.prefer import make_export_parameters, prefers_export_later
from imports.api.shapes.answers import (
    CompactQuery,
    ExportQuery,
    ExportRequestSerializer,
    ExportStatisticsSerializer,
    GzipQuery,
)
from imports.exporting.choice import ExportChoice
from imports.exporting.downloads import build_export, drop_export, find_export, pack_export
from imports.exporting.selection import UnknownFlowsError


class TaggedExport(FileView):
    permission_classes = MAY_EXPORT

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
            *make_export_parameters(location="Where the export is."),
            answer_header(WARNINGS_HEADER, BEYOND_LIMITS, status=HTTPStatus.CREATED),
        ],
        responses={
            201: ExportStatisticsSerializer,
            202: QUEUED_EXPORT,
            404: OpenApiResponse(description="There is no flow with one of the uuids."),
            422: OpenApiResponse(
                description="The body has something other than lists, or a parameter is wrong."
            ),
        },
        examples=[
            OpenApiExample("By tag", {"tags": ["sms"], "flowUuids": []}, request_only=True),
            OpenApiExample(
                "Built",
                STATISTICS,
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
        choice = ExportChoice(tags=tuple(tags), uuids=tuple(uuids), is_compact=is_compact)
        if prefers_export_later(request):
            return answer_export_later(request, choice)
        try:
            statistics = build_export(
                get_caller(request),
                choice.select,
                is_compact=is_compact,
                choice=choice.label,
            )
        except UnknownFlowsError as error:
            raise make_unknown_flows_error(error) from None
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
                **make_warning_header(statistics.limit_codes),
            },
        )

    @extend_schema(
        operation_id="get_export",
        summary="The export that the caller built last",
        parameters=[GzipQuery],
        responses={
            **DOCUMENT,
            404: OpenApiResponse(description="The caller has built none in the last day."),
            422: WRONG_PARAMETER,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        query = read_query(request, GzipQuery)
        built = find_export(get_caller(request))
        if built is None:
            raise NothingThere("no-export", "You have built no export in the last day.")
        return answer_file(
            bytes(built.content), built.size, choice=built.choice, query=query, limit_codes=()
        )


class BuiltExportView(ApiView):
    permission_classes = MAY_EXPORT

    @extend_schema(
        operation_id="delete_export",
        summary="Forget the export that the caller built last",
        responses={204: OpenApiResponse(description="It is gone, if there was one.")},
    )
    def delete(self, request: Request) -> Response:
        drop_export(get_caller(request))
        return Response(status=HTTPStatus.NO_CONTENT)


class FullExport(FileView):
    permission_classes = MAY_EXPORT

    @extend_schema(
        operation_id="export_all",
        summary="The export of everything",
        parameters=[
            ExportQuery,
            answer_header(WARNINGS_HEADER, BEYOND_LIMITS),
            *make_export_parameters(),
        ],
        responses={**DOCUMENT, 202: QUEUED_EXPORT, 422: WRONG_PARAMETER},
    )
    def get(self, request: Request) -> HttpResponseBase:
        # Built as a whole before the first byte is sent: a failure is an error, not half a file.
        query = read_query(request, ExportQuery)
        choice = ExportChoice(has_everything=True, is_compact=query["compact"])
        if prefers_export_later(request):
            return answer_export_later(request, choice, query)
        packed, statistics = pack_export(choice.select, is_compact=choice.is_compact)
        return answer_file(
            packed,
            statistics.size,
            choice=choice.label,
            query=query,
            limit_codes=statistics.limit_codes,
        )
