"""What an error of the database means, by its code. Pure.

The error's text is not used: a trigger's message may be anything, and PostgreSQL's DETAIL quotes
values of rows. What is shown and logged is a sentence from this module, with the code.
"""

import sqlite3
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from flows.documents.packing import DamagedDocumentError
from flows.texts import get_first_line
from imports.errors import RETRY_AFTER, ImportFailed


class DatabaseFailed(ImportFailed):
    """An error of the database stopped the run. The message quotes no rows and no hosts."""


class DatabaseUnavailable(DatabaseFailed):
    """The database cannot do this now, for a reason that passes or can be repaired."""

    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = RETRY_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong with the database, and what to do."""

    code: str
    """Stable: the code of the refusal and of the record."""
    text: str
    """Sentences for people, which quote no rows."""
    is_passing: bool = True
    """Whether trying again later may succeed."""


_FULL = Trouble(
    code="database-full",
    text="The disk of the database, or the room that it may use, is full: make room, then try "
    "again.",
)
_LOCKED = Trouble(
    code="database-locked",
    text="Another process keeps the database, or a row of it, locked: try again when it has "
    "finished.",
)
_LOST = Trouble(
    code="database-lost",
    text="The database cannot be reached: it is not there, is stopping or starting, or cut the "
    "connection off. Try again when it answers.",
)
_READ_ONLY = Trouble(
    code="database-read-only",
    text="The database is read-only: this may be a standby server, or a file or directory that "
    "this process may not write.",
)
_TIMEOUT = Trouble(
    code="database-timeout",
    text="A statement took longer than the database allows, or somebody cancelled it: try again "
    "when there is less to do, or raise statement_timeout.",
)
_DEADLOCK = Trouble(
    code="database-deadlock",
    text="Another transaction was in the way, and the database ended this one: try again.",
)
_REFUSED = Trouble(
    code="database-refused",
    text="A trigger or a constraint of the database forbids the write: ask whoever looks after the "
    "database.",
    is_passing=False,
)
_NOT_ALLOWED = Trouble(
    code="database-not-allowed",
    text="The database's user lacks a right that this needs: grant it.",
    is_passing=False,
)
_DAMAGED = Trouble(
    code="database-damaged",
    text="The database cannot be read or written where it lies: check its disk.",
    is_passing=False,
)
NOT_MIGRATED = Trouble(
    code="database-not-migrated",
    text="A table or a column is missing in the database.",
    is_passing=False,
)

_BY_SQLSTATE = {
    "53100": _FULL,
    "55P03": _LOCKED,
    "25006": _READ_ONLY,
    "57014": _TIMEOUT,
    "40P01": _DEADLOCK,
    "40001": _DEADLOCK,
    "25P03": _LOST,
    "25P04": _TIMEOUT,
    "42501": _NOT_ALLOWED,
    "42P01": NOT_MIGRATED,
    "42703": NOT_MIGRATED,
    "3D000": NOT_MIGRATED,
    "P0001": _REFUSED,  # RAISE EXCEPTION
}
_BY_SQLSTATE_CLASS = {"08": _LOST, "57": _LOST, "53": _FULL, "23": _REFUSED, "58": _DAMAGED}
# 53000, 53200 and 53300 are other shortages than of disk space.
_BY_SQLSTATE |= dict.fromkeys(
    ("53000", "53200", "53300", "53400"),
    Trouble(
        code="database-overloaded",
        text="The database lacks memory or connections: try again when it has less to do.",
    ),
)
_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_INTERRUPT: _TIMEOUT,
    sqlite3.SQLITE_CONSTRAINT: _REFUSED,
    sqlite3.SQLITE_IOERR: _DAMAGED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
# After all checks, only another writer at the same moment can cause these.
_RIVAL_SQLSTATES = {"23505", "23503", "23P01"}
_RIVAL_SQLITE_CODES = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
}
_TELLING_NAMES = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CANTOPEN}
_MAIN_CODE = 0xFF  # the higher bits of an extended code are detail


def find_trouble(error: BaseException) -> Trouble | None:
    """Return what is wrong by the error's code; None without a code that is known."""
    if isinstance(error, DamagedDocumentError):
        return Trouble(code=error.code, text=str(error), is_passing=False)
    sqlstate, sqlite_code = _get_sqlstate(error), _get_sqlite_code(error)
    if sqlstate is not None:
        return _BY_SQLSTATE.get(sqlstate) or _BY_SQLSTATE_CLASS.get(sqlstate[:2])
    if _is_of_a_lost_connection(_get_cause(error)):
        return _LOST
    if sqlite_code is not None:
        return _BY_SQLITE_CODE.get(sqlite_code & _MAIN_CODE)
    return None


def is_by_another_writer(error: BaseException) -> bool:
    """Return whether the error was caused by a row that another writer changed at the same moment.

    A violated constraint without a code counts as one: the driver gives no more details.
    """
    sqlstate, sqlite_code = _get_sqlstate(error), _get_sqlite_code(error)
    if sqlstate is not None:
        return sqlstate in _RIVAL_SQLSTATES
    return sqlite_code is None or sqlite_code in _RIVAL_SQLITE_CODES


def format_for_log(error: Exception) -> str:
    """Return the error in a form that quotes no rows: its code, or else its first line.

    SQLite's errors of a statement or a file give a missing name, and PostgreSQL's without a code
    are from its client library: neither quotes rows.
    """
    sqlstate, sqlite_code = _get_sqlstate(error), _get_sqlite_code(error)
    if sqlstate is not None:
        return f"{type(error).__name__}, SQLSTATE {sqlstate}"
    if sqlite_code is not None and sqlite_code & _MAIN_CODE not in _TELLING_NAMES:
        return f"{type(error).__name__}, {_get_sqlite_name(error)}"
    return get_first_line(error).rstrip(".")


def make_failure(error: BaseException, *, outcome: str = "") -> DatabaseFailed | None:
    """Return the refusal for the error, ending with `outcome`; None if its code is not known.

    Also None for NOT_MIGRATED.
    """
    trouble = find_trouble(error)
    if trouble is None or trouble is NOT_MIGRATED:
        return None
    kind = DatabaseUnavailable if trouble.is_passing else DatabaseFailed
    text = " ".join(filter(None, (trouble.text, format_code(error), outcome)))
    failure = kind(trouble.code, text)
    if isinstance(error, DamagedDocumentError):
        return failure  # its text is the message already
    if isinstance(error, Exception) and not format_code(error):
        failure.cause = f"{format_for_log(error)}."
    return failure


def format_code(error: BaseException) -> str:
    """Return the error's code as a sentence; "" without a code."""
    if (sqlstate := _get_sqlstate(error)) is not None:
        return f"PostgreSQL's code is {sqlstate}."
    if _get_sqlite_code(error) is not None:
        return f"SQLite's code is {_get_sqlite_name(error)}."
    return ""


def _is_of_a_lost_connection(cause: BaseException) -> bool:
    """Return whether psycopg raised it itself: then an error has a class but no code."""
    is_operational = type(cause).__name__ in {"OperationalError", "InterfaceError"}
    return is_operational and hasattr(cause, "sqlstate")


def _get_cause(error: BaseException) -> BaseException:
    """Return the driver's own error, which is the cause of Django's."""
    return error.__cause__ or error


def _get_sqlstate(error: BaseException) -> str | None:
    return getattr(_get_cause(error), "sqlstate", None)


def _get_sqlite_code(error: BaseException) -> int | None:
    return getattr(_get_cause(error), "sqlite_errorcode", None)


def _get_sqlite_name(error: BaseException) -> str:
    return str(getattr(_get_cause(error), "sqlite_errorname", ""))
