"""Workers in processes of their own, on the database of the tests, as an operator starts them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.support.importing import child_environment
from tests.support.waiting import PATIENCE, wait_until


class Worker:
    """A process of `manage.py background_worker`, with its log."""

    def __init__(self, log: Path, backups: Path, drill_hours: str) -> None:
        self.log = log
        known = _list_workers()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "background_worker"],
                cwd=settings.BASE_DIR,
                env=child_environment(
                    ZIGGY_BACKGROUND="true",
                    ZIGGY_BACKUP_DIR=str(backups),
                    ZIGGY_DRILL_HOURS=drill_hours,
                    LOG_LEVEL="INFO",
                ),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.is_ready = lambda: bool(_list_workers() - known) or not self.is_alive

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


@contextmanager
def run_worker(directory: Path, *, drill_hours: str = "0") -> Iterator[Worker]:
    """A worker that waits for jobs, and that is gone afterwards; without drills, unless said."""
    number = len(list(directory.glob("worker-*.log")))
    worker = Worker(directory / f"worker-{number}.log", directory / "backups", drill_hours)
    try:
        wait_until(worker.is_ready)
        assert worker.is_alive, worker.log.read_text()
        yield worker
    finally:
        if worker.is_alive:
            worker.kill()


def cut_connections(*, count: int, choose: Callable[[list[int]], list[int]]) -> int:
    """Cut so many connections of other processes to the tests' database; return how many were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        pids = choose([pid for (pid,) in cursor.fetchall()])[:count]
        for pid in pids:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    return len(pids)


def _list_workers() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM procrastinate_workers")
        return {number for (number,) in cursor.fetchall()}


def read_number(name: str, default: int) -> int:
    """Return how many rounds the environment asks for."""
    return int(os.environ.get(name, default))
