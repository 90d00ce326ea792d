"""Servers of earlier releases, as `python -m tools.schema_dump` left them, restored for a test."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, connection, connections

from tests.support.databases import new_database
from tools.schema_dump import DUMPS, EXPORT_SUFFIX

_TABLES_OF_APPS = ("accounts_", "flows_", "imports_", "reversion_")
RELEASES = sorted(path.name for path in DUMPS.iterdir() if path.is_dir())


def dump_of(release: str) -> Path:
    """The dump of the release for the kind of database that the tests use."""
    return DUMPS / release / f"{connection.vendor}.sql"


def export_of(release: str) -> str:
    """The export of the dumped server, made by the release itself."""
    return (DUMPS / release / f"{connection.vendor}{EXPORT_SUFFIX}").read_text()


@contextmanager
def restored(dump: Path, folder: Path) -> Iterator[None]:
    """Let the default connection use a new database with the dump, not migrated yet."""
    with new_database(folder) as name, _used(name):
        _execute(dump.read_text(), name)
        yield


def list_empty_tables() -> list[str]:
    """Return the tables of the apps that have no rows."""
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    tables = [
        name
        for name in connection.introspection.table_names()
        if name in known or name.startswith(_TABLES_OF_APPS)
    ]
    empty = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})")
            empty += [] if cursor.fetchone()[0] else [table]
    return empty


def _execute(script: str, name: str) -> None:
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(name)) as database:
            database.executescript(script)
        return
    with connection.cursor() as cursor:
        cursor.execute(script)
    connection.close()  # the script changes the search path of its session


@contextmanager
def _used(name: str) -> Iterator[None]:
    tests, settings = connections[DEFAULT_DB_ALIAS], connections.settings[DEFAULT_DB_ALIAS]
    del connections[DEFAULT_DB_ALIAS]
    connections.settings[DEFAULT_DB_ALIAS] = {**settings, "NAME": name}
    ContentType.objects.clear_cache()
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS].close()
        connections.settings[DEFAULT_DB_ALIAS] = settings
        connections[DEFAULT_DB_ALIAS] = tests
        ContentType.objects.clear_cache()
