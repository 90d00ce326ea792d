"""What the endpoints of imports check first: rights, and valid parameters."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast

from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from flows.counting import format_others
from flows.texts import make_json_path, make_printable
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
    issues = list(_find_issues(reader.errors))
    first = issues[0]
    place = f"{first.path}: " if first.path else ""
    message = f"{place}{first.message}{format_others(issues)}"
    raise RequestInvalid("invalid-request", message, issues)


def _find_issues(errors: Any, path: tuple[str | int, ...] = ()) -> Iterator[Issue]:
    if isinstance(errors, Mapping):
        for key, each in errors.items():
            yield from _find_issues(each, path if key == "non_field_errors" else (*path, key))
        return
    for error in errors:
        message = make_printable(str(error))
        yield Issue(
            code=str(error.code).replace("_", "-"), path=make_json_path(*path), message=message
        )
