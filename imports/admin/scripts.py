"""How a page's script asks: for JSON, where a browser by itself asks for a page."""

from django.http import HttpRequest


def is_script(request: HttpRequest) -> bool:
    """Return whether a script of a page asks, which goes to the next page by itself."""
    return request.headers.get("Accept") == "application/json"
