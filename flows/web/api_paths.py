"""Recognise the requests of the API."""

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

_FIRST_ENDPOINT = "health"


def is_of_api(request: HttpRequest) -> bool:
    """Return whether the request is below the address at which the project includes the API."""
    try:
        prefix = reverse(f"ziggy-api:{_FIRST_ENDPOINT}").removesuffix(f"/{_FIRST_ENDPOINT}")
    except NoReverseMatch:
        return False
    return request.path == prefix or request.path.startswith(f"{prefix}/")
