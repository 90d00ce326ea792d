"""The permissions that a user needs for a plan to be applied.

An import never needs less than the same changes by hand, and what only an import can do has
permissions of its own. A user of None is the shell, which may do everything. All permissions that
are needed are checked first, so that one refusal lists all that are missing.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from django.contrib.auth.models import AnonymousUser, Permission
from django.db import DEFAULT_DB_ALIAS, router

from flows import sight
from flows.content.fields import Kind
from flows.counting import format_others
from flows.destinations.warnings import DestinationWarning
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from flows.servers import get_current_database, target_database
from flows.texts import quote
from flows.users import User
from imports.errors import Issue, NotPermitted
from imports.models import ImportRecord
from imports.plans.plan import Result, UndoResult
from imports.refusal_events import log_refusal

RUN_IMPORT = "imports.run_import"
PLAN_IMPORT = "imports.plan_import"
OVERWRITE_ITEMS = "imports.overwrite_items"
SKIP_BACKUP = "imports.skip_backup"
OVERRIDE_LOCKS = "imports.override_locks"
PRUNE_ITEMS = "imports.prune_items"
UNDO_IMPORT = "imports.undo_import"
BACK_UP_DATABASE = "imports.back_up_database"
PURGE_ITEMS = "imports.purge_items"
VACUUM_DATABASE = "imports.vacuum_database"
TRANSFER_DATABASE = "imports.transfer_database"
VIEW_RECORDS = "imports.view_importrecord"

_REASONS = {
    RUN_IMPORT: "import files",
    PLAN_IMPORT: "plan imports",
    OVERWRITE_ITEMS: "overwrite items by import",
    SKIP_BACKUP: "import without a backup",
    OVERRIDE_LOCKS: "overwrite locked flows",
    PRUNE_ITEMS: "delete by import what left its directory",
    RETARGET_CONNECTIONS: "point a connection that uses a stored secret elsewhere",
    UNDO_IMPORT: "undo an import",
    BACK_UP_DATABASE: "back up the database",
    PURGE_ITEMS: "delete items for good",
    VACUUM_DATABASE: "purge deleted rows and reorganise the database",
    TRANSFER_DATABASE: "fetch a copy of the whole database",
    VIEW_RECORDS: "see the records of imports",
}
# The messages of these refusals name directories and hosts of the server.
_INTERNAL_CODES = {"backup-failed", "no-lock"}
_HIDDEN = "The server could not do it, and nothing was changed. Its log says more."
# By the result of an item, the permission that the same change by hand needs.
_VERBS: dict[str, str] = {
    Result.CREATE: "add",
    Result.DUPLICATE: "add",
    Result.OVERWRITE: "change",
    Result.PRUNE: "delete",
    UndoResult.RESTORE: "change",
    UndoResult.DELETE: "delete",
}


def check_permission(
    user: User | None, *permissions: str, retargeting: Iterable[Issue] = ()
) -> None:
    """Raise what `find_lack` returns, if anything, and log that as a security event."""
    if refusal := find_lack(user, *permissions, retargeting=retargeting):
        log_refusal(refusal)
        raise refusal


def find_lack(
    user: User | None, *permissions: str, retargeting: Iterable[Issue] = ()
) -> NotPermitted | None:
    """Return a refusal with an issue for each permission that is missing; None for a user with all.

    `retargeting` are the issues for which RETARGET_CONNECTIONS is needed; they are added where that
    permission is missing. To be shown: whoever raises it logs it.
    """
    if user is None:
        return None
    with _read_rights_of(user):
        missing = [permission for permission in permissions if not user.has_perm(permission)]
    return _make_refusal(user, missing, retargeting) if missing else None


def _make_refusal(user: User, missing: list[str], retargeting: Iterable[Issue]) -> NotPermitted:
    reasons = " and ".join(_explain_permission(permission) for permission in missing)
    items = list(retargeting) if RETARGET_CONNECTIONS in missing else []
    why = f" {items[0].message}{format_others(items, 'item like this')}" if items else ""
    refusal = NotPermitted(
        "not-permitted",
        f"{user.get_username()} may not {reasons}. An administrator can give the right.{why}",
        [
            *(
                Issue(code="not-permitted", message=f"Needs the permission {permission}.")
                for permission in missing
            ),
            *items,
        ],
    )
    refusal.permissions, refusal.account = tuple(missing), user.pk
    return refusal


@contextmanager
def _read_rights_of(user: User) -> Iterator[None]:
    """Read rights from the user's own database: the same key is another user on another server.

    Django asks routers where they are. Raises NotPermitted where those name another database.
    """
    database = user._state.db or get_current_database()
    with target_database(database):
        if DEFAULT_DB_ALIAS != database != router.db_for_read(Permission):
            raise NotPermitted(
                "no-router",
                f"The rights of {user.get_username()} on the server {quote(database)} cannot be "
                "read. Put flows.servers.ServerRouter in front of DATABASE_ROUTERS.",
            )
        yield


def describe_retargeting(
    kind: Kind,
    name: str,
    warnings: Iterable[DestinationWarning],
    *,
    visible_kinds: Collection[Kind],
) -> Iterator[str]:
    """Return one sentence for each warning of an item's change that needs RETARGET_CONNECTIONS.

    The sentences name other rows only of the kinds in `visible_kinds`.
    """
    for warning in warnings:
        if warning.needs_right:
            yield f"The {kind} {quote(name)} {warning.get_text_for(visible_kinds)}."


def check_done(user: User, record: ImportRecord) -> None:
    """Raise NotPermitted unless the user may still do what the record's run did."""
    items = record.items.order_by().values_list("kind", "result").distinct()
    check_permission(
        user,
        *sorted(
            {needed for kind, result in items for needed in find_needed_permissions(kind, result)}
        ),
    )


def may_see_records(user: User | None) -> bool:
    """Return whether the user may see the records of imports."""
    return has_permission(user, VIEW_RECORDS)


def has_permission(user: User | None, permission: str) -> bool:
    """Return whether the user has the permission."""
    if user is None:
        return True
    with _read_rights_of(user):
        return user.has_perm(permission)


def may_see_paths(user: User) -> bool:
    """Return whether the user may see paths of the server's files."""
    return user.has_perm(BACK_UP_DATABASE)


def get_record_message(user: User, record: ImportRecord) -> str:
    """Return the record's message as the user may see it."""
    return get_message(user, record.code, record.message)


def get_message(user: User, code: str, message: str) -> str:
    """Return the message of a refusal with that code as the user may see it."""
    hides = code in _INTERNAL_CODES and not may_see_paths(user)
    return _HIDDEN if hides else message


def check_sight_of(user: User | None, *kinds: Kind) -> None:
    """Raise NotPermitted unless the user may see rows of all these kinds."""
    check_permission(user, *_list_needed_to_see(user, kinds))


def find_lack_of_sight(user: User | None, *kinds: Kind) -> NotPermitted | None:
    """Return what `check_sight_of` raises, to be shown; None where it raises nothing."""
    return find_lack(user, *_list_needed_to_see(user, kinds))


def _list_needed_to_see(user: User | None, kinds: Iterable[Kind]) -> list[str]:
    seen = find_visible_kinds(user)
    return [f"flows.view_{kind}" for kind in kinds if kind not in seen]


def find_visible_kinds(user: User | None) -> list[Kind]:
    """Return the kinds whose rows the user may see."""
    if user is None:
        return list(Kind)
    with _read_rights_of(user):
        return [kind for kind in Kind if may_see(user, kind)]


def may_see(user: User | AnonymousUser, kind: Kind) -> bool:
    """Return whether the user may see rows of the kind: with the view or the change permission."""
    return sight.may_see(user, kind)


def find_needed_permissions(kind: str, result: str) -> Iterator[str]:
    """Return the permissions needed for an item of that kind with that result."""
    if verb := _VERBS.get(result):
        yield f"flows.{verb}_{kind}"
    if result == Result.OVERWRITE:
        yield OVERWRITE_ITEMS
    if result == Result.PRUNE:
        yield PRUNE_ITEMS


def _explain_permission(permission: str) -> str:
    if permission in _REASONS:
        return _REASONS[permission]
    verb, kind = permission.partition(".")[2].split("_")
    return f"{verb} {kind}s"
