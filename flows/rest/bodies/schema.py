"""Describe the endpoints for the API's documentation, with an example for each."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from flows.content import canonical
from flows.content.fields import FIELDS, Kind
from flows.models import MODELS
from flows.rest.endpoint.openapi import extend_schema
from flows.status_phrases import get_status_phrase

_View = TypeVar("_View", bound=Callable[..., Any])

# The errors that the site adds to every endpoint of its kind are left out here.
_WHY = {
    HTTPStatus.NOT_MODIFIED: "It is still what `If-None-Match` names.",
    HTTPStatus.NOT_FOUND: "There is no such thing, or no more.",
    HTTPStatus.PRECONDITION_FAILED: "It was changed since the state that `If-Match` names.",
    HTTPStatus.CONFLICT: "It does not fit what is stored.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "What is asked for is wrong; `issues` has every problem.",
}


def answer_header(
    name: str, description: str, *, status: HTTPStatus = HTTPStatus.OK
) -> OpenApiParameter:
    """Return a header of the answer that has this status."""
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=[status.value]
    )


ETAG = answer_header("ETag", "Identifies the state of the item, for `If-Match`.")
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of the state that the request is for, of several, or `*`. Where the item "
    "was changed since, nothing is written.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what the caller has: 304 where that is so still.",
)


def describe_operation(
    name: str,
    summary: str,
    *,
    answer: Any,
    example: Any = None,
    status: HTTPStatus = HTTPStatus.OK,
    body: Any = None,
    body_example: Any = None,
    errors: Sequence[HTTPStatus] = (),
    parameters: Sequence[OpenApiParameter] = (),
) -> Callable[[_View], _View]:
    """Describe a method of an endpoint: its body and parameters, its answers, its own errors."""
    refusals = {*errors, *([HTTPStatus.UNPROCESSABLE_ENTITY] if body else [])}
    responses = {
        error.value: OpenApiResponse(description=_WHY[error]) for error in sorted(refusals)
    }
    examples, phrase = [], get_status_phrase(status)
    if example is not None:
        codes = [str(status.value)]
        examples.append(OpenApiExample("Answer", example, response_only=True, status_codes=codes))
    if body_example is not None:
        examples.append(OpenApiExample("Body", body_example, request_only=True))
    return extend_schema(
        operation_id=name,
        summary=summary,
        request=body,
        responses={status.value: OpenApiResponse(answer, description=phrase), **responses},
        examples=examples,
        parameters=list(parameters),
    )


def make_query_parameter(name: str, description: str) -> OpenApiParameter:
    """Return a parameter of the query, which may be left out or empty."""
    return OpenApiParameter(name, str, OpenApiParameter.QUERY, description=description)


def make_path_parameter(name: str, description: str) -> OpenApiParameter:
    """Return a parameter of the path: free text, percent-encoded."""
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=description)


def _complete(kind: Kind, example: dict[str, Any]) -> dict[str, Any]:
    """Return the example with the fields that it leaves out, as a new row has them."""
    complete = dict(example)
    for field in FIELDS[kind]:
        column: Any = MODELS[kind]._meta.get_field(field.column)
        default = column.get_default()
        if field.key in example or (default is None and field.optional):
            continue
        complete[field.key] = canonical.decode(default) if field.shape.is_document else default
    return complete


LISTED_FLOW: dict[str, Any] = {
    "uuid": "c4492541-118e-4e23-9450-f2d28204ebee",
    "isSubflow": False,
    "name": "SMS Test",
    "listenerType": "HTTP",
    "tags": ["sms"],
    "updatedAt": "2026-03-16T17:10:06.000Z",
}
FLOW = _complete(
    Kind.FLOW,
    {
        "uuid": "c4492541-118e-4e23-9450-f2d28204ebee",
        "name": "SMS Test",
        "info": "",
        "tags": ["sms"],
        "listenerType": "HTTP",
        "isSubflow": False,
        "isCommander": False,
        "isValid": True,
        "isLocked": False,
        "timeout": 60,
        "numBlocks": 1,
        "executionHistoryLevel": "USE_DEFAULT",
        "executionHistoryMins": 1440,
        "queueUuid": None,
        "nodes": [{"id": "1", "type": "start", "position": {"x": 0, "y": 0}, "data": {}}],
        "edges": [],
        "viewport": {"x": 0, "y": 0, "zoom": 1},
        "createdAt": "2026-03-16T17:10:06.000Z",
        "updatedAt": "2026-03-16T17:10:06.000Z",
        "isDeleted": False,
    },
)
CONNECTION = _complete(
    Kind.CONNECTION,
    {
        "uuid": "417c5997-296e-4e7d-b482-7c899406041f",
        "name": "Twilio",
        "type": "Twilio",
        "description": "",
        "devValue": "{ accountSid: 'AC1', authToken: secrets.TWILIO_TOKEN }",
        "prodValue": "",
        "createdAt": "2026-03-16T17:10:06.000Z",
        "updatedAt": "2026-03-16T17:10:06.000Z",
        "isDeleted": False,
    },
)
SECRET = _complete(
    Kind.SECRET,
    {
        "uuid": "0b2a8f2e-6c43-4f0e-8d0c-0f3f9f6a2d11",
        "name": "TWILIO_TOKEN",
        "description": "",
        "type": "",
        "group": "",
        "tags": [],
        "devValue": None,
        "prodValue": None,
        "hasDevValue": True,
        "hasProdValue": False,
        "createdAt": "2026-03-16T17:10:06.000Z",
        "updatedAt": "2026-03-16T17:10:06.000Z",
        "isDeleted": False,
    },
)
NAMED_SAVE: dict[str, Any] = {
    "uuid": "666c6f77-7361-8765-8000-00000000002a",
    "saveName": "Before the change",
    "flowName": "SMS Test",
    "createdAt": "2026-03-16T17:10:06.000Z",
    "isNamedSave": True,
    "createdBy": "alice",
}
