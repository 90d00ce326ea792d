"""The addresses of the API, wherever a project includes it."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import URLResolver, get_resolver, reverse

API = "ziggy-api"
"""The name of the API's addresses: `app_name` of imports.api.urls."""


def is_of_api(request: HttpRequest) -> bool:
    """Return whether the request is below an address at which the project includes the API.

    At the root of the project it is told from nothing else: then no request is.
    """
    path = request.path_info
    prefixes = _find_prefixes(get_resolver(getattr(request, "urlconf", None)))
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def make_api_address(request: Any, name: str, *args: Any) -> str:
    """Return the address of an endpoint beside the one that the request is for."""
    return reverse(f"{request.resolver_match.namespace}:{name}", args=args)


@cache
def _find_prefixes(resolver: URLResolver) -> tuple[str, ...]:
    return tuple(prefix.rstrip("/") for prefix in _walk(resolver, "/") if prefix != "/")


def _walk(resolver: URLResolver, path: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            below = f"{path}{pattern.pattern}"
            if pattern.app_name == API:
                yield below
            else:
                yield from _walk(pattern, below)
