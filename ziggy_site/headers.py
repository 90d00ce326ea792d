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


def no_store(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: no browser and no proxy keeps what is answered, which may need a login.

    A computer that several people use must not show a page after its user logged out.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "no-store" not in response.headers.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "no-store"
        return response

    return middleware
