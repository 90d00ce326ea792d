"""The REST API of the imports of one item."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.content.fields import Kind
from flows.models import MODELS, Item
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.declared_names import DeclaredNames
from imports.api.checks import NothingThere, get_caller, require_permissions
from imports.api.paging import make_page, read_query
from imports.api.shapes.history import (
    ItemHistoryPageSerializer,
    ItemHistoryQuery,
    ItemImportSerializer,
)
from imports.permissions import VIEW_RECORDS, check_sight_of
from imports.records.item_history import add_states, find_imports

_IMPORT = {
    "importId": 12,
    "status": "succeeded",
    "startedAt": "2026-03-16T17:10:06.000Z",
    "finishedAt": "2026-03-16T17:10:06.420Z",
    "door": "api",
    "user": "ada",
    "mode": "overwrite",
    "fileName": "zexport.json",
    "name": "SMS Test",
    "result": "OVERWRITE",
    "changedKeys": ["timeout"],
    "warnings": [],
    "warningDetails": [],
    "before": {"kept": "save", "namedSave": "666c6f77-7361-8765-8000-000000000003"},
    "after": {"kept": "now", "namedSave": None},
}
_PAGE = {"count": 1, "next": None, "previous": None, "results": [_IMPORT]}


class ItemHistory(DeclaredNames, ApiView):
    permission_classes = require_permissions(VIEW_RECORDS)

    @extend_schema(
        operation_id="list_imports_of_item",
        summary="The imports that a flow, connection or secret was in, newest first",
        description="With where the item's state before and after each is kept. A deleted item "
        "has its imports as well. A state that the item is in now is read as the item, one in a "
        "named save of a flow with /api/ziggy/history-load/{uuid}.",
        parameters=[
            OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=[str(kind) for kind in Kind]),
            OpenApiParameter("uuid", UUID, OpenApiParameter.PATH),
            ItemHistoryQuery,
        ],
        responses={
            200: OpenApiResponse(
                ItemHistoryPageSerializer, examples=[OpenApiExample("One", _PAGE)]
            ),
            404: OpenApiResponse(description="There is no such item, or no such page."),
            422: OpenApiResponse(description="A parameter is wrong."),
        },
    )
    def get(self, request: Request, kind: Kind, uuid: UUID) -> Response:
        check_sight_of(get_caller(request), kind)
        query = read_query(request, ItemHistoryQuery)
        model: type[Item] = MODELS[kind]
        row = model._default_manager.filter(uuid=uuid).first()
        if row is None:
            raise NothingThere("not-found", f"There is no {kind} {uuid}.")
        page = make_page(request, find_imports(row), query)
        results = add_states(row, page["results"])
        return Response({**page, "results": ItemImportSerializer(results, many=True).data})
