"""Check whether the configured keys are those of the databases.

Called by Django's checks (`migrate`, `check --database NAME`), and as the site starts.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from flows.encryption import WrongKeyError
from flows.secrets.canary import check_keys_open
from flows.servers import target_database
from flows.wrong_settings import find_wrong_settings

logger = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def check_databases(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Return an error for each of these databases whose secrets the configured keys do not open.

    Returns nothing where the keys are none: another check has an error for that.
    """
    if find_wrong_settings():
        return []
    return [error for alias in databases or () for error in _check_keys(alias)]


def log_wrong_keys() -> None:
    """Log an error where the configured keys do not open the secrets of this instance.

    The site starts all the same: its health is 503 then, and all that needs no secret still works.
    """
    for error in _check_keys(DEFAULT_DB_ALIAS):
        logger.error(error.msg)
    connections[DEFAULT_DB_ALIAS].close()  # a server that forks from here must not share it


def check_keys_before_write(method: str) -> None:
    """Raise WrongKeyError where a request of that method may write and no key opens the secrets.

    Returns without an error where the database is unreachable or not migrated: the next query
    raises that.
    """
    if method not in SAFE_METHODS:
        with suppress(DatabaseError):
            check_keys_open(may_write=False)


def _check_keys(alias: str) -> list[CheckMessage]:
    try:
        with target_database(alias):
            check_keys_open(may_write=False)
    except WrongKeyError as error:
        return [Error(f"{alias}: {error}", id="flows.E001")]
    except DatabaseError:  # unreachable, or not migrated yet: the next query raises it
        return []
    return []
