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
    "`secret-to-new-destination;serious, code-uses-secret`. `GET /secret/{uuid}` says where the "
    "secret is sent now.",
    response=[HTTPStatus.OK.value, HTTPStatus.CREATED.value],
)


def add_warnings(response: Response, warnings: Iterable[DestinationWarning]) -> Response:
    """Return the response with the codes of the warnings, each once, the serious ones first."""
    pairs = {(not warning.is_serious, warning.code) for warning in warnings}
    if pairs:
        codes = [f"{code}{'' if is_plain else ';serious'}" for is_plain, code in sorted(pairs)]
        response.headers[HEADER] = ", ".join(codes)
    return response
