"""compose.yaml, carried out with the processes themselves, on ports of 127.0.0.1.

Of the file are the services' commands, their environment, their secrets, what they wait for, and
nginx's configuration. PostgreSQL is a cluster of its own, with the user and the password of the file.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import yaml
from cryptography.fernet import Fernet
from django.conf import settings

from tests.support.deployment import (
    PASSWORD,
    PATIENCE,
    find_free_port,
    find_nginx,
    run_process,
    wait_for,
    write_nginx_files,
)
from tests.support.image import DOCKERFILE, read_instructions

ROOT = Path(settings.BASE_DIR)
COMPOSE = ROOT / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
_READS_FILES = "_FILE" in (ROOT / "ziggy_site" / "environment.py").read_text()


def read_compose() -> dict[str, Any]:
    """Return the file, with the defaults of its variables."""
    text = _VARIABLE.sub(lambda found: found[2], COMPOSE.read_text())
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def find_command(service: Mapping[str, Any]) -> list[str]:
    """Return what a service of our image runs: its own command, or the image's."""
    commands = [rest for name, rest in read_instructions(DOCKERFILE.read_text()) if name == "CMD"]
    return list(service.get("command") or yaml.safe_load(commands[-1]))


def has_worker() -> bool:
    """Return whether the product has the command that the service `worker` names."""
    return any(ROOT.glob("*/management/commands/background_worker.py"))


@contextmanager
def run_compose(folder: Path) -> Iterator[SimpleNamespace]:
    """Run the services in the order in which they wait for each other, with the account ada."""
    nginx = find_nginx()
    services = read_compose()["services"]
    names = ("gunicorn", "http", "https", "database")
    ports = SimpleNamespace(**{name: find_free_port() for name in names})
    secrets = _write_secrets(folder, ports.database)
    log = folder / "output.log"
    with ExitStack() as stack:
        stack.enter_context(_run_postgresql(services["database"], secrets, ports.database, log))
        variables = {name: _make_environment(services[name], secrets, folder, ports)
                     for name in ("migrate", "web", "worker")}  # fmt: skip
        _run_once(find_command(services["migrate"]), variables["migrate"])
        account = ["--no-input", "--username", "ada", "--email", "ada@example.org"]
        _run_once(["python", "manage.py", "createsuperuser", *account], variables["migrate"])
        web = [sys.executable, "-m", *find_command(services["web"])]
        process = stack.enter_context(run_process(web, variables["web"], log))
        workers = [
            stack.enter_context(run_process(_find(services["worker"]), variables["worker"], log))
            for _ in range(services["worker"]["deploy"]["replicas"] if has_worker() else 0)
        ]
        wait_for(ports.gunicorn, log)
        main = write_nginx_files(folder, ports)
        stack.enter_context(run_process([nginx, "-p", str(folder), "-c", str(main)], {}, log))
        wait_for(ports.https, log)
        yield SimpleNamespace(
            ports=ports, folder=folder, process=process, workers=workers, log=log,
            environment=variables["web"],
        )  # fmt: skip


def _find(service: Mapping[str, Any]) -> list[str]:
    return [sys.executable, *find_command(service)[1:]]


def _run_once(command: list[str], environment: Mapping[str, str]) -> None:
    arguments = [sys.executable, *command[1:]]
    subprocess.run(arguments, cwd=ROOT, env=environment, check=True, timeout=PATIENCE)


def _write_secrets(folder: Path, port: int) -> Path:
    secrets = folder / "secrets"
    secrets.mkdir()
    for name, text in {
        "database_password": "a-password-of-tests",
        "database_url": f"postgres://ziggy:a-password-of-tests@127.0.0.1:{port}/ziggy",
        "secret_key": "s3cr3t-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"[::-1],
        "encryption_keys": Fernet.generate_key().decode(),
    }.items():
        (secrets / name).write_text(f"{text}\n")
    return secrets


def _make_environment(
    service: Mapping[str, Any], secrets: Path, folder: Path, ports: SimpleNamespace
) -> dict[str, str]:
    """The variables of a service, with the ports of the test and the secrets of the folder."""
    values = {}
    for name, text in service["environment"].items():
        path = text.replace("/run/secrets", str(secrets))
        if name.endswith("_FILE") and not _READS_FILES:
            values[name.removesuffix("_FILE")] = Path(path).read_text().strip()
        else:
            values[name] = path
    return {
        "PATH": os.environ["PATH"],
        "DEBUG": "0",
        **values,
        "ZIGGY_BACKUP_DIR": str(folder / "backups"),
        "ZIGGY_BIND": f"127.0.0.1:{ports.gunicorn}",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }


@contextmanager
def _run_postgresql(
    service: Mapping[str, Any], secrets: Path, port: int, log: Path
) -> Iterator[None]:
    """Run a cluster as the image of PostgreSQL makes it: one user, one database, one password."""
    initdb = shutil.which("initdb", path=_find_postgresql())
    if initdb is None:
        pytest.skip("PostgreSQL's own programs are not installed")
    variables = service["environment"]
    user, name = variables["POSTGRES_USER"], variables["POSTGRES_DB"]
    password = (secrets / Path(variables["POSTGRES_PASSWORD_FILE"]).name).read_text().strip()
    folder = Path(tempfile.mkdtemp(prefix="ziggy-compose-"))
    try:
        (folder / "password").write_text(password)
        owner = []
        if os.geteuid() == 0:  # the server refuses to run as root
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
            owner = ["runuser", "-u", "postgres", "--"]
        made = [f"--username={user}", f"--pwfile={folder}/password", "--auth=scram-sha-256"]
        data = folder / "data"
        arguments = [initdb, "--no-sync", f"--pgdata={data}", *made]
        subprocess.run([*owner, *arguments], cwd="/", check=True, capture_output=True, timeout=PATIENCE)  # fmt: skip
        server = [str(Path(initdb).with_name("postgres")), "-D", str(data), "-p", str(port),
                  "-c", "listen_addresses=127.0.0.1", "-k", str(folder), "-c", "fsync=off"]  # fmt: skip
        with run_process([*owner, *server], os.environ, log, cwd=Path("/")):
            wait_for(port, log)
            url = f"postgres://{user}:{password}@127.0.0.1:{port}/postgres"
            with psycopg.connect(url, autocommit=True) as maintenance:
                maintenance.execute(f"CREATE DATABASE {name}")
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_postgresql() -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return ":".join([*map(str, reversed(folders)), os.environ["PATH"]])
