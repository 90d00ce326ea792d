"""The floor: the least work for the same result, without Django's and the product's layers.

It checks no rules and decides nothing. What it writes is compared with what the product writes
(`digest_written`), since a floor that wrote less would not be one.
"""

import io
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection

from benchmarks.measure import ChildOutput, measure
from benchmarks.whole_rows import WHOLE
from flows.content import canonical
from flows.content.documents import read_text
from flows.content.fields import FIELDS, Kind, Shape, get_columns
from flows.database.bulk import compress_quickly
from flows.documents.read import group_rows
from flows.models import MODELS

_TYPES = {Shape.BOOLEAN: bool | None, Shape.INTEGER: int | None}


def _make_structure(kind: Kind) -> type[msgspec.Struct]:
    """Return the structure to decode of an item, in which documents remain the file's bytes."""
    blank = MODELS[kind]()
    fields: list[Any] = [("uuid", str)]
    for spec in FIELDS[kind]:
        default = getattr(blank, spec.column)
        if spec.shape.is_document:
            kept = default if default is None else msgspec.Raw(default.encode())
            fields.append((spec.key, msgspec.Raw, kept))
        else:
            fields.append((spec.key, _TYPES.get(spec.shape, str | None), default))
    return msgspec.defstruct(kind.value, fields, gc=False)


_ITEMS = {kind: _make_structure(kind) for kind in Kind}
_File = msgspec.defstruct(
    "File",
    [(kind.plural, list[_ITEMS[kind]], msgspec.field(default_factory=list)) for kind in Kind],  # type: ignore[misc]
)
_READ = msgspec.json.Decoder(_File)


def write_slices(path: str, items: int) -> ChildOutput:
    """Measure the floor of an import that stores documents as the file has them."""
    return _write(path, items, "floor", lambda raw: str(raw, "utf-8"))


def write_canonical(path: str, items: int) -> ChildOutput:
    """Measure the floor of an import that stores documents in the product's canonical form."""
    return _write(
        path, items, "floor, documents sorted", lambda raw: canonical.encode(_decode(raw))
    )


_decode = msgspec.json.Decoder().decode


def _write(path: str, items: int, name: str, text: Callable[[msgspec.Raw], str]) -> ChildOutput:
    with connection.cursor() as cursor:
        for kind in Kind:
            cursor.execute(
                f"CREATE TABLE {_name_history(kind)} AS "
                f"SELECT * FROM {_name_table(kind)} WHERE 1 = 0"
            )
    write = _write_sqlite if connection.vendor == "sqlite" else _write_postgresql

    def work() -> None:
        file = _READ.decode(Path(path).read_bytes())
        with _open_transaction() as database:
            for kind in Kind:
                if found := getattr(file, kind.plural):
                    write(database, kind, found, text)

    reading = measure(work, items=items, counts_queries=False)
    with connection.cursor() as cursor:  # to read it as what the product wrote
        cursor.execute(f"ALTER TABLE {MODELS[Kind.FLOW]._meta.db_table} RENAME TO bench_put_aside")
        cursor.execute(f"ALTER TABLE {WHOLE} RENAME TO {MODELS[Kind.FLOW]._meta.db_table}")
    return ChildOutput(rows={name: [reading]}, facts=digest_written())


@contextmanager
def _open_transaction() -> Iterator[Any]:
    """Open a transaction on the driver's own connection, which has the product's settings."""
    database = connection.connection
    if connection.vendor == "postgresql":
        with database.transaction():
            compress_quickly()
            yield database
        return
    database.execute("BEGIN IMMEDIATE")
    yield database
    database.execute("COMMIT")


def _write_sqlite(
    database: sqlite3.Connection,
    kind: Kind,
    items: Sequence[Any],
    text: Callable[[msgspec.Raw], str],
) -> None:
    names, rows = _make_rows(kind, items, text)
    uuids = msgspec.json.encode([_strip_dashes(item.uuid) for item in items]).decode()
    database.execute(
        f"INSERT INTO {_name_history(kind)} SELECT * FROM {_name_table(kind)} "
        "WHERE uuid IN (SELECT value FROM json_each(?))",
        (uuids,),
    )
    places = ", ".join("?" for _ in names)
    database.executemany(
        f"INSERT INTO {_name_table(kind)} ({_quote(names)}) VALUES ({places}) {_make_upsert(kind)}",
        rows,
    )


def _write_postgresql(
    database: Any, kind: Kind, items: Sequence[Any], text: Callable[[msgspec.Raw], str]
) -> None:
    names, rows = _make_rows(kind, items, text)
    incoming, table = f"bench_incoming_{kind}", _name_table(kind)
    cursor = database.cursor()
    cursor.execute(
        f"CREATE TEMPORARY TABLE {incoming} ON COMMIT DROP AS "
        f"SELECT {_quote(names)} FROM {table} WHERE 1 = 0"
    )
    with cursor.copy(f"COPY {incoming} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.execute(
        f"INSERT INTO {_name_history(kind)} SELECT * FROM {table} "
        f"WHERE uuid IN (SELECT uuid FROM {incoming})"
    )
    cursor.execute(
        f"INSERT INTO {table} ({_quote(names)}) SELECT * FROM {incoming} {_make_upsert(kind)}"
    )


def _make_rows(
    kind: Kind, items: Sequence[Any], text: Callable[[msgspec.Raw], str]
) -> tuple[list[str], Iterator[list[Any]]]:
    """Return the column names, and the rows: the content, then a new row's other columns."""
    keys = [spec.key for spec in FIELDS[kind]]
    content = ["uuid", *(spec.column for spec in FIELDS[kind])]
    now = datetime.now(UTC)
    blank = MODELS[kind](created_at=now, updated_at=now)
    others = [
        field
        for field in blank._meta.concrete_fields
        if not field.primary_key and field.name not in content
    ]
    constant = [
        field.get_db_prep_save(getattr(blank, field.attname), connection) for field in others
    ]
    as_stored = _strip_dashes if connection.vendor == "sqlite" else str

    def rows() -> Iterator[list[Any]]:
        for item in items:
            values = [getattr(item, key) for key in keys]
            yield [
                as_stored(item.uuid),
                *(text(value) if type(value) is msgspec.Raw else value for value in values),
                *constant,
            ]

    return [*content, *(str(field.column) for field in others)], rows()


def _make_upsert(kind: Kind) -> str:
    names = [*(spec.column for spec in FIELDS[kind]), "updated_at"]
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in names)
    return f"ON CONFLICT (uuid) DO UPDATE SET {sets}"


def _strip_dashes(uuid: str) -> str:
    return uuid.replace("-", "").lower()


def _quote(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _name_table(kind: Kind) -> str:
    return WHOLE if kind is Kind.FLOW else MODELS[kind]._meta.db_table


def _name_history(kind: Kind) -> str:
    return f"bench_history_{kind}"


def digest_written() -> dict[str, str]:
    """Return a digest of the tables' texts, and one of the values in their documents."""
    text, value = sha256(), sha256()
    for kind in Kind:
        documents = {spec.column for spec in FIELDS[kind] if spec.shape.is_document}
        rows = MODELS[kind]._default_manager.order_by("uuid")
        found = rows.values("uuid", "is_deleted", *get_columns(kind)).iterator(500)
        for stored in group_rows(found):
            row = {name: read_text(value) for name, value in stored.items()}
            row["uuid"] = str(row["uuid"])
            text.update(msgspec.json.encode(row))
            converted = {
                name: canonical.encode(canonical.decode(row[name]))
                for name in documents
                if row[name] is not None
            }
            value.update(msgspec.json.encode({**row, **converted}))
    return {"text": text.hexdigest(), "value": value.hexdigest()}


def write_export(stream: BinaryIO, *, indent: bool) -> None:
    """Write the floor of an export: one query for each kind, and all encoded at once."""
    exported = {kind.plural: list(_read_exported(kind)) for kind in Kind}
    data = msgspec.json.encode(exported)
    stream.write(msgspec.json.format(data, indent=2) if indent else data)


def _read_exported(kind: Kind) -> Iterator[dict[str, Any]]:
    specs = FIELDS[kind]
    names = ["uuid", *(spec.column for spec in specs), "created_at", "updated_at"]
    keys = ["uuid", *(spec.key for spec in specs), "createdAt", "updatedAt"]
    documents = [spec.key for spec in specs if spec.shape.is_document]
    optional = [spec.key for spec in specs if spec.optional]
    truths = [spec.key for spec in specs if spec.shape is Shape.BOOLEAN]
    cursor = connection.connection.cursor()
    cursor.execute(
        f"SELECT {_quote(names)} FROM {_name_table(kind)} WHERE NOT is_deleted ORDER BY name, uuid"
    )
    is_sqlite = connection.vendor == "sqlite"
    for row in cursor:
        item = dict(zip(keys, row, strict=True))
        for key in documents:
            if item[key] is not None:
                item[key] = msgspec.Raw(item[key].encode())
        for key in optional:
            if item[key] is None:
                del item[key]
        if is_sqlite:
            item["uuid"] = str(UUID(item["uuid"]))
            for key in truths:
                if item.get(key) is not None:
                    item[key] = bool(item[key])
        yield item


def is_same_export(ours: bytes) -> bool:
    """Return whether the floor's export equals the product's in every item, except for times."""
    stream = io.BytesIO()
    write_export(stream, indent=False)
    theirs, own = msgspec.json.decode(stream.getvalue()), msgspec.json.decode(ours)
    for kind in Kind:
        for item in (*theirs[kind.plural], *own[kind.plural]):
            for key in ("createdAt", "updatedAt", "isDeleted", "devValue", "prodValue"):
                item.pop(key, None)
    return all(theirs[kind.plural] == own[kind.plural] for kind in Kind)


def copy_database(target: Path) -> None:
    """Make the floor of a backup, with the database's own tool and its defaults."""
    target.unlink(missing_ok=True)
    if connection.vendor == "sqlite":
        with (
            closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as own,
            closing(sqlite3.connect(target)) as copy,
        ):
            own.backup(copy)
        return
    url = os.environ["DATABASE_URL"]
    subprocess.run(["pg_dump", "-Fc", f"--dbname={url}", f"--file={target}"], check=True)
