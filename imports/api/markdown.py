"""Answers in Markdown, for whoever accepts nothing else: a plan, or why there is none."""

from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from flows.conf import ziggy
from flows.rest.endpoint.renderer import ApiRenderer, MarkdownRenderer
from flows.rest.endpoint.view import ApiView
from imports.errors import UnableToImport
from imports.planfile.markdown.refusal_page import format_refusal_markdown

MARKDOWN = MarkdownRenderer.media_type


class MarkdownView(ApiView):
    """An endpoint that answers in JSON, or in Markdown to a caller that accepts only that."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        renderers = [ApiRenderer(), MarkdownRenderer()]
        try:
            return self.get_content_negotiator().select_renderer(request, renderers, None)
        except Exception:
            if force:
                return renderers[0], renderers[0].media_type
            raise


def wants_markdown(request: Request) -> bool:
    """Return whether the answer to the request is to be Markdown."""
    return isinstance(request.accepted_renderer, MarkdownRenderer)


def answer_refusal(refusal: UnableToImport, *, source: str) -> Response:
    """Return, in Markdown, why there is no plan; `source` is what was to be planned.

    Raises the failures of the server, whose messages are not for everybody.
    """
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise refusal
    text = format_refusal_markdown(server=ziggy.SERVER_NAME, source=source, refusal=refusal)
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    return Response(text, status=refusal.status, headers=headers)
