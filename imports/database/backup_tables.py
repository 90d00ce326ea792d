"""Reading the documents, flows and named saves of a backup, without restoring it."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Protocol
from uuid import UUID

from django.db import connections

from flows.content.documents import is_document_digest
from flows.documents.references import COLUMNS, find_digests_in_save
from flows.servers import get_current_database
from imports.database.postgresql_tools import Fault, run_postgresql_tool
from imports.errors import UnableToImport

_SQLITE_HEADER = b"SQLite format 3\0"
_DUMP_HEADER = b"PGDMP"
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class UncheckedBackup(UnableToImport):
    """The file is no backup that can be read here, or not the one that was verified."""

    status = HTTPStatus.CONFLICT


class BackupTables(Protocol):
    """The tables of a backup, as flows.documents.check takes them."""

    def read_bodies(self) -> Iterator[tuple[str, bytes]]:
        """Yield the digest and the packed text of each stored document."""

    def read_rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield the uuid and the name of each flow, with each digest that it has."""

    def read_saves(self) -> Iterator[tuple[int, str, str]]:
        """Yield the number and the item's name of each flow's named save, with each digest."""


def is_backup(path: Path) -> bool:
    """Return whether the file begins as a backup does; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE_HEADER)).startswith((_SQLITE_HEADER, _DUMP_HEADER))
    except OSError:
        return False


@contextmanager
def open_backup(path: Path) -> Iterator[BackupTables]:
    """Open a backup of a server to be read in the block. Raises UncheckedBackup."""
    try:
        with path.open("rb") as file:
            is_sqlite = file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
        with _open_sqlite(path) if is_sqlite else _open_dump(path) as tables:
            yield tables
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise UncheckedBackup("unreadable-backup", message) from None
    except (Fault, sqlite3.DatabaseError) as error:
        message = f"{path} is no backup that can be checked here. {error}"
        raise UncheckedBackup("unreadable-backup", message) from None


@contextmanager
def _open_sqlite(path: Path) -> Iterator[BackupTables]:
    # immutable: nobody writes to a backup, so SQLite need not create files beside it.
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as backup:
        tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master")}
        if "flows_flow" not in tables:
            raise Fault("It has no flows, so it is no server's database.")
        # One of a release that stored documents in the rows has none to be checked.
        yield _SqliteTables(backup, has_documents="flows_document" in tables)


class _SqliteTables:
    def __init__(self, backup: sqlite3.Connection, *, has_documents: bool) -> None:
        self._backup, self._has_documents = backup, has_documents

    def read_bodies(self) -> Iterator[tuple[str, bytes]]:
        yield from self._read("SELECT digest, body FROM flows_document")

    def read_rows(self) -> Iterator[tuple[str, str, str]]:
        rows = self._read(f"SELECT uuid, name, {', '.join(COLUMNS)} FROM flows_flow")  # noqa: S608
        for uuid, name, *digests in rows:
            yield from ((str(UUID(uuid)), name, digest) for digest in digests)

    def read_saves(self) -> Iterator[tuple[int, str, str]]:
        saves = self._read(
            "SELECT version.id, object_repr, serialized_data FROM reversion_version AS version "
            "JOIN django_content_type AS type ON type.id = content_type_id "
            "WHERE type.app_label = 'flows' AND type.model = 'flow'"
        )
        for number, name, text in saves:
            yield from ((number, name, digest) for digest in find_digests_in_save(text))

    def _read(self, query: str) -> Iterator[Any]:
        return iter(self._backup.execute(query) if self._has_documents else ())


@contextmanager
def _open_dump(path: Path) -> Iterator[BackupTables]:
    if connections[get_current_database()].vendor != "postgresql":
        raise Fault("It is no SQLite database, and this server has no PostgreSQL.")
    yield _DumpTables(path)


class _DumpTables:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read_bodies(self) -> Iterator[tuple[str, bytes]]:
        for row in self._read("flows_document"):
            yield row["digest"], bytes.fromhex(row["body"].removeprefix("\\x"))

    def read_rows(self) -> Iterator[tuple[str, str, str]]:
        for row in self._read("flows_flow"):
            for column in COLUMNS:
                if is_document_digest(row[column]):  # else of before documents were moved
                    yield row["uuid"], row["name"], row[column]

    def read_saves(self) -> Iterator[tuple[int, str, str]]:
        of_flows = {
            row["id"]
            for row in self._read("django_content_type")
            if (row["app_label"], row["model"]) == ("flows", "flow")
        }
        for row in self._read("reversion_version"):
            if row["content_type_id"] in of_flows:
                for digest in find_digests_in_save(row["serialized_data"]):
                    yield int(row["id"]), row["object_repr"], digest

    def _read(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield a table's rows, which pg_restore writes as text into a file."""
        with tempfile.TemporaryFile(dir=self._path.parent) as text:
            options = ("--data-only", "--file=-", f"--table={table}")
            alias = get_current_database()
            run_postgresql_tool(alias, "pg_restore", *options, str(self._path), output=text)
            text.seek(0)
            yield from _read_copied_rows(text)


def _read_copied_rows(text: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the rows as COPY writes them: tabs between the values, escapes in them."""
    names: list[str] | None = None
    for raw in text:
        line = raw.decode().rstrip("\n")
        if names is None:
            if line.startswith("COPY "):
                listed = line[line.index("(") + 1 : line.rindex(")")]
                names = [name.strip('" ') for name in listed.split(",")]
        elif line == "\\.":
            return
        else:
            yield dict(zip(names, map(_unescape, line.split("\t")), strict=True))


def _unescape(value: str) -> str:
    if "\\" not in value:
        return value
    pieces = iter(value.split("\\"))
    text = [next(pieces)]
    for piece in pieces:
        if piece:
            text.append(_ESCAPES.get(piece[0], piece[0]) + piece[1:])
        else:  # a backslash of the value is written twice
            text.append("\\" + next(pieces, ""))
    return "".join(text)
