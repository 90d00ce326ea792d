"""A digest of the rows of each table: what a backup says of its content, and a drill compares.

A table's digest is the SHA-256 of the sorted SHA-256 of its rows, so that their order does not
matter. On PostgreSQL the database computes it, in the very snapshot that pg_dump reads: what is
restored is compared with what the server held. SQLite has no snapshot to share with VACUUM INTO:
there the copy itself is read, before it is anywhere else.

The two systems write values differently, so that their digests are not to be compared.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseFault
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.conf import ziggy
from imports.database.errors import format_for_log
from imports.database.postgresql_tools import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDigest:
    """What a table holds: how many rows, and their digest."""

    rows: int
    sha256: str


TableDigests = Mapping[str, TableDigest]
"""The digest of each table, by the table's name."""

# What decides how PostgreSQL writes a value as text, whatever the role's or the server's settings.
_TEXT_FORMS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
}
_TABLES = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema'
    ORDER BY schemaname, tablename
"""
_DIGEST = """
    SELECT count(*), encode(sha256(coalesce(string_agg(digest, ''::bytea ORDER BY digest), '')), 'hex')
    FROM (SELECT sha256(convert_to(ziggy_row::text, 'UTF8')) AS digest FROM {} AS ziggy_row) AS rows
"""  # noqa: E501


def digest_sqlite(path: Path) -> TableDigests:
    """Return the digests of a SQLite database that nobody writes. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        database.text_factory = bytes  # a text that is no UTF-8 is content too
        names = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' ORDER BY name"
        )
        return {
            name: _digest_rows(database.execute(f"SELECT * FROM {_quote(name)}"))  # noqa: S608
            for name in [raw.decode() for (raw,) in names]
        }


def digest_postgresql(connection: BaseDatabaseWrapper) -> TableDigests:
    """Return the digests of a PostgreSQL database, in the transaction that is open on it."""
    found = {}
    with connection.cursor() as cursor:
        for setting, value in _TEXT_FORMS.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [setting, value])
        cursor.execute(_TABLES)
        for schema, name in cursor.fetchall():
            cursor.execute(_DIGEST.format(f"{_quote(schema)}.{_quote(name)}"))
            rows, digest = cursor.fetchone()
            full_name = name if schema == "public" else f"{schema}.{name}"
            found[full_name] = TableDigest(rows=rows, sha256=digest)
    return found


class Snapshot:
    """A state of a PostgreSQL database, which pg_dump reads too."""

    def __init__(self, connection: BaseDatabaseWrapper, name: str) -> None:
        self._connection = connection
        self.name = name
        """What pg_dump calls it."""

    @contextmanager
    def digest_beside(self) -> Iterator[dict[str, TableDigest]]:
        """Fill the yielded dict with the digests of the tables while the block runs.

        Raises Fault at the end where they could not be computed. An error of the block ends it.
        """
        found: dict[str, TableDigest] = {}
        with ThreadPoolExecutor(max_workers=1) as beside:
            self._connection.inc_thread_sharing()
            running = beside.submit(digest_postgresql, self._connection)
            try:
                yield found
            except BaseException:
                with suppress(DatabaseFault):  # of a connection that was cut
                    self._end_query()  # else the end of the block would wait for it
                raise
            with _explain():
                found.update(running.result())

    def _end_query(self) -> None:
        with self._connection.wrap_database_errors:
            self._connection.connection.cancel()


@contextmanager
def open_snapshot(alias: str) -> Iterator[Snapshot]:
    """Hold a state of the database for the block, on a connection of its own. Raises Fault."""
    with closing(connections[alias].copy()) as own:
        with _explain(), own.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), pg_export_snapshot()",
                [str(ziggy.BACKUP_TIMEOUT * 1000)],
            )
            [_, name] = cursor.fetchone()
        yield Snapshot(own, name)


@contextmanager
def _explain() -> Iterator[None]:
    try:
        yield
    except DatabaseFault as error:
        raise Fault(f"Its tables could not be read: {format_for_log(error)}.") from error


def _digest_rows(rows: Iterator[tuple[Any, ...]]) -> TableDigest:
    digests = sorted(map(_digest_row, rows))
    return TableDigest(rows=len(digests), sha256=sha256(b"".join(digests)).hexdigest())


def _digest_row(row: tuple[Any, ...]) -> bytes:
    digest = sha256()
    for value in row:
        data = value if isinstance(value, bytes) else repr(value).encode()
        # With its type and length, a value never runs into the next one.
        digest.update(f"{type(value).__name__}{len(data)}:".encode())
        digest.update(data)
    return digest.digest()


def _quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
