"""Dump a small server of this release, with rows in every table, for tests of later migrations.

    python -m tools.schema_dump                        SQLite
    .ci/postgresql python -m tools.schema_dump         PostgreSQL, on the server of DATABASE_URL

It works in a new database of its own, which it removes. It writes `sqlite.sql` or `postgresql.sql`,
and beside it the export of that server, into the folder of the release. A dump of a release that is
out is never made again: later migrations are tried on what that release wrote.
"""

import argparse
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

from flows import __version__

ROOT_OF_PROJECT = Path(__file__).parents[1]
DUMPS = ROOT_OF_PROJECT / "tests" / "product" / "dumps"
"""A folder for each release, with the dump and the export for each kind of database."""
EXPORT_SUFFIX = ".export.json"

# What differs between versions of the client, what psql alone understands, and headings.
_UNWANTED = re.compile(
    r"^(?:-- Dumped (?:from|by) .*\n|\\(?:un)?restrict .*\n|--\n-- .*\n--\n+)", re.MULTILINE
)


def main() -> int:
    """Write the dump and its export; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.schema_dump",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, default=DUMPS / __version__, help="where to write")
    folder: Path = parser.parse_args().folder
    with TemporaryDirectory() as scratch, _make_database(Path(scratch)) as url:
        _set_up_django(url, backups=scratch)
        _fill()
        folder.mkdir(parents=True, exist_ok=True)
        for path in _write(folder, Path(scratch)):
            print(f"Written: {path}, {path.stat().st_size} bytes")
        from django.db import connections  # noqa: PLC0415 - needs settings

        connections.close_all()
    return 0


@contextmanager
def _make_database(scratch: Path) -> Iterator[str]:
    """Make an empty database; yield its URL, and remove it afterwards."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield f"sqlite:///{scratch / 'server.sqlite3'}"
        return
    import psycopg  # noqa: PLC0415 - installed where PostgreSQL is used

    name = f"ziggy_dump_{uuid4().hex}"
    parts = urlsplit(server)
    with closing(
        psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True)
    ) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield parts._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _set_up_django(url: str, *, backups: str) -> None:
    # A dump has the defaults and the keys of development, whatever the environment says.
    for name in list(os.environ):
        if name.startswith("ZIGGY_") or name in {"DEBUG", "SECRET_KEY", "ALLOWED_HOSTS"}:
            del os.environ[name]
    os.environ |= {
        "DATABASE_URL": url,
        "ZIGGY_BACKUP_DIR": backups,
        "DJANGO_SETTINGS_MODULE": "ziggy_site.settings",
    }
    import django  # noqa: PLC0415 - after the environment is set

    django.setup()


def _fill() -> None:
    from django.core.management import call_command  # noqa: PLC0415 - needs settings

    from tools.sample_server import fill_server  # noqa: PLC0415 - needs Django

    call_command("migrate", verbosity=0)
    fill_server()


def _write(folder: Path, scratch: Path) -> Iterator[Path]:
    from django.core.management import call_command  # noqa: PLC0415 - needs settings
    from django.db import connection  # noqa: PLC0415

    vendor = connection.vendor
    export = folder / f"{vendor}{EXPORT_SUFFIX}"
    call_command("flow_export", file_path=str(export), no_prompt=True, stdout=StringIO())
    yield export
    dump = folder / f"{vendor}.sql"
    dump.write_text(_dump_postgresql(scratch) if vendor == "postgresql" else _dump_sqlite())
    yield dump


def _dump_sqlite() -> str:
    from django.db import connection  # noqa: PLC0415 - needs settings

    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as server:
        return "".join(f"{line}\n" for line in server.iterdump())


def _dump_postgresql(scratch: Path) -> str:
    from imports.database.postgresql_tools import run_postgresql_tool  # noqa: PLC0415 - as above

    path = scratch / "server.sql"
    # As INSERT statements, which any client sends: COPY needs psql.
    options = ("--format=plain", "--inserts", "--no-owner", "--no-privileges", "--no-password")
    run_postgresql_tool("default", "pg_dump", *options, f"--file={path}")
    return _UNWANTED.sub("", path.read_text())


if __name__ == "__main__":
    sys.exit(main())
