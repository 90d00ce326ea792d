"""The REST door of undoing an import: the number of its record in, the three lists out."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from imports.api_checks import RequestInvalid, caller, validated
from imports.models import Door
from imports.prefer import PREFER, PREFERENCE_APPLIED, WaitsForLock
from imports.undo.decisions import decision_of
from imports.undo.report import undo_data
from imports.undo.request import UndoRequest
from imports.undo.serializers import UndoneSerializer, UndoSerializer
from imports.undo.service import preview_undo, undo_import

_DESCRIPTION = """
Every row that the import overwrote becomes exactly what its named save "Pre import" holds, and
every row that it made is soft-deleted: all of them, or nothing. No secret value is touched. The
database is backed up first, and every row that is written gets a named save "Pre undo", so that the
undo can be undone: by the number of its own record, which `Location` names.

**Conflicts.** What somebody did to a row since is told with who and when, and refused: `issues` has
each, with the row's uuid. `conflicts` decides for all of them, `decisions` for single rows,
in the form of the file that `import_undo --decisions` takes.
"""
_UUID = "c4492541-118e-4e23-9450-f2d28204ebee"
_SMS_TEST = {
    "uuid": _UUID,
    "name": "SMS Test",
    "result": "RESTORE",
    "matchMethod": "uuid",
    "isProcessed": True,
}
_DONE = {"flowsProcessed": [_SMS_TEST], "connectionsProcessed": [], "secretsProcessed": []}
_PLANNED = {**_DONE, "flowsProcessed": [{**_SMS_TEST, "isProcessed": False}]}
_WHY = (
    'The flow "SMS Test" was edited since, last by ada on 2026-03-16 17:10:06 UTC. Decide to keep '
    "it as it is, or to restore what was before."
)
_EDITED = {
    "message": _WHY,
    "code": "edited-since",
    "issues": [
        {"code": "edited-since", "path": "", "uuid": _UUID, "name": "SMS Test", "message": _WHY}
    ],
    "requestId": "5b0a3a0e-8a55-4a0b-9a6f-4f3a0a5f0c11",
}


class UndoImport(WaitsForLock):
    @extend_schema(
        operation_id="undo_import",
        summary="Undo an import",
        description=_DESCRIPTION,
        request=UndoSerializer,
        parameters=[
            PREFER,
            PREFERENCE_APPLIED,
            OpenApiParameter(
                "Location",
                str,
                OpenApiParameter.HEADER,
                description="The record of the undo.",
                response=[HTTPStatus.CREATED.value],
            ),
        ],
        responses={
            200: OpenApiResponse(UndoneSerializer, description="The plan of a dry run."),
            201: OpenApiResponse(UndoneSerializer, description="The undo is done."),
            403: OpenApiResponse(description="The user may not do this, or not all of it."),
            404: OpenApiResponse(description="There is no such record."),
            409: OpenApiResponse(
                description="The import is undone already or wrote nothing, another one runs, or "
                "rows changed meanwhile."
            ),
            422: OpenApiResponse(
                description="The body is wrong, or rows were changed since the import: see "
                "`issues`.",
            ),
            503: OpenApiResponse(description="The database could not be backed up, or is away."),
        },
        examples=[
            OpenApiExample(
                "Leave alone what was changed since", {"conflicts": "KEEP"}, request_only=True
            ),
            OpenApiExample(
                "Decide for single rows",
                {"decisions": {_UUID: "restore", f"connection:{_UUID}": "keep"}},
                request_only=True,
            ),
            OpenApiExample(
                "Done", _DONE, response_only=True, status_codes=[str(HTTPStatus.CREATED.value)]
            ),
            OpenApiExample(
                "Dry run", _PLANNED, response_only=True, status_codes=[str(HTTPStatus.OK.value)]
            ),
            OpenApiExample("Edited", _EDITED, response_only=True, status_codes=["422"]),
        ],
    )
    def post(self, request: Request, pk: int) -> Response:
        _check_address(request)
        body = validated(UndoSerializer, request.data)
        asked = _asked(request, pk, body)
        if body["dryRun"]:
            return Response(undo_data(preview_undo(asked, record_refusal=False), done=False))
        outcome = undo_import(replace(asked, lock_wait=self.lock_wait(request)))
        return Response(
            undo_data(outcome.plan, done=True),
            status=HTTPStatus.CREATED,
            headers={"Location": reverse("import-record", args=[outcome.record.pk])},
        )


def _check_address(request: Request) -> None:
    """Raises RequestInvalid for parameters in the address: a dryRun there must not undo."""
    if request.query_params:
        raise RequestInvalid(
            "unknown-parameter",
            "The address takes no parameters: send them as keys of the body, which is JSON.",
        )


def _asked(request: Request, pk: int, body: dict[str, Any]) -> UndoRequest:
    user = caller(request)
    return UndoRequest(
        record=pk,
        server=settings.ZIGGY_SERVER_NAME,
        door=Door.API,
        user=user,
        user_name=user.get_username(),
        with_backup=not body["noBackup"],
        conflicts=decision_of(body["conflicts"]) if "conflicts" in body else None,
        decisions=body["decisions"],
    )
