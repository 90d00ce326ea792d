"""Tasks in processes of their own that are killed at some point: a statement, before or behind a commit."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from tests.support.importing import child_environment

PLACES = int(os.environ.get("ZIGGY_KILL_PLACES", "20"))
"""At how many points a test kills a task, spread over all that it has."""

# Takes one line for each run: the task and the point. Each runs in a process of its own, which is
# forked before there is a connection, and tells how many points it passed.
_SERVER = """
import json, os, signal, sys
from itertools import count

import django
django.setup()

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from tests.support.killed_tasks import TASKS

points, commit = count(1), BaseDatabaseWrapper._commit

def run(task, place):
    def pass_point():
        if (point := next(points)) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return point
    def execute_and_count(execute, *args):
        pass_point()
        return execute(*args)
    def commit_and_count(self):
        pass_point()
        commit(self)
        pass_point()
    BaseDatabaseWrapper._commit = commit_and_count
    with connection.execute_wrapper(execute_and_count):
        TASKS[task]()
    return next(points) - 1

for line in sys.stdin.buffer:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, json.dumps(run(*json.loads(line))).encode())
        os._exit(0)
    os.close(writing)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with os.fdopen(reading, "rb") as answer:
        print(json.dumps([code, answer.read().decode()]), flush=True)
"""


class Killer:
    """Runs the tasks of `killed_tasks`, to their end or to a point."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child

    def run(self, task: str) -> int:
        """Run the task to its end; return how many points it passed."""
        code, points = self._send(task, 0)
        assert code == 0, f"{task} exits with {code}"
        return int(points)

    def kill(self, task: str, place: int) -> None:
        """Kill the task at the point of that number."""
        code, _ = self._send(task, place)
        assert code == -signal.SIGKILL, f"{task} at {place} exits with {code}"

    def _send(self, task: str, place: int) -> Any:
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(json.dumps([task, place]).encode() + b"\n")
        return json.loads(self._child.stdout.readline())


@contextmanager
def start_killer() -> Iterator[Killer]:
    """Yield a Killer for the database of the tests."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        env=child_environment(PYTHONPATH=str(settings.BASE_DIR)),
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as child:
        yield Killer(child)
        assert child.stdin
        child.stdin.close()


def spread_places(points: int) -> Sequence[int]:
    """Return the first point, the last one, and others between them."""
    most = max(min(PLACES, points), 2)
    return sorted({1 + step * (points - 1) // (most - 1) for step in range(most)})
