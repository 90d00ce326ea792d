"""Limit how long one statement of PostgreSQL may take: in a page, never in a run that writes.

The limit is the session's setting `statement_timeout`. Connections outlive requests, so every
change of the limit is set on the open connections, and on each that is opened later. SQLite has
no such setting, and no limit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import Error as DatabaseFault
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_QUERY_CANCELED = "57014"
"""PostgreSQL's code (SQLSTATE) for a statement that the time-out ended."""

_limit: ContextVar[float] = ContextVar("statement_timeout", default=0.0)


@contextmanager
def limit_statements(seconds: float) -> Iterator[None]:
    """End every statement of the block that takes longer than `seconds`; 0 is no limit.

    Call it outside a transaction: a rollback would undo the limit.
    """
    if seconds == _limit.get():
        yield
        return
    token = _limit.set(seconds)
    try:
        _limit_open_connections()
        yield
    finally:
        _limit.reset(token)
        _limit_open_connections()


def is_statement_timeout(error: BaseException) -> bool:
    """Return whether the database's error is that of a statement that took too long."""
    return (
        isinstance(error, OperationalError)
        and getattr(error.__cause__, "sqlstate", None) == _QUERY_CANCELED
    )


def limit_new_connection(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Set the limit on a new connection; receives Django's `connection_created`."""
    if _limit.get():
        _set_limit(connection)


def _limit_open_connections() -> None:
    for connection in connections.all(initialized_only=True):
        _set_limit(connection)


def _set_limit(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor != "postgresql":
        return
    milliseconds = round(_limit.get() * 1000)
    # Without Django's cursors: it is no statement of the page.
    try:
        with connection.wrap_database_errors:
            if connection.connection is not None:
                connection.connection.execute(
                    f"SET statement_timeout = {milliseconds}"
                    if milliseconds
                    else "RESET statement_timeout"
                )
    except DatabaseFault:
        # The next page must not get this limit, so the connection is closed: the next statement
        # opens another. In a transaction that failed, the rollback undoes the limit.
        if not connection.in_atomic_block:
            connection.close()
