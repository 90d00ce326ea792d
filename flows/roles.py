"""The permissions of each role: one table, which migrations write into the database's groups.

After a change of the table, add a migration that runs `write_roles` again. From the strongest
role to the weakest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.apps import apps as global_apps
from django.db import DEFAULT_DB_ALIAS

from flows.servers import is_of_servers

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from flows.users import User


class Role(StrEnum):
    """A role, by its name in the API."""

    ADMIN = "ADMIN"
    EDITOR = "EDITOR"
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT"
    PLANNER = "PLANNER"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A role: the name of its group, and the permissions of the group."""

    group: str
    permissions: frozenset[str]


def _list_permissions(models: Iterable[str], *verbs: str) -> frozenset[str]:
    return frozenset(
        f"{app}.{verb}_{model}"
        for app, model in (label.split(".") for label in models)
        for verb in verbs
    )


_OWN_APPS = ("flows", "imports")
_ITEMS = ("flows.flow", "flows.connection", "flows.secret")
_RECORDS = ("imports.importrecord", "imports.importitem")
_ACCOUNTS = ("accounts.user", "accounts.apitoken")

_READ = _list_permissions([*_ITEMS, *_RECORDS], "view")
_PLAN = frozenset({"imports.plan_import"})
_IMPORT = _PLAN | {
    *("imports.run_import", "imports.overwrite_items", "imports.back_up_database"),
}

# From the strongest to the weakest: a user in several groups has the strongest role.
ROLES: dict[Role, Definition] = {
    Role.ADMIN: Definition(
        group="Admin",
        permissions=_READ
        | _list_permissions([*_ITEMS, *_ACCOUNTS], "view", "add", "change", "delete")
        | _list_permissions(["auth.group"], "view")
        | _IMPORT
        | {
            "imports.undo_import",
            "imports.retarget_connections",
            "imports.skip_backup",
            "imports.override_locks",
            "imports.vacuum_database",
            "imports.transfer_database",
            "imports.purge_items",
            "imports.prune_items",
        },
    ),
    Role.EDITOR: Definition(
        group="Editor",
        permissions=_READ
        | _list_permissions(_ITEMS, "add", "change", "delete")
        | _IMPORT
        | {"imports.undo_import", "imports.retarget_connections", "imports.prune_items"},
    ),
    Role.SERVICE_ACCOUNT: Definition(
        group="Service Account",
        permissions=_READ | _list_permissions(_ITEMS, "add", "change") | _IMPORT,
    ),
    Role.PLANNER: Definition(group="Planner", permissions=_READ | _PLAN),
    Role.OPERATOR: Definition(group="Operator", permissions=_READ),
}


def find_role(user: "User | AnonymousUser") -> Role | None:
    """Return the user's strongest role; a superuser is an admin."""
    if user.is_superuser:
        return Role.ADMIN
    groups = _get_group_names(user)
    return next((role for role, each in ROLES.items() if each.group in groups), None)


def is_service_account(user: "User | AnonymousUser") -> bool:
    """Return whether the user is a service account, whatever other roles it has."""
    return ROLES[Role.SERVICE_ACCOUNT].group in _get_group_names(user)


def _get_group_names(user: "User | AnonymousUser") -> set[str]:
    # All of them, not a query for the names: lists prefetch them.
    return {group.name for group in user.groups.all()}


class GroupTakenError(Exception):
    """A group of the project has the name of a role's group."""


def make_roles(database: str = DEFAULT_DB_ALIAS, *, prefix: str = "") -> None:
    """Make each role's group and give it exactly the table's permissions of the apps.

    For projects that have users of their own: call it once everything is migrated, and again after
    an upgrade. `prefix` goes before each group's name. Without the app of accounts its permissions
    are left out, and those of other apps stay as they are. Raises GroupTakenError, and changes
    nothing, where the project has a group of such a name with permissions of other apps alone.
    """
    groups = global_apps.get_model("auth", "Group").objects.using(database)
    names = [f"{prefix}{role.group}" for role in ROLES.values()]
    others = groups.filter(name__in=names).exclude(permissions=None)
    others = others.exclude(permissions__content_type__app_label__in=_OWN_APPS)
    if taken := sorted(others.values_list("name", flat=True).distinct()):
        raise GroupTakenError(
            f"These groups are the project's own: {', '.join(taken)}. Rename them, or give the "
            'groups of the roles other names, as by make_roles(prefix="Flows: ").'
        )
    _write(global_apps, database, prefix)


def write_roles(apps: Any, schema_editor: Any) -> None:
    """Do what `make_roles` does in a migration.

    Permissions of models that this migration's state does not have yet are left out: a later
    migration runs this again.
    """
    _write(apps, schema_editor.connection.alias)


def _list_own_labels() -> list[str]:
    labels = {name.split(".")[0] for name in ROLES[Role.ADMIN].permissions}
    return sorted(label for label in labels if label == "auth" or is_of_servers(label))


def _write(apps: Any, database: str, prefix: str = "") -> None:
    # Django makes the rows of permissions only after the last migration: this makes missing ones.
    _make_permissions(apps, database)
    ids = {
        f"{app}.{codename}": pk
        for app, codename, pk in apps.get_model("auth", "Permission")
        .objects.using(database)
        .filter(content_type__app_label__in=_list_own_labels())
        .values_list("content_type__app_label", "codename", "pk")
    }
    # The rows between the two, as `group.permissions` would use the router to choose a database.
    groups = apps.get_model("auth", "Group").objects.using(database)
    links = apps.get_model("auth", "Group").permissions.through.objects.using(database)
    for role in ROLES.values():
        group, _ = groups.get_or_create(name=f"{prefix}{role.group}")
        links.filter(group_id=group.pk, permission_id__in=ids.values()).delete()
        links.bulk_create(
            links.model(group_id=group.pk, permission_id=ids[name])
            for name in sorted(role.permissions & ids.keys())
        )


def _make_permissions(apps: Any, database: str) -> None:
    from django.contrib.auth.management import create_permissions  # noqa: PLC0415 - needs models

    installed = {app_config.label: app_config for app_config in apps.get_app_configs()}
    for label in (label for label in _list_own_labels() if label in installed):
        app_config = installed[label]
        # A state of migrations has no modules, and Django needs one.
        module = getattr(app_config, "models_module", None)
        app_config.models_module = module or True
        create_permissions(app_config, apps=apps, verbosity=0, using=database)
        app_config.models_module = module
