"""Endpoints that take only the names that they declare, and refuse every other.

An endpoint's documentation is its declaration: there is no second list that could differ.
"""

from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.views import APIView

from flows.rest.requests.refusals import Problem, Refused, make_invalid_refusal

_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}
_LONGEST_NAME = 200


class DeclaredNames(APIView):
    """Base of the endpoints that are no part of the contract with existing clients.

    A misspelt or misplaced word, such as a `dryRun` in the address, must not be passed over: the
    rest would be carried out. Clients of the contract send unknown names, and are not refused.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise Refused for names that are not declared, after the caller's rights are checked."""
        super().initial(request, *args, **kwargs)
        if request.method not in self.allowed_methods:
            return  # the rest of the initialisation answers it
        _refuse("parameter", request.query_params, _list_declared_parameters(self, request))
        if request.method in _WITH_BODY:
            self.check_keys(request)

    def check_keys(self, request: Request) -> None:
        """Raise Refused for keys of the body that are not declared."""
        _refuse("key", _get_given_keys(request), _list_declared_keys(self, request))


def _refuse(what: str, given: Iterable[str], declared: Collection[str]) -> None:
    known = f"The {what}s are {', '.join(declared)}." if declared else f"There are no {what}s here."
    problems = [
        Problem(
            code=f"unknown-{what}",
            message=f"This {what} is unknown. {known}",
            path=name[:_LONGEST_NAME],
        )
        for name in sorted({*given} - {*declared})
    ]
    if problems:
        raise make_invalid_refusal(problems)


def _get_given_keys(request: Request) -> Iterable[str]:
    """Return the keys of the body, where there is one. Raises Refused for one that is no object."""
    if request.stream is None:
        return ()
    if not isinstance(request.data, Mapping):
        raise Refused(HTTPStatus.BAD_REQUEST, "wrong-type", "The body must be an object.")
    return request.data


def _list_declared_parameters(view: APIView, request: Request) -> list[str]:
    """Return the query's parameters for the method; for OPTIONS, those of all methods."""
    methods = view.allowed_methods if request.method == "OPTIONS" else [str(request.method)]
    return [
        name
        for method in methods
        if (schema := _find_documentation(view, method))
        for parameter in schema.get_override_parameters()
        for name in _list_query_names(parameter)
    ]


def _list_declared_keys(view: APIView, request: Request) -> list[str]:
    schema = _find_documentation(view, str(request.method))
    serializer: Any = schema.get_request_serializer() if schema else None
    return list(serializer().fields) if serializer else []


def _find_documentation(view: APIView, method: str) -> AutoSchema | None:
    """Return what extend_schema attached to the method; None where there is nothing."""
    handler = getattr(view, method.lower(), None)
    schema_class = getattr(handler, "kwargs", {}).get("schema")
    if schema_class is None:
        return None
    schema: AutoSchema = schema_class()
    schema.view, schema.method = view, method
    return schema


def _list_query_names(parameter: Any) -> list[str]:
    if isinstance(parameter, OpenApiParameter):
        return [parameter.name] if parameter.location == OpenApiParameter.QUERY else []
    return list(parameter().fields)
