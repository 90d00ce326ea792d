"""compose.yaml, carried out with the processes themselves, on ports of 127.0.0.1.

Of the file are the services' commands, their environment, their secrets, what they wait for, what
is started again when it ends, and nginx's configuration. The program is that of the image, from the
Dockerfile. PostgreSQL is a cluster of its own, with the user and the password of the file.
"""

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import yaml
from cryptography.fernet import Fernet

from tests.support.clusters import run_postgresql
from tests.support.deployment import (
    PASSWORD,
    PATIENCE,
    ROOT,
    find_free_port,
    find_nginx,
    run_process,
    wait_for,
    write_nginx_files,
)
from tests.support.image import DOCKERFILE, Stage, read_instructions
from tests.support.name_server import run_name_server
from tests.support.waiting import wait_until

COMPOSE = ROOT / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def read_compose() -> dict[str, Any]:
    """Return the file, with the defaults of its variables."""
    text = _VARIABLE.sub(lambda found: found[2], COMPOSE.read_text())
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def find_command(service: Mapping[str, Any]) -> list[str]:
    """Return what a service of our image runs: its own command, or the image's."""
    commands = [rest for name, rest in read_instructions(DOCKERFILE.read_text()) if name == "CMD"]
    return list(service.get("command") or yaml.safe_load(commands[-1]))


class Worker:
    """A process of the service `worker`, with its number among procrastinate's workers."""

    def __init__(self, process: "subprocess.Popen[bytes]", number: int, port: int) -> None:
        self.process, self.number = process, number
        self.port = port  # of its metrics
        self.pid = process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill it, as by kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Tell it to stop, and return what it exits with."""
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE)


class Deployment:
    """The processes that run, and how to reach them."""

    def __init__(self, folder: Path, stage: Stage, variables: Mapping[str, str]) -> None:
        names = ("gunicorn", "http", "https", "database")
        self.ports = SimpleNamespace(**{name: find_free_port() for name in names})
        self.folder, self.stage = folder, stage
        self.log = folder / "output.log"
        self.services = read_compose()["services"]
        self.secrets = _write_secrets(folder, self.ports.database)
        self.database_url = (self.secrets / "database_url").read_text().strip()
        self.environments = {
            name: self._make_environment(self.services[name]) | variables
            for name in ("migrate", "web", "worker")
        }
        self.process: subprocess.Popen[bytes]  # gunicorn
        self.nginx: subprocess.Popen[bytes]
        self.workers: list[Worker] = []
        self._stack = ExitStack()

    @contextmanager
    def run(self, *, workers: int | None = None, durable: bool = False) -> Iterator["Deployment"]:
        """Run the services in the order in which they wait for each other, with the account ada."""
        count = self.services["worker"]["deploy"]["replicas"] if workers is None else workers
        with self._stack as stack:
            database = run_postgresql(
                self.ports.database,
                self.folder / "database.log",
                **self._read_account(),
                durable=durable,
            )
            stack.enter_context(database)
            self.run_command(*find_command(self.services["migrate"])[2:])
            account = ["--no-input", "--username", "ada", "--email", "ada@example.org"]
            self.run_command("createsuperuser", *account)
            self.process = self._start("web")
            wait_for(self.ports.gunicorn, self.log)
            for _ in range(count):
                self.start_worker()
            names = stack.enter_context(run_name_server({"web": "127.0.0.1"}))
            main = write_nginx_files(self.folder, self.ports, name_server=names.port)
            nginx = [find_nginx(), "-p", str(self.folder), "-c", str(main)]
            self.nginx = stack.enter_context(run_process(nginx, {}, self.log))
            wait_for(self.ports.https, self.log)
            yield self

    def run_command(
        self, *arguments: str, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run a management command in the image, as `docker compose run migrate` does."""
        return subprocess.run(
            [*self._translate(["python", "manage.py"]), *arguments],
            cwd=self.stage.find_directory(),
            env=self.environments["migrate"],
            check=check,
            timeout=PATIENCE * 5,
            capture_output=True,
            text=True,
        )

    def start_worker(self) -> Worker:
        """Start one more worker, and return it when it waits for jobs."""
        # In a container each has that port for itself.
        port = find_free_port()
        known = self._list_workers()
        process = self._start("worker", ZIGGY_WORKER_METRICS_BIND=f"127.0.0.1:{port}")
        wait_until(lambda: self._list_workers() - known or process.poll() is not None)
        assert process.poll() is None, self.log.read_text()
        [number] = self._list_workers() - known
        self.workers.append(Worker(process, number, port))
        return self.workers[-1]

    def start_ended_workers_again(self) -> int:
        """Do what `restart: unless-stopped` says of workers; return how many had ended."""
        ended = [worker for worker in self.workers if not worker.is_alive]
        for worker in ended:
            self.workers.remove(worker)
            self.start_worker()
        return len(ended)

    def connect(self) -> "psycopg.Connection[Any]":
        """Return a connection to the database, in which each statement is a transaction."""
        return psycopg.connect(self.database_url, autocommit=True)

    def _list_workers(self) -> set[int]:
        with self.connect() as connection:
            return {pk for (pk,) in connection.execute("SELECT id FROM procrastinate_workers")}

    def _start(self, name: str, **variables: str) -> "subprocess.Popen[bytes]":
        command = self._translate(find_command(self.services[name]))
        place = self.stage.find_directory()
        environment = {**self.environments[name], **variables}
        running = run_process(command, environment, self.log, cwd=place)
        return self._stack.enter_context(running)

    def _translate(self, command: list[str]) -> list[str]:
        path = self.stage.make_environment()["PATH"]
        program = shutil.which(command[0], path=path)
        assert program, f"the image has no {command[0]}"
        return [program, *command[1:]]

    def _make_environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        """The variables of a service, with the ports of the test and the secrets of the folder."""
        values = {
            name: text.replace("/run/secrets", str(self.secrets))
            for name, text in service["environment"].items()
        }
        values["ZIGGY_BIND"] = f"127.0.0.1:{self.ports.gunicorn}"
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return self.stage.make_environment(
            **values,
            TMPDIR=str(temporary),
            ZIGGY_BACKUP_DIR=str(self.folder / "backups"),
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )

    def _read_account(self) -> dict[str, str]:
        variables = self.services["database"]["environment"]
        password = self.secrets / Path(variables["POSTGRES_PASSWORD_FILE"]).name
        return {
            "user": variables["POSTGRES_USER"],
            "name": variables["POSTGRES_DB"],
            "password": password.read_text().strip(),
        }


def _write_secrets(folder: Path, port: int) -> Path:
    directory = folder / "secrets"
    directory.mkdir()
    password = secrets.token_urlsafe(24)
    for name, text in {
        "database_password": password,
        "database_url": f"postgres://ziggy:{password}@127.0.0.1:{port}/ziggy",
        "secret_key": secrets.token_urlsafe(64),
        "encryption_keys": Fernet.generate_key().decode(),
        "metrics_token": secrets.token_urlsafe(32),
    }.items():
        path = directory / name
        path.write_text(f"{text}\n")
        path.chmod(0o400)
    return directory
