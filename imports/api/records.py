"""The REST API of the records of imports."""

from typing import Any

from django.db.models import Case, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Lower
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.rest.bodies.schema import answer_header
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.declared_names import DeclaredNames
from imports.api.checks import NothingThere, get_caller, require_permissions
from imports.api.paging import make_page, read_query
from imports.api.shapes.query import ItemPageQuery, RecordQuery
from imports.api.shapes.record import (
    RecordDetailSerializer,
    RecordedItemSerializer,
    RecordPageSerializer,
    RecordSerializer,
)
from imports.models import ImportItem, ImportRecord, Status
from imports.permissions import VIEW_RECORDS
from imports.records.missing import explain_missing_record

POLL_SECONDS = 2
"""After how many seconds to look again at the record of a run that goes on."""
EXAMPLE_RECORD = {
    "id": 12,
    "status": "succeeded",
    "queuedAt": None,
    "startedAt": "2026-03-16T17:10:06.000Z",
    "finishedAt": "2026-03-16T17:10:06.420Z",
    "seconds": 0.42,
    "door": "api",
    "user": "ada",
    "server": "production",
    "fileName": "zexport.json",
    "fileSize": 20480,
    "fileSha256": "4ab006ca1d302fd4f3e484db5105ad26278b1c1c914b596a7b47a8a5e0cfe606",
    "mode": "overwrite",
    "undoes": None,
    "undoneBy": None,
    "undoDepth": 0,
    "withBackup": True,
    "overrideLocks": False,
    "directoryId": "",
    "prune": False,
    "plan": None,
    "origin": None,
    "acknowledged": [],
    "counts": {"OVERWRITE": 1},
    "code": "",
    "message": "",
    "pruned": None,
    "historyPrunedAt": None,
}
_PAGE = {"count": 1, "next": None, "previous": None}
_DETAIL = {
    **EXAMPLE_RECORD,
    "progress": None,
    "issues": [],
    "warnings": [],
    "backup": {
        "name": "default-20260316T171006-000000Z.sqlite3",
        "size": 303104,
        "sha256": "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a",
    },
    "items": {
        **_PAGE,
        "results": [
            {
                "kind": "flow",
                "position": 0,
                "uuid": "c4492541-118e-4e23-9450-f2d28204ebee",
                "name": "SMS Test",
                "result": "OVERWRITE",
                "matchMethod": "uuid",
                "targetUuid": "c4492541-118e-4e23-9450-f2d28204ebee",
                "targetName": "SMS Test",
                "changedKeys": ["timeout"],
                "warnings": [],
                "warningDetails": [],
            }
        ],
    },
}


class Records(DeclaredNames, ApiView):
    permission_classes = require_permissions(VIEW_RECORDS)

    @extend_schema(
        operation_id="list_imports",
        summary="The records of imports, newest first",
        parameters=[RecordQuery],
        responses={
            200: OpenApiResponse(
                RecordPageSerializer,
                examples=[OpenApiExample("One", {**_PAGE, "results": [EXAMPLE_RECORD]})],
            ),
            404: OpenApiResponse(description="There is no such page."),
            422: OpenApiResponse(description="A parameter is wrong."),
        },
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, RecordQuery)
        records = _filter_records(query).defer("issues")
        page = make_page(request, records, query)
        return Response(
            {**page, "results": _make_serializer(request, page["results"], many=True).data}
        )


class Record(DeclaredNames, ApiView):
    permission_classes = require_permissions(VIEW_RECORDS)

    @extend_schema(
        operation_id="get_import",
        summary="The record of an import, with a page of its items",
        parameters=[
            ItemPageQuery,
            answer_header("Retry-After", "Seconds after which to look again, until it has ended."),
        ],
        responses={
            200: OpenApiResponse(
                RecordDetailSerializer, examples=[OpenApiExample("An import", _DETAIL)]
            ),
            404: OpenApiResponse(description="There is no such record, or page of its items."),
            422: OpenApiResponse(description="A parameter is wrong."),
        },
    )
    def get(self, request: Request, pk: int) -> Response:
        query = read_query(request, ItemPageQuery)
        record = find_record(pk)
        if record is None:
            remedy = explain_missing_record(pk)
            raise NothingThere("not-found", f"There is no import {pk}.", remedy=remedy)
        page = make_page(request, record.items.order_by("pk"), query)
        items = {**page, "results": RecordedItemSerializer(page["results"], many=True).data}
        context = {"user": get_caller(request), "items": items}
        headers = {"Retry-After": str(POLL_SECONDS)} if record.finished_at is None else None
        return Response(RecordDetailSerializer(record, context=context).data, headers=headers)


def _make_serializer(request: Request, records: Any, *, many: bool) -> RecordSerializer:
    return RecordSerializer(records, many=many, context={"user": get_caller(request)})


def _filter_records(query: dict[str, Any]) -> QuerySet[ImportRecord]:
    wanted = Q()
    for parameter, lookup in {
        "status": "status",
        "mode": "mode",
        "door": "door",
        "user": "user_name",
        "dateFrom": "started_at__gte",
        "dateTo": "started_at__lt",
    }.items():
        if parameter in query:
            wanted &= Q(**{lookup: query[parameter]})
    if "sha256" in query:
        wanted &= Q(file_sha256=query["sha256"].lower())
    if "itemUuid" in query:
        items = ImportItem.objects.alias(file_uuid=Lower("uuid"))
        uuid = query["itemUuid"]
        wanted &= Q(
            pk__in=items.filter(Q(target_uuid=uuid) | Q(file_uuid=str(uuid))).values("record")
        )
    return _read_records().filter(wanted)


def find_record(pk: int) -> ImportRecord | None:
    """Return the record as the API tells it; None where there is none."""
    return _read_records().filter(pk=pk).first()


def _read_records() -> QuerySet[ImportRecord]:
    """Return the records, each with the number of the undo that undid it."""
    undos = ImportRecord.objects.filter(undoes=OuterRef("pk"), status=Status.SUCCEEDED)
    newest = Subquery(undos.order_by("-pk").values("pk")[:1])
    return ImportRecord.objects.annotate(
        undone_by_id=Case(When(status=Status.UNDONE, then=newest), default=None)
    )
