"""`ETag` and `If-Match` (RFC 9110): no write replaces a change that its caller has not read."""

from http import HTTPStatus
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags, quote_etag
from rest_framework.request import Request
from rest_framework.response import Response

from flows.models import Item
from flows.rest.requests.refusals import Refused
from flows.saves.state_tags import compute_state_tag

Condition = str | None
"""The `If-Match` of a request; None where it has none."""


def get_condition(request: Request) -> Condition:
    """Return the request's condition on the state of the row."""
    return request.headers.get("If-Match")


def check_condition(item: Item, condition: Condition) -> None:
    """Raise Refused where the locked row is in none of the states that the condition lists.

    A weak tag is taken as the strong one that it was made of.
    """
    if condition is None:
        return
    # A server or proxy that compresses an answer makes its tag weak, as the bytes are others then.
    # Ours is of the row's state, whatever the bytes, so that the same tag still names that state.
    named = [tag.removeprefix("W/") for tag in parse_etags(condition)]
    if named == ["*"] or quote_etag(compute_state_tag(item)) in named:
        return
    by = f" by {item.updated_by}" if item.updated_by else ""
    raise Refused(
        HTTPStatus.PRECONDITION_FAILED,
        "precondition-failed",
        f"The {item.kind} was changed since, last{by} on {item.updated_at:%Y-%m-%d %H:%M:%S} UTC, "
        "and nothing was written. Get it again, and send your change with its new ETag.",
    )


def add_tag(response: Response, tag: str) -> Response:
    """Return the answer with the tag of its item."""
    response.headers["ETag"] = quote_etag(tag)
    return response


def answer_if_changed(
    request: HttpRequest | Request, response: Response, tag: str
) -> HttpResponseBase:
    """Return the answer to a GET, or 304 where `If-None-Match` has its tag."""
    add_tag(response, tag)
    answer = get_conditional_response(request, etag=response.headers["ETag"], response=response)
    return cast(HttpResponseBase, answer)  # it returns the response that it is given
