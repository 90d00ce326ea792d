"""Recognise the requests of the API."""

from django.http import HttpRequest

_PREFIX = "/api"


def is_of_api(request: HttpRequest) -> bool:
    """Return whether the request is for the API, whose errors are JSON."""
    return request.path_info == _PREFIX or request.path_info.startswith(f"{_PREFIX}/")
