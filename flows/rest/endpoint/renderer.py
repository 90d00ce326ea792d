"""The renderers of the API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from flows.web.request_id import get_request_id


class ApiRenderer(JSONRenderer):
    """Renders JSON, and adds the request's id to every error."""

    compact = True
    ensure_ascii = False
    strict = True

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> Any:
        response = (renderer_context or {}).get("response")
        is_error = response is not None and response.status_code >= HTTPStatus.BAD_REQUEST
        if is_error and isinstance(data, Mapping):
            data = {**data, "requestId": get_request_id()}
        return super().render(data, accepted_media_type, renderer_context)


class MarkdownRenderer(BaseRenderer):
    """Renders a text that is Markdown already, for endpoints that have one."""

    media_type = "text/markdown"
    format = "markdown"
    charset = "utf-8"

    def render(
        self, data: str, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        return data.encode()
