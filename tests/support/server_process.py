"""A server in a process of its own, with a database of its own, as an operator starts it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from django.db import connection as database
from psycopg import sql

from tests.support.importing import database_url

ROOT = Path(__file__).parents[2]


def manage(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a management command in a process with that environment."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def new_database(directory: Path, *, like: str = "", prefix: str = "ziggy_wire") -> Iterator[str]:
    """The URL of a new database, a copy of another: a file, or one on the tests' server."""
    if database.vendor == "sqlite":
        path = directory / "db.sqlite3"
        if like:
            shutil.copy(like.removeprefix("sqlite:///"), path)
        yield f"sqlite:///{path}"
        return
    name = f"{prefix}_{uuid4().hex[:12]}"
    names = [sql.Identifier(text) for text in (name, like.rpartition("/")[2] or "template1")]
    with psycopg.connect(database_url("postgres"), autocommit=True) as maintenance:
        maintenance.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        try:
            yield database_url(name)
        finally:
            maintenance.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


def make_environment(name: str, directory: Path, url: str, **variables: str) -> dict[str, str]:
    """The environment of a server of that name."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ziggy_site.settings",
        "DATABASE_URL": url,
        "ZIGGY_SERVER_NAME": name,
        "ZIGGY_SERVERS": "",
        "ZIGGY_BACKUP_DIR": str(directory / "backups"),
        "LOG_LEVEL": "INFO",
        **variables,
    }


@contextmanager
def run_gunicorn(environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """The port, which the system chose, of a server that is stopped and its port free afterwards."""
    options = "--preload --no-control-socket --workers 2 --access-logfile - --bind 127.0.0.1:0"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "ziggy_site.wsgi", *options.split()],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        port = _find_port(process, log)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the server still listens"


def _find_port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        if listening := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text()):
            return int(listening[1])
        time.sleep(0.05)
    raise AssertionError(f"gunicorn did not start:\n{log.read_text()}")
