"""A cluster of PostgreSQL as its image makes it: one user, one database, one password."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support.deployment import PATIENCE, run_process
from tests.support.waiting import wait_until


@contextmanager
def run_postgresql(
    port: int, log: Path, *, user: str, password: str, name: str, durable: bool = False
) -> Iterator[None]:
    """Run a cluster with this user and database; unless `durable`, it does not wait for the disk."""
    initdb = shutil.which("initdb", path=_find_programs())
    if initdb is None:
        pytest.skip("PostgreSQL's own programs are not installed")
    folder = Path(tempfile.mkdtemp(prefix="ziggy-cluster-"))
    try:
        (folder / "password").write_text(password)
        owner = []
        if os.geteuid() == 0:  # the server refuses to run as root
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
            owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        made = [f"--username={user}", f"--pwfile={folder}/password", "--auth=scram-sha-256"]
        data = folder / "data"
        arguments = [initdb, "--no-sync", f"--pgdata={data}", "--encoding=UTF8", *made]
        subprocess.run([*owner, *arguments], cwd="/", check=True, capture_output=True, timeout=PATIENCE)  # fmt: skip
        server = [str(Path(initdb).with_name("postgres")), "-D", str(data), "-p", str(port),
                  "-c", "listen_addresses=127.0.0.1", "-k", str(folder),
                  "-c", f"fsync={'on' if durable else 'off'}"]  # fmt: skip
        with run_process([*owner, *server], os.environ, log, cwd=Path("/")):
            asked = [
                str(Path(initdb).with_name("pg_isready")),
                "-q",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
            ]
            wait_until(lambda: subprocess.run(asked, check=False).returncode == 0)
            url = f"postgres://{user}:{password}@127.0.0.1:{port}/postgres"
            with psycopg.connect(url, autocommit=True) as maintenance:
                maintenance.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_programs() -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return ":".join([*map(str, reversed(folders)), os.environ["PATH"]])
