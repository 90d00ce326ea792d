"""The REST API of kept plans: keep one, look at it, apply exactly it, delete it."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.urls import NoReverseMatch, reverse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows.rest.bodies.schema import answer_header
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.declared_names import DeclaredNames
from flows.rest.requests.idempotency import answer_once, mark_as_taking_key
from flows.web.api_paths import make_api_address
from imports.api.background import QUEUED, answer_queued
from imports.api.checks import get_caller, require_permissions, validate
from imports.api.form import FormParser
from imports.api.importing import get_form, make_import_request
from imports.api.markdown import MARKDOWN, MarkdownView, wants_markdown
from imports.api.paging import make_page, read_query
from imports.api.plan_examples import (
    APPLIED,
    APPLY_DESCRIPTION,
    DESCRIPTION,
    IN_MARKDOWN,
    PAGE,
    PLAN,
)
from imports.api.plan_form import read_plan_form
from imports.api.prefer import WaitsForLock, make_run_parameters, prefers_async
from imports.api.runs import MAY_NOT, NO_BACKUP, answer_run
from imports.api.shapes.answers import ProcessedSerializer
from imports.api.shapes.plans import (
    ApplySerializer,
    KeptPlanDetailSerializer,
    KeptPlanPageSerializer,
    KeptPlanQuery,
    KeptPlanSerializer,
    PlanFormSerializer,
)
from imports.jobs.asking import queue_kept
from imports.models import Door, ImportRecord, PendingImport
from imports.permissions import VIEW_RECORDS
from imports.report import make_acknowledged_data, make_plan_data
from imports.uploads.answering import read_answer
from imports.uploads.applying import ApplyOptions, apply_kept
from imports.uploads.keeping import delete_kept, find_kept, keep_plan, list_kept
from imports.uploads.planning import read_page
from imports.uploads.showing import get_token

_NO_PLAN = OpenApiResponse(description="There is no such plan: it was replaced, or has expired.")
_FORM_ONLY = "The body is no multipart/form-data."


class KeptPlans(DeclaredNames, ApiView):
    parser_classes = (FormParser,)

    def check_keys(self, request: Request) -> None:
        """Do nothing: the parts of a form are checked when it is read."""

    @extend_schema(
        operation_id="keep_plan",
        summary="Plan the import of a file, and keep the plan",
        description=DESCRIPTION,
        request={"multipart/form-data": PlanFormSerializer},
        parameters=[answer_header("Location", "The plan.", status=HTTPStatus.CREATED)],
        responses={
            201: OpenApiResponse(KeptPlanDetailSerializer, examples=[PLAN]),
            403: MAY_NOT,
            409: OpenApiResponse(
                description="The key is another user's (`key-taken`), too many of the user's plans "
                "are kept (`too-many-plans`), or the plan with the key is being applied."
            ),
            413: OpenApiResponse(description="The file is larger than this server takes."),
            415: OpenApiResponse(description=_FORM_ONLY),
            422: OpenApiResponse(description="The form, or the file, is refused: see `issues`."),
        },
        examples=[
            OpenApiExample(
                "Overwrite",
                {"file": "(the file)", "duplicatesMode": "OVERWRITE", "key": "repo#42"},
                request_only=True,
                media_type=FormParser.media_type,
            )
        ],
    )
    @answer_once(in_transaction=False)
    def post(self, request: Request) -> Response:
        upload, details = read_plan_form(get_form(request))
        asked = make_import_request(request, upload)
        pending = keep_plan(get_caller(request), asked, details)
        location = make_api_address(request, "plan", pending.pk)
        return Response(
            _make_detail(request, pending),
            status=HTTPStatus.CREATED,
            headers={"Location": location},
        )

    @extend_schema(
        operation_id="list_plans",
        summary="The kept plans, newest first",
        parameters=[KeptPlanQuery],
        responses={
            200: OpenApiResponse(KeptPlanPageSerializer, examples=[PAGE]),
            403: MAY_NOT,
            404: OpenApiResponse(description="There is no such page."),
            422: OpenApiResponse(description="A parameter is wrong."),
        },
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, KeptPlanQuery)
        plans = list_kept(get_caller(request))
        if "key" in query:
            plans = plans.filter(key=query["key"])
        page = make_page(request, plans, query)
        results = [_make_summary(request, pending) for pending in page["results"]]
        return Response({**page, "results": results})


class KeptPlan(DeclaredNames, MarkdownView):
    permission_classes = require_permissions(VIEW_RECORDS)

    @extend_schema(
        operation_id="get_plan",
        summary="A kept plan, also in Markdown",
        description="As it is kept: nothing is planned anew, and nothing written. With "
        f"`Accept: {MARKDOWN}` the text for a comment of a pull request.",
        responses={
            (200, "application/json"): OpenApiResponse(KeptPlanDetailSerializer, examples=[PLAN]),
            (200, MARKDOWN): OpenApiResponse(str, examples=[IN_MARKDOWN]),
            404: _NO_PLAN,
        },
    )
    def get(self, request: Request, pk: int) -> Response:
        pending = find_kept(get_caller(request), pk)
        if wants_markdown(request):
            return Response(read_answer(pending).markdown)
        return Response(_make_detail(request, pending))

    @extend_schema(
        operation_id="delete_plan",
        summary="Delete a kept plan",
        request=None,
        responses={
            204: OpenApiResponse(description="It is gone. The record of its import stays."),
            403: MAY_NOT,
            404: _NO_PLAN,
            409: OpenApiResponse(description="It is being applied."),
        },
    )
    def delete(self, request: Request, pk: int) -> Response:
        delete_kept(get_caller(request), pk)
        return Response(status=HTTPStatus.NO_CONTENT)


class ApplyPlan(DeclaredNames, WaitsForLock):
    permission_classes = require_permissions(VIEW_RECORDS)

    @extend_schema(
        operation_id="apply_plan",
        summary="Apply exactly a kept plan, or nothing",
        description=APPLY_DESCRIPTION,
        request=ApplySerializer,
        parameters=make_run_parameters("import"),
        responses={
            201: OpenApiResponse(ProcessedSerializer, description="The plan is applied."),
            202: QUEUED,
            403: MAY_NOT,
            404: _NO_PLAN,
            409: OpenApiResponse(
                description="The plan is out of date (`stale-plan`, with the differences in "
                "`issues`), was planned anew since (`other-plan`), or another import runs."
            ),
            422: OpenApiResponse(
                description="The body is wrong, the plan is refused, or a warning must be "
                "acknowledged (`needs-acknowledgement`): see `issues`."
            ),
            503: NO_BACKUP,
        },
        examples=[
            OpenApiExample(
                "Acknowledge",
                {"accept": ["secret-to-new-destination"], "noBackup": False},
                request_only=True,
            ),
            APPLIED,
        ],
    )
    @mark_as_taking_key
    def post(self, request: Request, pk: int) -> Response:
        body = validate(ApplySerializer, request.data if request.stream is not None else {})
        options = ApplyOptions(
            door=Door.API,
            accept=tuple(body["accept"]),
            token=body.get("token"),
            with_backup=not body["noBackup"],
            lock_wait=self.read_lock_wait(request),
        )

        if prefers_async(request):
            return answer_queued(
                request,
                lambda key: queue_kept(
                    find_kept(get_caller(request), pk), replace(options, idempotency_key=key)
                ),
            )

        def run(key: str | None) -> tuple[ImportRecord, dict[str, Any]]:
            pending = find_kept(get_caller(request), pk)
            outcome = apply_kept(pending, replace(options, idempotency_key=key))
            done = make_plan_data(outcome.plan, done=True, with_details=True)
            return outcome.record, {**done, **make_acknowledged_data(outcome.record)}

        return answer_run(request, run)


def _make_summary(request: Request, pending: PendingImport) -> dict[str, Any]:
    context = {"make_url": lambda pending: _make_url(request, pending)}
    return dict(KeptPlanSerializer(pending, context=context).data)


def _make_detail(request: Request, pending: PendingImport) -> dict[str, Any]:
    return {
        **_make_summary(request, pending),
        "token": get_token(pending, read_page(pending)),
        **read_answer(pending).read_data(),
    }


def _make_url(request: Request, pending: PendingImport) -> str | None:
    """Return the address of the plan's page; None for a project without the admin."""
    try:
        path = reverse("admin:imports_preview", args=[pending.pk])
    except NoReverseMatch:
        return None
    return request.build_absolute_uri(path)
