"""Which right a page of the admin needs that a user lacks, who has it, and who can give it."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.http import HttpRequest

from accounts.models import User
from flows.roles import ROLES, Role

ADMINISTRATORS_SHOWN = 5

# What a page of an admin class needs, by the end of its address's name. All others need the sight.
_VERBS = {
    "add": "add",
    "delete": "delete",
    "recover": "add",
    "recoverlist": "add",
    "restore_save": "change",
    "undelete": "change",
}
_CHANGING = {"change", "saves", "revision"}
"""Pages that show something, and need more when they are sent a form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRight:
    """A permission that the user lacks."""

    permission: str
    name: str
    """What it allows, in words."""
    roles: tuple[str, ...]
    """The roles that have it."""


def find_missing_right(request: HttpRequest) -> MissingRight | None:
    """Return the right that the page of the request needs and its user lacks; None if not known."""
    permission = _find_needed_permission(request)
    if permission is None or request.user.has_perm(permission):
        return None
    app, _, codename = permission.partition(".")
    found = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
    return MissingRight(
        permission=permission,
        name=found.name if found else permission,
        roles=tuple(each.group for each in ROLES.values() if permission in each.permissions),
    )


def find_administrators(*, other_than: str) -> list[str]:
    """Return the names of some users who can give rights, without that of the user who asks."""
    is_one = Q(is_superuser=True) | Q(groups__name=ROLES[Role.ADMIN].group)
    users = User.objects.filter(is_one, is_active=True).exclude(username=other_than)
    names = users.order_by("username").values_list("username", flat=True).distinct()
    return list(names[:ADMINISTRATORS_SHOWN])


def _find_needed_permission(request: HttpRequest) -> str | None:
    match = request.resolver_match
    name = match.url_name or "" if match else ""
    for model in admin.site._registry:
        app, model_name = model._meta.app_label, model._meta.model_name
        prefix, page = f"{app}_{model_name}_", ""
        if name.startswith(prefix):
            page = name.removeprefix(prefix)
        if page:
            verb = _VERBS.get(page, "view")
            if request.method == "POST" and page in _CHANGING:
                verb = "change"
            return f"{app}.{verb}_{model_name}"
    return None
