"""Middleware of JSON logs: each request is logged by django-structlog, without its address."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware
from django_structlog.signals import bind_extra_request_metadata

from flows.web.routes import get_route_name


class LoggedRequestMiddleware(RequestMiddleware):
    """Logs the method and the name of the address, and not the address, which may have names.

    The id, the user and the run are in every line of the log already.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        super().__init__(get_response)
        bind_extra_request_metadata.connect(drop_user_agent)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {get_route_name(request.resolver_match)}"

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Bind nothing: to ask for the user of each request would read its session."""


def drop_user_agent(log_kwargs: dict[str, Any], **_: Any) -> None:
    """Leave out what a caller calls itself. A receiver of django-structlog's signal."""
    log_kwargs.pop("user_agent", None)
