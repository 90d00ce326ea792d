"""The headers of every answer for which neither Django nor django-csp has a setting."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# What a browser offers to pages and none of ours uses.
_UNUSED = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
_PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in _UNUSED)


def permissions_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: no page, and nothing that it may come to hold, gets at the user's devices."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS_POLICY)
        return response

    return middleware
