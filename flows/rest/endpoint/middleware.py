"""Middleware: whatever is below the API's address answers with JSON."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse

from flows.rest.endpoint.errors import make_error_body
from flows.web.api_paths import is_of_api
from flows.web.request_id import get_request_id

_OWN_FORMATS = ("application/json", "text/markdown")


class ApiMiddleware:
    """Answers with JSON to unknown paths, refused hosts and unforeseen exceptions of the API.

    Django has pages in HTML for them, with the stack where DEBUG is on. The outermost middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_of_api(request):
            return self.get_response(request)
        response = self.get_response(request)
        # A view that answers with Markdown does so for refusals as well.
        is_own = response.headers.get("Content-Type", "").startswith(_OWN_FORMATS)
        if response.status_code >= HTTPStatus.BAD_REQUEST and not is_own:
            response = _convert_to_json(response)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _convert_to_json(response: HttpResponse) -> HttpResponse:
    body = {**make_error_body(HTTPStatus(response.status_code)), "requestId": get_request_id()}
    answer = JsonResponse(body, status=response.status_code)
    for name, value in response.headers.items():
        if name != "Content-Type":
            answer.headers[name] = value
    answer.headers["Content-Length"] = str(len(answer.content))
    return answer
