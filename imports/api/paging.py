"""The lists of the REST API of imports, in pages."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from imports.api.checks import NothingThere, validate


def read_query(request: Request, serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """Return the query's parameters. Empty ones are ignored."""
    return validate(serializer, {key: word for key, word in request.query_params.items() if word})


def make_page(request: Request, rows: QuerySet[Any], query: dict[str, Any]) -> dict[str, Any]:
    """Return one page of the rows. Raises NothingThere if they have fewer pages."""
    number, size = query["page"], query["pageSize"]
    count = rows.count()
    last = max(1, -(-count // size))
    if number > last:
        raise NothingThere("not-found", f"There are {last} pages of {size}.")
    return {
        "count": count,
        "next": _make_address(request, number + 1) if number < last else None,
        "previous": _make_address(request, number - 1) if number > 1 else None,
        "results": rows[(number - 1) * size : number * size],
    }


def _make_address(request: Request, page: int) -> str:
    parameters = urlencode({**request.query_params.dict(), "page": page})
    return request.build_absolute_uri(f"{request.path}?{parameters}")
