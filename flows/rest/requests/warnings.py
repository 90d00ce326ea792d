"""The warnings of a write of one item, in a header: the contract with clients fixes the bodies."""

from collections.abc import Iterable
from http import HTTPStatus

from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from flows.destinations.warnings import DestinationWarning

HEADER = "Ziggy-Warnings"
WARNINGS = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="The codes of what the write is warned of, such as "
    "`code-uses-secret;serious, secret-to-new-destination;serious`. `GET /secret/{uuid}` says "
    "where the secret is sent now.",
    response=[HTTPStatus.OK.value, HTTPStatus.CREATED.value],
)


def add_warnings(response: Response, warnings: Iterable[DestinationWarning]) -> Response:
    """Return the response with the codes of the warnings, each once: all of them are serious."""
    if codes := sorted({warning.code for warning in warnings}):
        response.headers[HEADER] = ", ".join(f"{code};serious" for code in codes)
    return response
