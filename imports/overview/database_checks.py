"""System checks of the database of this instance, before the service runs: `check --deploy`."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS
from django.db import Error as DatabaseFault

from flows.servers import target_database
from flows.wrong_settings import find_wrong_settings
from imports.database.errors import format_for_log
from imports.overview.readiness import OK, check_keys, check_migrations


def check_database(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Return what the database lacks for this version: it does not answer, or is not ready."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or find_wrong_settings():
        return []
    try:
        with target_database(DEFAULT_DB_ALIAS):
            return [*_find_faults()]
    except DatabaseFault as error:
        return [
            checks.Error(
                f"The database does not answer as it should: {format_for_log(error)}.",
                hint="See DATABASE_URL, and whether the database runs and lets this user in.",
                id="ziggy.E016",
            )
        ]


def _find_faults() -> Iterator[CheckMessage]:
    if check_migrations() != OK:
        yield checks.Error(
            "The database lacks migrations of this version.",
            hint="Apply them: manage.py migrate",
            id="ziggy.E017",
        )
    elif check_keys() != OK:
        yield checks.Error(
            "A stored secret cannot be opened with the keys in ZIGGY_ENCRYPTION_KEYS.",
            hint="Put the key that it was stored with at the end of the list.",
            id="ziggy.E018",
        )
