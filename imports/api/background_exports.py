"""The REST API of exports that are left to a worker: how far one is, its file, calling it off."""

from http import HTTPStatus

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.rest.bodies.schema import answer_header
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.declared_names import DeclaredNames
from flows.rest.requests.warnings import HEADER as WARNINGS_HEADER
from imports.api.checks import get_caller
from imports.api.export_answers import (
    BEYOND_LIMITS,
    DOCUMENT,
    MAY_EXPORT,
    STATISTICS,
    WAITING,
    WRONG_PARAMETER,
    answer_file,
    make_export_data,
    make_warning_header,
)
from imports.api.file_view import FileView
from imports.api.paging import read_query
from imports.api.records import POLL_SECONDS
from imports.api.shapes.answers import GzipQuery
from imports.api.shapes.exports import BackgroundExportSerializer
from imports.jobs.exports.asking import UNFINISHED
from imports.jobs.exports.kept import (
    find_background_export,
    forget_background_export,
    read_choice,
    read_packed_export,
)

_BUILT = {
    **WAITING,
    "status": "succeeded",
    "startedAt": "2026-03-16T17:10:08.000Z",
    "finishedAt": "2026-03-16T17:10:11.000Z",
    "expiresAt": "2026-03-17T17:10:11.000Z",
    "progress": None,
    "statistics": STATISTICS,
    "file": "/api/exports/7/file",
}
_NOT_THERE = OpenApiResponse(description="The caller has no such export, or none any more.")


class BackgroundExportView(DeclaredNames, ApiView):
    permission_classes = MAY_EXPORT

    @extend_schema(
        operation_id="get_background_export",
        summary="An export that was left to a worker",
        description="Each export is its caller's own, for a day after it has ended.",
        parameters=[
            answer_header("Retry-After", "Seconds after which to look again, until it has ended."),
            answer_header(WARNINGS_HEADER, BEYOND_LIMITS),
        ],
        responses={
            200: OpenApiResponse(
                BackgroundExportSerializer, examples=[OpenApiExample("Built", _BUILT)]
            ),
            404: _NOT_THERE,
        },
    )
    def get(self, request: Request, pk: int) -> Response:
        export = find_background_export(get_caller(request), pk)
        headers = make_warning_header(export.limit_codes)
        if export.status in UNFINISHED:
            headers["Retry-After"] = str(POLL_SECONDS)
        return Response(make_export_data(request, export), headers=headers)

    @extend_schema(
        operation_id="delete_background_export",
        summary="Call off or forget an export that was left to a worker",
        request=None,
        responses={
            204: OpenApiResponse(description="It is gone; a worker that has it stops."),
            404: _NOT_THERE,
        },
    )
    def delete(self, request: Request, pk: int) -> Response:
        forget_background_export(get_caller(request), pk)
        return Response(status=HTTPStatus.NO_CONTENT)


class BackgroundExportFile(DeclaredNames, FileView):
    permission_classes = MAY_EXPORT

    @extend_schema(
        operation_id="get_background_export_file",
        summary="The file of an export that was left to a worker",
        parameters=[GzipQuery, answer_header(WARNINGS_HEADER, BEYOND_LIMITS)],
        responses={
            **DOCUMENT,
            404: _NOT_THERE,
            409: OpenApiResponse(description="It is not built yet, or was not built."),
            422: WRONG_PARAMETER,
        },
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        query = read_query(request, GzipQuery)
        export = find_background_export(get_caller(request), pk)
        return answer_file(
            read_packed_export(export),
            export.size,
            choice=read_choice(export).label,
            query=query,
            limit_codes=export.limit_codes,
        )
