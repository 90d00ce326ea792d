"""Checking the stored documents of a database, or of a backup without restoring it."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.db import connections

from flows.content.documents import is_document_digest
from flows.documents.check import Checked, check_documents, check_references
from flows.documents.references import COLUMNS, find_digests_in_save
from flows.models import Flow
from flows.servers import get_current_database
from imports.database.one_state import read_one_state
from imports.database.postgresql_tools import Fault, run_postgresql_tool
from imports.errors import UnableToImport

_SQLITE_HEADER = b"SQLite format 3\0"
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class UncheckedBackup(UnableToImport):
    """The file is no backup that can be read here."""

    status = HTTPStatus.CONFLICT


def check_database() -> Checked:
    """Read every document of the current database, and look up every reference to one."""
    with read_one_state():
        return check_documents(Flow, get_current_database())


def check_backup(path: Path) -> Checked:
    """Do what `check_database` does with a backup of a server. Raises UncheckedBackup."""
    try:
        with path.open("rb") as file:
            is_sqlite = file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
        return _check_sqlite(path) if is_sqlite else _check_postgresql(path)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
    except (Fault, sqlite3.DatabaseError) as error:
        message = f"{path} is no backup that can be checked here. {error}"
    raise UncheckedBackup("unreadable-backup", message)


def _check_sqlite(path: Path) -> Checked:
    # immutable: nobody writes to a backup, so SQLite need not create files beside it.
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as backup:
        tables = {name for (name,) in backup.execute("SELECT name FROM sqlite_master")}
        if "flows_flow" not in tables:
            raise Fault("It has no flows, so it is no server's database.")
        if "flows_document" not in tables:  # of a release that stored documents in the rows
            return check_references((), (), ())
        rows = backup.execute(f"SELECT uuid, {', '.join(COLUMNS)} FROM flows_flow")  # noqa: S608
        saves = backup.execute(
            "SELECT version.id, object_repr, serialized_data FROM reversion_version AS version "
            "JOIN django_content_type AS type ON type.id = content_type_id "
            "WHERE type.app_label = 'flows' AND type.model = 'flow'"
        )
        return check_references(
            backup.execute("SELECT digest, body FROM flows_document"),
            ((str(UUID(uuid)), digest) for uuid, *digests in rows for digest in digests),
            (
                (number, name, digest)
                for number, name, text in saves
                for digest in find_digests_in_save(text)
            ),
        )


def _check_postgresql(path: Path) -> Checked:
    if connections[get_current_database()].vendor != "postgresql":
        raise Fault("It is no SQLite database, and this server has no PostgreSQL.")
    of_flows = {
        row["id"]
        for row in _read_dumped_table(path, "django_content_type")
        if (row["app_label"], row["model"]) == ("flows", "flow")
    }
    return check_references(
        (
            (row["digest"], bytes.fromhex(row["body"].removeprefix("\\x")))
            for row in _read_dumped_table(path, "flows_document")
        ),
        (
            (row["uuid"], row[column])
            for row in _read_dumped_table(path, "flows_flow")
            for column in COLUMNS
            if is_document_digest(row[column])  # else of before documents were moved
        ),
        (
            (int(row["id"]), row["object_repr"], digest)
            for row in _read_dumped_table(path, "reversion_version")
            if row["content_type_id"] in of_flows
            for digest in find_digests_in_save(row["serialized_data"])
        ),
    )


def _read_dumped_table(path: Path, table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of a dump, which pg_restore writes as text into a file."""
    with tempfile.TemporaryFile(dir=path.parent) as text:
        options = ("--data-only", "--file=-", f"--table={table}")
        run_postgresql_tool(get_current_database(), "pg_restore", *options, str(path), output=text)
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
