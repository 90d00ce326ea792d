"""What an error of the database means, by its code: never by its text, which may quote rows. Pure.

A trigger's message is anybody's words, and PostgreSQL's DETAIL quotes values. So what is told and
logged of an error that the database gave is a sentence of ours, with the code beside it.
"""

import sqlite3
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from imports.errors import RETRY_AFTER, ImportFailed, first_line


class DatabaseFailed(ImportFailed):
    """An error of the database stopped the run. The message tells nothing of rows or hosts."""


class DatabaseUnavailable(DatabaseFailed):
    """The database cannot do it now, for a reason that passes or that somebody can mend."""

    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after = RETRY_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong with the database, and what to do."""

    code: str
    """Stable, for machines: the code of the refusal and of the record."""
    text: str
    """Sentences for people, without anything of a row."""
    is_passing: bool = True
    """Whether the database cannot do it now; else it will not do this at all."""


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
# 53000, 53200 and 53300 are want of other things than disk.
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
# What only another writer at the same moment brings about, after all that was checked before.
_RIVAL_SQLSTATES = {"23505", "23503", "23P01"}
_RIVAL_SQLITE_CODES = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
}
_TELLING_NAMES = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CANTOPEN}
_MAIN_CODE = 0xFF  # the rest of an extended code is detail


def trouble_of(error: BaseException) -> Trouble | None:
    """What the error's code says is wrong; None where it has none, or one that says nothing."""
    sqlstate, sqlite_code = _sqlstate(error), _sqlite_code(error)
    if sqlstate is not None:
        return _BY_SQLSTATE.get(sqlstate) or _BY_SQLSTATE_CLASS.get(sqlstate[:2])
    if _is_of_a_lost_connection(_cause(error)):
        return _LOST
    if sqlite_code is not None:
        return _BY_SQLITE_CODE.get(sqlite_code & _MAIN_CODE)
    return None


def is_by_a_rival(error: BaseException) -> bool:
    """Whether a row that somebody else wrote, or removed, at the same moment is in the way.

    A broken constraint that bears no code counts as one: the driver knows no more.
    """
    sqlstate, sqlite_code = _sqlstate(error), _sqlite_code(error)
    if sqlstate is not None:
        return sqlstate in _RIVAL_SQLSTATES
    return sqlite_code is None or sqlite_code in _RIVAL_SQLITE_CODES


def loggable(error: Exception) -> str:
    """The error for people, without anything of a row: its code, or else its first line.

    SQLite's errors of a statement, or of a file, tell a name that is missing. What PostgreSQL gives
    without a code comes from its client. Neither knows any rows.
    """
    sqlstate, sqlite_code = _sqlstate(error), _sqlite_code(error)
    if sqlstate is not None:
        return f"{type(error).__name__}, SQLSTATE {sqlstate}"
    if sqlite_code is not None and sqlite_code & _MAIN_CODE not in _TELLING_NAMES:
        return f"{type(error).__name__}, {_sqlite_name(error)}"
    return first_line(error).rstrip(".")


def failure_of(error: BaseException, *, outcome: str = "") -> DatabaseFailed | None:
    """The refusal that tells what is wrong, and the `outcome`; None where no code says it."""
    trouble = trouble_of(error)
    if trouble is None or trouble is NOT_MIGRATED:
        return None
    kind = DatabaseUnavailable if trouble.is_passing else DatabaseFailed
    text = " ".join(filter(None, (trouble.text, code_of(error), outcome)))
    failure = kind(trouble.code, text)
    if isinstance(error, Exception) and not code_of(error):
        failure.cause = f"{loggable(error)}."
    return failure


def code_of(error: BaseException) -> str:
    """The error's code, as a sentence to look it up by; "" where it has none."""
    if (sqlstate := _sqlstate(error)) is not None:
        return f"PostgreSQL's code is {sqlstate}."
    if _sqlite_code(error) is not None:
        return f"SQLite's code is {_sqlite_name(error)}."
    return ""


def _is_of_a_lost_connection(cause: BaseException) -> bool:
    """Whether psycopg raised it itself: without a server, an error has a class and no code."""
    is_operational = type(cause).__name__ in {"OperationalError", "InterfaceError"}
    return is_operational and hasattr(cause, "sqlstate")


def _cause(error: BaseException) -> BaseException:
    """The driver's own error, which Django's has as its cause."""
    return error.__cause__ or error


def _sqlstate(error: BaseException) -> str | None:
    return getattr(_cause(error), "sqlstate", None)


def _sqlite_code(error: BaseException) -> int | None:
    return getattr(_cause(error), "sqlite_errorcode", None)


def _sqlite_name(error: BaseException) -> str:
    return str(getattr(_cause(error), "sqlite_errorname", ""))
