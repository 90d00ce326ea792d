"""The permissions of the API of items: Django's permissions of their models."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

_VERBS = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


class HasModelPermission(IsAuthenticated):
    """Requires a permission for every method, reading too.

    `view.kind` is the model's kind, and `view.verbs` has the methods that need another permission
    than they usually do.
    """

    message = "Your account may not do this. An administrator can give the right."
    code = "not-permitted"

    def has_permission(self, request: Request, view: APIView) -> bool:
        verbs: dict[str, str] = {**_VERBS, **getattr(view, "verbs", {})}
        if request.method not in verbs:
            raise MethodNotAllowed(str(request.method))
        kind: Any = getattr(view, "kind")  # noqa: B009 - a view of this API has one
        return bool(request.user.has_perm(f"flows.{verbs[request.method]}_{kind}"))
