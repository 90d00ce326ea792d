"""Describe the API (OpenAPI), as far as it is the same for every endpoint.

A view declares its own answers; the errors that any of its kind can give are added here. An error
that a view declares without a body (`responses={409: None}`) has the body of all errors.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from drf_spectacular.utils import extend_schema as spectacular_extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated

from flows.rest.requests.idempotency import HEADER

F = TypeVar("F", bound=Callable[..., Any])


class ErrorIssueSerializer(serializers.Serializer[Any]):
    """One problem of a body or a file."""

    code = serializers.CharField()
    path = serializers.CharField(help_text="Where it is, such as `flows[3].name`; may be empty.")
    uuid = serializers.CharField(allow_null=True, help_text="Of the item, as the file has it.")
    name = serializers.CharField(allow_null=True, help_text="Of the item, as the file has it.")
    message = serializers.CharField(help_text="What is wrong, and what to do.")


class ErrorSerializer(serializers.Serializer[Any]):
    """The body of every error."""

    message = serializers.CharField(help_text="For people.")
    code = serializers.CharField(help_text="For programs: stable.")
    issues = ErrorIssueSerializer(many=True, help_text="Every problem, where there can be several.")
    requestId = serializers.CharField(  # noqa: N815 - the word of the contract
        help_text="That of the header `X-Request-ID`, by which the server's log can be searched."
    )


_DESCRIPTIONS = {
    HTTPStatus.BAD_REQUEST: "The request is malformed.",
    HTTPStatus.UNAUTHORIZED: "There is no valid token.",
    HTTPStatus.FORBIDDEN: "The user may not do this.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.NOT_ACCEPTABLE: "The caller accepts no JSON.",
    HTTPStatus.CONFLICT: "The request under this Idempotency-Key is being carried out.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is of another type than the endpoint reads.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The Idempotency-Key was used for another request.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many wrong tokens; see Retry-After.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database does not answer, or took too long over it.",
}
_EXAMPLES = {
    HTTPStatus.BAD_REQUEST: {
        "message": "username: This field is required.",
        "code": "invalid",
        "issues": [
            {
                "code": "required",
                "path": "username",
                "uuid": None,
                "name": None,
                "message": "This field is required.",
            }
        ],
        "requestId": "5b0a3a0e-8a55-4a0b-9a6f-4f3a0a5f0c11",
    }
}


_IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters, such as a new UUID. The same request may be "
    "sent again under it for 24 hours: it is carried out once, and answered as the first time. "
    "Meanwhile it is 409 `idempotency-in-progress`; another request under the key is 422 "
    "`idempotency-mismatch`. What was refused is not remembered.",
)


class ApiSchema(AutoSchema):
    """drf-spectacular's description of a view, with the errors that it can give."""

    def get_override_parameters(self) -> list[Any]:
        return [_IDEMPOTENCY_KEY] if self._takes_key() else []

    def _takes_key(self) -> bool:
        handler = getattr(self.view, self.method.lower(), None)
        return getattr(handler, "takes_idempotency_key", False)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._find_errors_of_kind():
            if str(status.value) not in responses:
                responses[str(status.value)] = self._get_response_for_code(
                    None, str(status.value), direction=direction
                )
        return dict(sorted(responses.items()))

    def _get_response_for_code(
        self,
        serializer: Any,
        status_code: str,
        media_types: Any = None,
        direction: Any = "response",
    ) -> Any:
        body = serializer.response if isinstance(serializer, OpenApiResponse) else serializer
        if body is None and int(status_code) >= HTTPStatus.BAD_REQUEST:
            description = (
                str(serializer.description) if isinstance(serializer, OpenApiResponse) else ""
            )
            serializer = _make_error_response(HTTPStatus(int(status_code)), description)
        return super()._get_response_for_code(  # type: ignore[no-untyped-call] # it has no types
            serializer, status_code, media_types, direction
        )

    def _find_errors_of_kind(self) -> Iterator[HTTPStatus]:
        yield HTTPStatus.NOT_ACCEPTABLE
        if self.view.authentication_classes:
            yield HTTPStatus.UNAUTHORIZED
            yield HTTPStatus.TOO_MANY_REQUESTS
        if {*self.view.permission_classes} - {AllowAny, IsAuthenticated}:
            yield HTTPStatus.FORBIDDEN
        if self._takes_key():
            yield HTTPStatus.BAD_REQUEST
            yield HTTPStatus.CONFLICT
            yield HTTPStatus.UNPROCESSABLE_ENTITY
        if "{" in self.path:
            yield HTTPStatus.NOT_FOUND
        if self.method in {"POST", "PUT", "PATCH"} and self.get_request_serializer() is not None:
            yield HTTPStatus.BAD_REQUEST
            yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def extend_schema(**words: Any) -> Callable[[F], F]:
    """Return drf-spectacular's decorator of that name, which describes by ApiSchema.

    Its own would use the project's DEFAULT_SCHEMA_CLASS, which may know nothing of it.
    """
    extend = spectacular_extend_schema(**words)

    def decorate(method: F) -> F:
        if not getattr(method, "kwargs", {}).get("schema"):
            method.schema = ApiSchema  # type: ignore[attr-defined]
        return extend(method)

    return decorate


def _make_error_response(status: HTTPStatus, description: str) -> OpenApiResponse:
    examples = [OpenApiExample("Error", _EXAMPLES[status])] if status in _EXAMPLES else []
    return OpenApiResponse(
        ErrorSerializer,
        description=description or _DESCRIPTIONS.get(status, ""),
        examples=examples,
    )
