"""The block of the roles, with their permissions."""

from django.apps import apps

from flows.roles import ROLES
from tools.reference_blocks.markdown import format_table


def list_roles() -> str:
    """Return the table of the roles: which permission each of them has."""
    every = sorted(
        {name for role in ROLES.values() for name in role.permissions}, key=_get_sort_key
    )
    names = _list_permissions()
    headings = ["permission", "", *(role.group for role in ROLES.values())]
    rows = [[f"`{name}`", names[name], *map(_format_yes, _list_holders(name))] for name in every]
    return format_table(headings, rows)


def _list_holders(permission: str) -> list[bool]:
    return [permission in role.permissions for role in ROLES.values()]


def _format_yes(is_so: bool) -> str:
    return "yes" if is_so else ""


def _get_sort_key(name: str) -> tuple[str, str, str]:
    app, _, codename = name.partition(".")
    verb, _, model = codename.partition("_")
    return app, model, verb


def _list_permissions() -> dict[str, str]:
    names: dict[str, str] = {}
    for model in apps.get_models():
        meta = model._meta
        for verb in meta.default_permissions:
            names[f"{meta.app_label}.{verb}_{meta.model_name}"] = (
                f"Can {verb} {meta.verbose_name_plural}"
            )
        names |= {f"{meta.app_label}.{codename}": str(name) for codename, name in meta.permissions}
    return names
