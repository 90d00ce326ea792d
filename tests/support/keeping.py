"""Keeping plans through the API in tests, and applying them."""

from typing import Any

from tests.support.uploading import BOUNDARY, file_part, form, words


def keep(client: Any, payload: bytes, mode: str = "OVERWRITE", **fields: str) -> Any:
    """The answer to a plan that is to be kept of these bytes."""
    header = {"HTTP_IDEMPOTENCY_KEY": fields.pop("idempotency")} if "idempotency" in fields else {}
    body = form(file_part(payload), *words(duplicatesMode=mode, **fields))
    return client.generic(
        "POST",
        "/api/plans",
        body,
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        **header,
    )


def kept(client: Any, payload: bytes, mode: str = "OVERWRITE", **fields: str) -> dict[str, Any]:
    """The plan that is kept of these bytes."""
    answer = keep(client, payload, mode, **fields)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def apply(client: Any, plan: dict[str, Any], **body: Any) -> Any:
    """The answer to the plan's application."""
    return client.post(f"/api/plans/{plan['id']}/apply", body, format="json")
