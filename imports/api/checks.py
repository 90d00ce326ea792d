"""What the endpoints of imports check first: rights, and valid parameters."""

from http import HTTPStatus
from typing import Any, cast

from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from flows.counting import format_problems
from flows.rest.endpoint.errors import find_problems
from flows.users import User
from imports.errors import Issue, NotPermitted, UnableToImport
from imports.permissions import check_permission


class RequestInvalid(UnableToImport):
    """The body or the query is invalid: `issues` lists every problem."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class NothingThere(UnableToImport):
    """The requested object does not exist."""

    status = HTTPStatus.NOT_FOUND


def get_caller(request: Request) -> User:
    """Return the caller's user. Every endpoint requires one."""
    return cast(User, request.user)


def require_permissions(*permissions: str) -> list[type[BasePermission]]:
    """Return the permission classes of an endpoint that needs all of these permissions."""

    class HasPermissions(BasePermission):
        def has_permission(self, request: Request, view: APIView) -> bool:
            check_permission(get_caller(request), *permissions)
            return True

    return [IsAuthenticated, HasPermissions]


def check_is_intended(request: Request) -> None:
    """Raise NotPermitted for a GET that changes data, unless its caller sent a token.

    What a browser sends by itself, a session or a password, goes with any link of any page.
    """
    if request.auth is None:
        raise NotPermitted(
            "token-needed", "This changes data by a GET: send a token, not a session or a password."
        )


def validate(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the data as the serializer reads it. Raises RequestInvalid with every problem."""
    reader = serializer(data=data)
    if reader.is_valid():
        return dict(reader.validated_data)
    issues = [
        Issue(code=problem.code, message=problem.message, path=problem.path)
        for problem in find_problems(reader.errors)
    ]
    raise RequestInvalid("invalid-request", format_problems(issues), issues)
