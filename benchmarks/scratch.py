"""Databases for measurements: templates that are filled once, and a new copy for each run."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


class DatabaseServer(Protocol):
    """Creates and drops databases. They are kept until `close`."""

    vendor: str

    def create(self, name: str) -> str:
        """Create an empty database, and return its URL."""

    def copy(self, source: str, name: str) -> str:
        """Replace the database by a copy of the source, and return its URL.

        The copy is on the disk then, so that no run has to wait for it.
        """

    def settle(self, name: str) -> None:
        """Prepare a filled database as regular use would."""

    def close(self) -> None:
        """Drop all databases that were created."""


@dataclass(frozen=True, slots=True)
class Sqlite:
    """Databases that are files in a directory."""

    directory: Path
    vendor = "sqlite"

    def create(self, name: str) -> str:
        return f"sqlite:///{self._get_path(name)}"

    def copy(self, source: str, name: str) -> str:
        path = self._get_path(name)
        self._remove(path)
        shutil.copyfile(self._get_path(source), path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return f"sqlite:///{path}"

    def settle(self, name: str) -> None:
        """Do nothing: the last connection has moved everything into the file."""

    def close(self) -> None:
        for path in self.directory.glob("bench_*.sqlite3"):
            self._remove(path)

    def _get_path(self, name: str) -> Path:
        return self.directory / f"bench_{name}.sqlite3"

    def _remove(self, path: Path) -> None:
        for file in self.directory.glob(f"{path.name}*"):
            file.unlink()


class Postgresql:
    """Databases of the server in a URL; their names begin with that of its database."""

    vendor = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._made: set[str] = set()
        self._admin = psycopg.connect(self._make_url("postgres"), autocommit=True)

    def create(self, name: str) -> str:
        self._replace(name, sql.SQL("TEMPLATE template0"))
        return self._make_url(self._make_name(name))

    def copy(self, source: str, name: str) -> str:
        template = sql.SQL("TEMPLATE {}").format(sql.Identifier(self._make_name(source)))
        self._replace(name, template)
        self._admin.execute("CHECKPOINT")
        return self._make_url(self._make_name(name))

    def settle(self, name: str) -> None:
        with psycopg.connect(self._make_url(self._make_name(name)), autocommit=True) as own:
            own.execute("VACUUM ANALYZE")

    def close(self) -> None:
        for name in sorted(self._made):
            self._drop(name)
        self._admin.close()

    def _replace(self, name: str, template: sql.Composable) -> None:
        self._drop(self._make_name(name))
        create = sql.SQL("CREATE DATABASE {} ").format(sql.Identifier(self._make_name(name)))
        self._admin.execute(create + template)
        self._made.add(self._make_name(name))

    def _drop(self, name: str) -> None:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._admin.execute(drop.format(sql.Identifier(name)))

    def _make_name(self, name: str) -> str:
        return f"{self._url.path.lstrip('/')}_bench_{name}"

    def _make_url(self, database: str) -> str:
        return urlunsplit(self._url._replace(path=f"/{database}"))
