"""Who may use the API of an item: Django's permissions of its model, and no one else."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
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


class HasModelPermission(BasePermission):
    """Every method needs a permission, reading too.

    `view.kind` says of which model, and `view.verbs` where a method needs another permission than
    it usually does.
    """

    message = "Your account may not do this. An administrator can give the right."
    code = "not-permitted"

    def has_permission(self, request: Request, view: APIView) -> bool:
        verbs: dict[str, str] = {**_VERBS, **getattr(view, "verbs", {})}
        if request.method not in verbs:
            raise MethodNotAllowed(str(request.method))
        kind: Any = getattr(view, "kind")  # noqa: B009 - a view of this API has one
        return bool(request.user.has_perm(f"flows.{verbs[request.method]}_{kind}"))
