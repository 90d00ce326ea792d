"""Databases of their own beside the tests' one, for what other processes do to them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import connection


@contextmanager
def new_database(folder: Path) -> Iterator[str]:
    """The name of a new, empty database: a file in the folder, or one on the tests' server."""
    if connection.vendor == "sqlite":
        path = folder / f"{uuid4().hex}.sqlite3"
        sqlite3.connect(path).close()
        yield str(path)
        return
    name = f"ziggy_{uuid4().hex}"
    _execute(f'CREATE DATABASE "{name}"')
    try:
        yield name
    finally:
        _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(statement: str) -> None:
    import psycopg  # noqa: PLC0415 - installed where PostgreSQL is used

    at: dict[str, Any] = connection.settings_dict
    with closing(
        psycopg.connect(
            host=at["HOST"], port=at["PORT"] or None, user=at["USER"], password=at["PASSWORD"],
            dbname="postgres", autocommit=True,
        )
    ) as server:  # fmt: skip
        server.execute(statement)
