"""Recognise the pages of the apps among those of a project."""

from django.http import HttpRequest
from django.urls import Resolver404, resolve

from flows.servers import is_of_servers
from flows.web.api_paths import is_of_api

_ADMIN = "admin"


def is_own_page(request: HttpRequest) -> bool:
    """Return whether the request is for the API, or for a page of the apps in the admin."""
    if is_of_api(request):
        return True
    try:
        match = request.resolver_match or resolve(request.path_info)
    except Resolver404:
        return False
    label = str(match.url_name or "").partition("_")[0]
    return _ADMIN in match.app_names and is_of_servers(label)
