"""The page for too many logins at once, in place of an error."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from accounts.hashing import TooManyHashesError


class TooManyHashesMiddleware:
    """Answers 503 where no password can be hashed now. The API has its own answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer that error with its page; return None for every other one."""
        if not isinstance(error, TooManyHashesError):
            return None
        # Without the request: a page for many at once reads neither a session nor the database.
        page = render_to_string("accounts/too_many_hashes.html", {"error": error})
        answer = HttpResponse(page, status=HTTPStatus.SERVICE_UNAVAILABLE)
        answer.headers["Retry-After"] = str(error.wait)
        return answer
