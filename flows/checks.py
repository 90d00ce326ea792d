"""What Django checks as the site is migrated, or where `check --database NAME` asks for it."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import DatabaseError

from flows.canary import check_keys_open
from flows.encryption import WrongKeyError
from flows.servers import on_database


def check_databases(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """An error for each of these databases whose secrets the configured keys do not open."""
    return [error for alias in databases or () for error in _check_keys(alias)]


def _check_keys(alias: str) -> list[CheckMessage]:
    try:
        with on_database(alias):
            check_keys_open(may_write=False)
    except WrongKeyError as error:
        return [Error(f"{alias}: {error}", id="flows.E001")]
    except DatabaseError:  # not there, or not migrated yet: whoever needs it says so
        return []
    return []
