"""Lists of the REST door of imports, which come a page at a time."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from rest_framework.request import Request

from imports.api.checks import NothingThere, validated
from imports.api.shapes.query import PageQuery


def query_of(request: Request, serializer: type[PageQuery]) -> dict[str, Any]:
    """The parameters; an empty one says nothing."""
    return validated(serializer, {key: word for key, word in request.query_params.items() if word})


def page_of(request: Request, rows: QuerySet[Any], query: dict[str, Any]) -> dict[str, Any]:
    """A part of the rows. Raises NothingThere where they end before it."""
    number, size = query["page"], query["pageSize"]
    count = rows.count()
    last = max(1, -(-count // size))
    if number > last:
        raise NothingThere("not-found", f"There are {last} pages of {size}.")
    return {
        "count": count,
        "next": _address(request, number + 1) if number < last else None,
        "previous": _address(request, number - 1) if number > 1 else None,
        "results": rows[(number - 1) * size : number * size],
    }


def _address(request: Request, page: int) -> str:
    parameters = urlencode({**request.query_params.dict(), "page": page})
    return request.build_absolute_uri(f"{request.path}?{parameters}")
