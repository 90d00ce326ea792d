"""The base of endpoints that send a file, which may be no JSON."""

from typing import Any

from rest_framework.request import Request

from flows.rest.endpoint.view import ApiView


class FileView(ApiView):
    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Return JSON as the format of errors, also for a caller that accepts only gzip."""
        return super().perform_content_negotiation(request, force=True)
