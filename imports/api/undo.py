"""The REST API of undoing an import: the number of its record in, the three lists out."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from flows.conf import ziggy
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.requests.declared_names import DeclaredNames
from flows.rest.requests.idempotency import mark_as_taking_key
from imports.api.background import QUEUED, answer_queued
from imports.api.checks import get_caller, validate
from imports.api.prefer import WaitsForLock, make_run_parameters, prefers_async
from imports.api.runs import (
    EXAMPLE_UUID,
    MAY_NOT,
    NO_BACKUP,
    answer_run,
    list_example_answers,
    make_example_refusal,
)
from imports.api.shapes.undo import UndoneSerializer, UndoSerializer
from imports.errors import Issue, UnableToImport
from imports.jobs.asking import queue_undo
from imports.models import Door, ImportRecord
from imports.report import make_undo_data
from imports.undo.request import UndoRequest
from imports.undo.service import preview_undo, undo_import

_DESCRIPTION = """
Every row that the import overwrote becomes exactly what its named save "Pre import" holds, and
every row that it made is soft-deleted: all of them, or nothing. No secret value is touched. The
database is backed up first, and every row that is written gets a named save "Pre undo", so that the
undo can be undone: by the number of its own record, which `Location` names.

**Dry run.** `dryRun` is required, true or false: without it nothing is undone.

**Conflicts.** A later change of a row is refused, with who made it and when: `issues` has each
conflict, with the row's uuid. `conflicts` decides for all of them, `decisions` for single rows,
in the form of the file that `import_undo --decisions` takes.
"""
_SAY_DRY_RUN = "Say dryRun: true to be told the plan, false to undo."
_WHY = (
    'The flow "SMS Test" was edited since, last by ada on 2026-03-16 17:10:06 UTC. Decide to keep '
    "it as it is, or to restore what was before."
)


class UndoImport(DeclaredNames, WaitsForLock):
    @extend_schema(
        operation_id="undo_import",
        summary="Undo an import",
        description=_DESCRIPTION,
        request=UndoSerializer,
        parameters=make_run_parameters("undo"),
        responses={
            200: OpenApiResponse(UndoneSerializer, description="The plan of a dry run."),
            201: OpenApiResponse(UndoneSerializer, description="The undo is done."),
            202: QUEUED,
            403: MAY_NOT,
            404: OpenApiResponse(description="There is no such record."),
            409: OpenApiResponse(
                description="The import is undone already or wrote nothing, another one runs, or "
                "rows changed meanwhile."
            ),
            422: OpenApiResponse(
                description="The body is wrong, or rows were changed since the import: see "
                "`issues`.",
            ),
            503: NO_BACKUP,
        },
        examples=[
            OpenApiExample(
                "Leave alone what was changed since",
                {"dryRun": False, "conflicts": "keep"},
                request_only=True,
            ),
            OpenApiExample(
                "Decide for single rows",
                {
                    "dryRun": False,
                    "decisions": {EXAMPLE_UUID: "restore", f"connection:{EXAMPLE_UUID}": "keep"},
                },
                request_only=True,
            ),
            *list_example_answers("RESTORE"),
            make_example_refusal("Edited", "edited-since", _WHY),
        ],
    )
    @mark_as_taking_key
    def post(self, request: Request, pk: int) -> Response:
        body = validate(UndoSerializer, request.data)
        if body["dryRun"]:
            plan = preview_undo(_make_request(request, pk, body), record_refusal=False)
            return Response(make_undo_data(plan, done=False, with_details=True))

        if prefers_async(request):
            return answer_queued(
                request, lambda key: queue_undo(_make_request(request, pk, body, key=key))
            )

        def run(key: str | None) -> tuple[ImportRecord, dict[str, Any]]:
            asked = replace(
                _make_request(request, pk, body, key=key), lock_wait=self.read_lock_wait(request)
            )
            outcome = undo_import(asked)
            return outcome.record, make_undo_data(outcome.plan, done=True, with_details=True)

        return answer_run(request, run)

    def check_keys(self, request: Request) -> None:
        """Raise BodyMalformed before anything else, and Refused for unknown keys."""
        _check_dry_run(request)
        super().check_keys(request)


class BodyMalformed(UnableToImport):
    """The body has no `dryRun`, or one that is no boolean."""

    status = HTTPStatus.BAD_REQUEST


def _check_dry_run(request: Request) -> None:
    """Raise BodyMalformed unless dryRun is a boolean: leaving it out must not undo anything."""
    if request.stream is None:
        raise BodyMalformed("missing-body", f"A body in JSON is needed. {_SAY_DRY_RUN}")
    try:
        body = request.data
    except UnsupportedMediaType:
        raise BodyMalformed("wrong-type", f"The body must be JSON. {_SAY_DRY_RUN}") from None
    if not isinstance(body, Mapping):
        raise BodyMalformed("wrong-type", f"The body must be an object. {_SAY_DRY_RUN}")
    if isinstance(body.get("dryRun"), bool):
        return
    issue = Issue(
        code="wrong-type" if "dryRun" in body else "missing-key",
        path="dryRun",
        message=_SAY_DRY_RUN,
    )
    raise BodyMalformed(issue.code, f"dryRun: {_SAY_DRY_RUN}", [issue])


def _make_request(
    request: Request, pk: int, body: dict[str, Any], *, key: str | None = None
) -> UndoRequest:
    user = get_caller(request)
    return UndoRequest(
        record=pk,
        server=ziggy.SERVER_NAME,
        door=Door.API,
        user=user,
        user_name=user.get_username(),
        with_backup=not body["noBackup"],
        conflicts=body.get("conflicts"),
        decisions=body["decisions"],
        idempotency_key=key,
    )
