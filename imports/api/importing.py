"""The REST API of the import: a form in, the three lists out."""

from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, cast

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotAcceptable, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from flows.conf import ziggy
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.requests.idempotency import mark_as_taking_key
from flows.rest.requests.refusals import Problem, make_invalid_refusal
from imports.api.background import QUEUED, answer_queued
from imports.api.checks import get_caller
from imports.api.form import Form, FormParser, Upload, read_form
from imports.api.markdown import MARKDOWN, MarkdownView, answer_refusal, wants_markdown
from imports.api.prefer import WaitsForLock, make_run_parameters, prefers_async
from imports.api.runs import (
    MAY_NOT,
    NO_BACKUP,
    answer_run,
    list_example_answers,
    make_example_refusal,
)
from imports.api.shapes.answers import ProcessedSerializer
from imports.api.shapes.form import PlannedSerializer, UploadSerializer
from imports.errors import UnableToImport
from imports.importing.plan_markdown import make_plan_markdown
from imports.importing.prepare import Preview
from imports.importing.request import ImportRequest
from imports.importing.service import (
    make_plan_to_save,
    preview_for_review,
    preview_import,
    run_import,
)
from imports.jobs.asking import queue_import
from imports.models import Door, ImportRecord
from imports.report import (
    make_acknowledged_data,
    make_plan_data,
    make_refusal_data,
    make_unacknowledged_data,
)

_DESCRIPTION = """
All of the file is imported, or nothing. The database is backed up first, and every item that is
overwritten gets a named save "Pre import". Every run leaves a record, which `Location` names; a
refused one does, too.

**Repeating.** With an `Idempotency-Key`, the same request may be sent again until there is an
answer, without a second import: the answer is that of the first run, also after a restart of the
server. While the first runs, it is 409 `idempotency-in-progress`; for another file or other options
under the same key it is 422 `idempotency-mismatch`. Keys are each user's own and last for 24 hours.
What wrote nothing is not remembered, whether it was refused or its server died: the same key tries
again. A dry run ignores the key.

**Plan, review, apply.** A dry run with `withPlan=true` answers its `plan` as well. Sent as the part
`plan`, with the same file, exactly that is done: where the file, the server or a row that the plan
is for has changed, nothing is written, and the `issues` of 409 `stale-plan` list what changed. The
`decision` of each item of the plan may be edited, and nothing else, in the words of the part
`decisions`: `{"decisions": {"UUID": "skip"}}`. Where the plan cannot be applied, such as for a name
that several rows have, the answer is the refusal, together with the `plan` for the decisions.

**Acknowledging.** Some warnings must be acknowledged before anything is written, by default that a
stored secret would go to another destination, that code would use its value for the first time, and
that a text has characters which are not seen. Without that, the answer is 422
`needs-acknowledgement`, whose `issues` have each warning with its code, path and text; send the
codes as `accept` with the same file. A dry run is never refused for that, and has
`needsAcknowledgement`. What a dry run with `withPlan=true` accepts is kept in its `plan`, for the
warnings of that plan.

**Markdown.** With `Accept: text/markdown` a dry run answers with a text for a pull request: the
plan, or why the file is refused. Its status is that of the answer in JSON, also where a plan is
refused; what is no refusal of a file or a plan is told in JSON.

**Refusals.** `issues` has every problem of the file at once, each with its JSON path.
"""
_TEXT_OF_PLAN = """\
<!-- ziggy-plan server=production source=zexport.json -->

**production**: 1 to overwrite, 260 unchanged
...
"""
_TEXT_OF_REFUSAL = """\
<!-- ziggy-plan server=production source=zexport.json -->

**production**: `zexport.json` cannot be imported

### Refused: `invalid-file`

- `flows[3].name`: `This is needed: a text.`
"""
_PLAN_TEXT = OpenApiResponse(
    OpenApiTypes.STR,
    description="The plan of a dry run.",
    examples=[OpenApiExample("As Markdown", _TEXT_OF_PLAN, media_type=MARKDOWN)],
)
_REFUSAL_TEXT = OpenApiResponse(
    OpenApiTypes.STR,
    description="The form, or the file, is refused: see `issues`.",
    examples=[OpenApiExample("As Markdown", _TEXT_OF_REFUSAL, media_type=MARKDOWN)],
)
_ONLY_OF_A_DRY_RUN = (
    "Markdown is only of a dry run without withPlan: send dryRun=true, or accept application/json."
)
_WHOLE = "upload the file in the admin: its review has all of it"
_WHY = 'The flow "SMS Test" is locked on this server. Unlock it there, or give --override-locks.'
_SENT = (
    "sends the stored secret to another destination: secrets.TWILIO -> api.twilio.com -> "
    "api.example.com"
)


class ImportFlows(WaitsForLock, MarkdownView):
    parser_classes = (FormParser,)

    @extend_schema(
        operation_id="import_flows",
        summary="Import an export file",
        description=_DESCRIPTION,
        request={"multipart/form-data": UploadSerializer},
        parameters=make_run_parameters("import"),
        responses={
            (200, "application/json"): OpenApiResponse(
                PlannedSerializer, description="The plan of a dry run."
            ),
            (200, MARKDOWN): _PLAN_TEXT,
            201: OpenApiResponse(ProcessedSerializer, description="The import is done."),
            202: QUEUED,
            403: MAY_NOT,
            409: OpenApiResponse(description="Another import runs, or the plan is out of date."),
            413: OpenApiResponse(description="The file is larger than this server takes."),
            415: OpenApiResponse(description="The body is no multipart/form-data."),
            (422, "application/json"): OpenApiResponse(
                description="The form, or the file, is refused: see `issues`.",
            ),
            (422, MARKDOWN): _REFUSAL_TEXT,
            503: NO_BACKUP,
        },
        examples=[
            OpenApiExample(
                "Overwrite",
                {"file": "(the file)", "duplicatesMode": "OVERWRITE", "noBackup": "false"},
                request_only=True,
                media_type=FormParser.media_type,
            ),
            *list_example_answers("OVERWRITE"),
            make_example_refusal("Locked", "locked", _WHY, path="flows[0]"),
            make_example_refusal(
                "Needs acknowledgement",
                "needs-acknowledgement",
                _SENT,
                path="connections[0]",
                issue_code="secret-to-new-destination",
            ),
        ],
    )
    @mark_as_taking_key
    def post(self, request: Request) -> Response:
        check_parts_in_form(request, UploadSerializer)
        if wants_markdown(request):
            return _answer_in_markdown(request)
        upload = read_form(get_form(request))
        if upload.with_plan:
            return _answer_plan(make_import_request(request, upload))
        if upload.dry_run:
            preview = preview_import(make_import_request(request, upload), record_refusal=False)
            return Response(_make_preview_data(preview))

        if prefers_async(request):
            return answer_queued(
                request,
                lambda key: queue_import(make_import_request(request, upload, key=key)),
            )

        def run(key: str | None) -> tuple[ImportRecord, dict[str, Any]]:
            asked = replace(
                make_import_request(request, upload, key=key),
                lock_wait=self.read_lock_wait(request),
            )
            outcome = run_import(asked)
            done = make_plan_data(outcome.plan, done=True, with_details=True)
            return outcome.record, {**done, **make_acknowledged_data(outcome.record)}

        return answer_run(request, run)


def check_parts_in_form(request: Request, serializer: type[serializers.Serializer[Any]]) -> None:
    """Raise Refused if a part of the form, such as dryRun, is in the query: it would be ignored.

    Other parameters are no part of the API's contract, and are ignored.
    """
    names: Iterable[str] = serializer().fields.keys()
    parts = {name.lower(): name for name in names}
    misplaced = [
        Problem(
            code="unknown-parameter",
            message=f"Send {parts[name.lower()]} as a part of the form, not in the address.",
            path=name,
        )
        for name, value in sorted(request.query_params.items())
        if value and name.lower() in parts
    ]
    if misplaced:
        raise make_invalid_refusal(misplaced)


def get_form(request: Request) -> Form:
    """Return the form of the request; an empty one where there is no body."""
    # An empty body has no parser, so its media type is checked here.
    if request.stream is None:
        if request.content_type.partition(";")[0].strip().lower() != FormParser.media_type:
            raise UnsupportedMediaType(request.content_type)
        return Form(words={})
    return cast(Form, request.data)


def make_import_request(
    request: Request, upload: Upload, *, key: str | None = None
) -> ImportRequest:
    """Return the import that the form asks for, in the caller's name."""
    user = get_caller(request)
    return ImportRequest(
        payload=upload.file.content,
        file_name=upload.file.name,
        server=ziggy.SERVER_NAME,
        mode=upload.mode,
        door=Door.API,
        user=user,
        user_name=user.get_username(),
        with_backup=not upload.no_backup,
        override_locks=upload.override_locks,
        prune=upload.prune,
        prune_limit=upload.prune_limit,
        idempotency_key=key,
        given_decisions=upload.decisions,
        only=upload.only,
        accept=upload.accept,
        saved_plan=upload.plan,
    )


def _answer_plan(asked: ImportRequest) -> Response:
    """Return the plan to be applied later; the response to a refusal has it too, for decisions."""
    preview, saved = make_plan_to_save(asked)
    plan = {"plan": msgspec.to_builtins(saved)}
    if preview.refusal:
        return Response(
            {**make_refusal_data(preview.refusal), **plan}, status=preview.refusal.status
        )
    return Response({**_make_preview_data(preview), **plan})


def _answer_in_markdown(request: Request) -> Response:
    """Return the plan of a dry run as Markdown, or why there is none or it cannot be done."""
    source = ""
    try:
        upload = read_form(get_form(request))
        source = upload.file.name
        if upload.with_plan or not upload.dry_run:
            raise NotAcceptable(_ONLY_OF_A_DRY_RUN)
        preview = preview_for_review(make_import_request(request, upload))
    except UnableToImport as refusal:
        return answer_refusal(refusal, source=source)
    text = make_plan_markdown(preview, source=source, whole=_WHOLE)
    return Response(text, status=preview.refusal.status if preview.refusal else HTTPStatus.OK)


def _make_preview_data(preview: Preview) -> dict[str, Any]:
    return {
        **make_plan_data(preview.plan, done=False, with_details=True),
        **make_unacknowledged_data(preview.unacknowledged),
    }
