"""System checks of the settings: what is missing or unsafe, each with an id and what to do.

`manage.py check` runs those of the settings, `check --database NAME` those that query one,
and `check --deploy` those of production.
"""

from collections.abc import Iterator, Mapping, Sequence
from inspect import isclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections
from django.utils.module_loading import import_string

from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.conf import find_unknown_settings, ziggy
from flows.encryption import MAKE_A_KEY
from flows.pg_dump_checks import check_pg_dump
from flows.texts import quote
from flows.wrong_settings import find_wrong_settings

_ROUTER = "flows.servers.ServerRouter"
_SERIALIZER = "flows.saves.json_serializer"
# Without them, a page whose database is locked, slow or has another key is a server error.
_MIDDLEWARE = (
    "flows.web.request_id.add_request_id",
    "flows.web.statement_timeout.StatementTimeoutMiddleware",
    "flows.web.wrong_key.WrongKeyMiddleware",
    "imports.admin.busy.BusyMiddleware",
)
_MOST_DAYS = 36_500
_KEEP_ALL = "The variable ZIGGY_HISTORY_DAYS=none, or None in the setting, keeps all history."


def check_settings(**_: Any) -> list[CheckMessage]:
    """Return what is missing or wrong in the project's settings, without asking a database.

    Where a value of ZIGGY is of a wrong type, that alone: the other checks could not read it.
    """
    if wrong := [*_check_types()]:
        return wrong
    return [
        *_check_time_zones(),
        *_check_unknown_settings(),
        *_check_encryption_keys(),
        *_check_servers(),
        *_check_backup_directory(),
        *_check_history(),
        *_check_acknowledgement(),
        *_check_kept_plans(),
        *_check_serializer(),
        *check_pg_dump(),
        *_check_middleware(),
    ]


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Return what is unsafe in production; nothing where a value of ZIGGY is of a wrong type."""
    return [] if find_wrong_settings() else [*_check_served_backups()]


def _check_types() -> Iterator[CheckMessage]:
    for message in find_wrong_settings():
        yield Error(
            message,
            hint="docs/reference/settings.md has all keys, and flows/conf.py their types.",
            id="ziggy.E007",
        )


def _check_time_zones() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        yield Error(
            "USE_TZ is False: an import compares times that have a zone, and cannot store them.",
            hint="Set USE_TZ = True.",
            id="ziggy.E006",
        )


def _check_unknown_settings() -> Iterator[CheckMessage]:
    if unknown := find_unknown_settings():
        yield Error(
            f"ZIGGY has keys that are no settings: {', '.join(unknown)}.",
            hint="docs/reference/settings.md has all keys.",
            id="ziggy.E001",
        )


def _check_encryption_keys() -> Iterator[CheckMessage]:
    if not ziggy.ENCRYPTION_KEYS:
        yield checks.Warning(
            "ZIGGY has no ENCRYPTION_KEYS: no secret's value is stored, and no file uploaded.",
            hint=f"Set it to a list with a Fernet key. {MAKE_A_KEY}",
            id="ziggy.W001",
        )


def _check_servers() -> Iterator[CheckMessage]:
    missing = sorted(set(ziggy.SERVERS) - set(settings.DATABASES))
    if missing:
        yield Error(
            f"SERVERS in ZIGGY names databases that are not there: {', '.join(missing)}.",
            hint="Each registered server is an alias in DATABASES.",
            id="ziggy.E002",
        )
    if ziggy.SERVERS and _ROUTER not in settings.DATABASE_ROUTERS:
        yield Error(
            "ZIGGY has SERVERS, but no router that reads users and their rights there.",
            hint=f"Put {_ROUTER!r} in front of DATABASE_ROUTERS.",
            id="ziggy.E003",
        )


def _check_backup_directory() -> Iterator[CheckMessage]:
    directory = Path(ziggy.BACKUP_DIR).resolve()
    if "BACKUP_DIR" not in getattr(settings, "ZIGGY", {}):
        yield checks.Warning(
            f"ZIGGY has no BACKUP_DIR: backups are written to {directory}.",
            hint="Set it to a directory that is not served and is on another disk, if possible.",
            id="ziggy.W002",
        )
        return
    try:
        is_file = directory.exists() and not directory.is_dir()
    except OSError as error:  # of a directory above, which this user may not enter
        yield Error(
            f"BACKUP_DIR in ZIGGY cannot be looked at: {error.strerror}: {directory}.",
            hint="Let the user of this process enter it, or name another directory.",
            id="ziggy.E004",
        )
        return
    if is_file:
        yield Error(
            f"BACKUP_DIR in ZIGGY is no directory: {directory}.",
            hint="Name a directory, which is made where it is missing.",
            id="ziggy.E004",
        )


def _check_history() -> Iterator[CheckMessage]:
    days, undo_days = ziggy.HISTORY_DAYS, ziggy.UNDO_DAYS
    given = {
        "ZIGGY_HISTORY_DAYS": days,
        "ZIGGY_UNDO_DAYS": undo_days,
        "ZIGGY_HISTORY_KEEP_RUNS": ziggy.HISTORY_KEEP_RUNS,
    }
    wrong = {
        name: value
        for name, value in given.items()
        if value is not None and not value >= 0  # true for nan too
    }
    if wrong:
        yield Error(
            f"{_format_values(wrong)}: that must be 0 or more.",
            hint=f"In the setting ZIGGY, these have no ZIGGY_ before their names. {_KEEP_ALL}",
            id="ziggy.E008",
        )
    elif days is not None and days < undo_days:
        del given["ZIGGY_HISTORY_KEEP_RUNS"]
        yield Error(
            f"{_format_values(given)}: history would be removed that an undo needs.",
            hint="ZIGGY_HISTORY_DAYS must be at least ZIGGY_UNDO_DAYS. In the setting ZIGGY, these "
            f"have no ZIGGY_ before their names. {_KEEP_ALL}",
            id="ziggy.E008",
        )


def _check_acknowledgement() -> Iterator[CheckMessage]:
    if unknown := [code for code in ziggy.MUST_ACKNOWLEDGE if code not in MAY_ACKNOWLEDGE]:
        yield Error(
            "ZIGGY_MUST_ACKNOWLEDGE names warnings that cannot be acknowledged: "
            f"{', '.join(map(quote, unknown))}.",
            hint=f"It may name {', '.join(MAY_ACKNOWLEDGE)}; empty, it names none.",
            id="ziggy.E009",
        )


def _check_kept_plans() -> Iterator[CheckMessage]:
    days = ziggy.KEPT_PLAN_DAYS
    if not 0 < days <= _MOST_DAYS:  # false for nan too
        yield Error(
            f"{_format_values({'ZIGGY_KEPT_PLAN_DAYS': days})}: that must be more than 0, and at "
            f"most {_MOST_DAYS:,}.",
            hint="In the setting ZIGGY, it has no ZIGGY_ before its name.",
            id="ziggy.E010",
        )


def _format_values(values: Mapping[str, float | None]) -> str:
    """Return the variables with their numbers, of which whole ones have no point."""
    return " and ".join(f"{name} is {value:.15g}" for name, value in values.items())


def _check_serializer() -> Iterator[CheckMessage]:
    if getattr(settings, "SERIALIZATION_MODULES", {}).get("json") != _SERIALIZER:
        yield checks.Warning(
            "Named saves would keep times to the millisecond only, and restore them so.",
            hint=f'Set SERIALIZATION_MODULES = {{"json": "{_SERIALIZER}"}}.',
            id="ziggy.W003",
        )


def _check_middleware() -> Iterator[CheckMessage]:
    installed = [import_string(name) for name in settings.MIDDLEWARE]
    if missing := [name for name in _MIDDLEWARE if not _has(installed, import_string(name))]:
        yield checks.Warning(
            f"MIDDLEWARE lacks {', '.join(missing)}.",
            hint="The first one goes to the top, the others to the end. Without them, a page that "
            "the database refuses is a server error without advice.",
            id="ziggy.W006",
        )


def _has(installed: Sequence[Any], wanted: Any) -> bool:
    """Return whether the middleware, or a subclass of it, is installed."""
    return any(
        each is wanted or (isclass(each) and isclass(wanted) and issubclass(each, wanted))
        for each in installed
    )


def _is_postgresql(alias: str) -> bool:
    return bool(connections[alias].vendor == "postgresql")


def _find_served() -> Iterator[tuple[str, Any]]:
    """Yield each directory whose files are served, with the setting that names it."""
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        if root := getattr(settings, name, None):
            yield name, root
    for given in settings.STATICFILES_DIRS:
        # With a prefix, it is a pair.
        yield "STATICFILES_DIRS", given[1] if isinstance(given, list | tuple) else given


def _check_served_backups() -> Iterator[CheckMessage]:
    directory = Path(ziggy.BACKUP_DIR).resolve()
    for name, root in _find_served():
        if directory.is_relative_to(Path(root).resolve()):
            yield Error(
                f"BACKUP_DIR in ZIGGY is inside {name}: whoever knows an address can fetch them.",
                hint="Name a directory that is not served.",
                id="ziggy.E005",
            )
