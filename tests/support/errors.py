"""The body of an error, without what differs from request to request."""

from typing import Any


def error_of(answer: Any) -> dict[str, Any]:
    """The body, whose `requestId`, which is checked, is left out."""
    body: dict[str, Any] = answer.json()
    assert body.pop("requestId") == answer.headers["X-Request-ID"]
    return body
