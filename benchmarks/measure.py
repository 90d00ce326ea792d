"""Measuring work in a child process, and starting the child from its parent.

Every child is a new process, so that neither memory nor caches of one measurement affect the next.
The parent holds no data, since its memory must not count as a child's.
"""

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STEP = "step: "
"""The prefix of a row's name that is a part of another row."""

Rows = dict[str, list["Reading"]]
"""By what was measured, the readings of its runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The measured values of one run."""

    seconds: float
    megabytes: float | None = None
    """By how much the process's peak of memory rose; None after earlier work in the process."""
    queries: int | None = None
    grown: float | None = None
    """By how many megabytes the database grew; None where that was not measured."""
    items: int
    """The number of items: for a slow peer, fewer than for the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOutput:
    """The output of a child."""

    rows: Rows = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    """Other output: digests of what was written, versions, the text of a profile."""


def measure(
    work: Callable[[], object], *, items: int, counts_queries: bool = True, is_first: bool = True
) -> Reading:
    """Do the work once in this process and measure it; memory only if it is the first work."""
    from django.db import connection

    queries = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries
        queries += 1  # an executemany counts once
        return execute(sql, params, many, context)

    connection.ensure_connection()
    gc.collect()
    before = _read_peak()
    start = time.perf_counter()
    with connection.execute_wrapper(count):
        work()
    seconds = time.perf_counter() - start
    return Reading(
        seconds=seconds,
        megabytes=_read_peak() - before if is_first else None,
        queries=queries if counts_queries else None,
        items=items,
    )


def _read_peak() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024**2 if sys.platform == "darwin" else 1024)


def run_child(work: str, *, database_url: str, scratch: Path, **arguments: Any) -> ChildOutput:
    """Run `module.function` of this package in a new process, on that database."""
    variables = {
        "DATABASE_URL": database_url,
        "ZIGGY_BACKUP_DIR": str(scratch / "backups"),
        "ZIGGY_MAX_IMPORT_BYTES": str(2**31),
        "ALLOWED_HOSTS": "localhost",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.child", work, json.dumps(arguments, default=str)],
        env={**clean_environment(), **variables},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"The measurement {work} failed.")
    result = json.loads(done.stdout.splitlines()[-1])
    rows = {name: [Reading(**one) for one in readings] for name, readings in result["rows"].items()}
    return ChildOutput(rows=rows, facts=result["facts"])


def clean_environment() -> dict[str, str]:
    """Return this process's environment without variables that configure the product."""
    names = {"DATABASE_URL", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS"}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith("ZIGGY_")
    }


def print_result(result: ChildOutput) -> None:
    """Print the child's result for its parent."""
    print(json.dumps(asdict(result)))
