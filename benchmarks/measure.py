"""A piece of work measured inside a child process, and the child as its parent sees it.

Every child is a fresh process, so that neither memory nor caches of one measurement help or
burden the next. The parent holds no data: its own memory must not count as a child's.
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
"""What the name of a row begins with that is a part of another one."""

Rows = dict[str, list["Reading"]]
"""By what was measured, each of its runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One run of one thing."""

    seconds: float
    megabytes: float | None = None
    """How far the process's peak of memory rose over what it was before; None where earlier work
    in the same process had its own."""
    queries: int | None = None
    items: int
    """How many items it was for: of a slow peer, fewer than of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a child has to tell."""

    rows: Rows = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    """Whatever else: digests of what was written, versions, the text of a profile."""


def measured(
    work: Callable[[], object], *, items: int, counts_queries: bool = True, is_first: bool = True
) -> Reading:
    """Do the work once, in this process, where it is the first work or comes after other."""
    from django.db import connection

    queries = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal queries
        queries += 1  # an executemany is one
        return execute(sql, params, many, context)

    connection.ensure_connection()
    gc.collect()
    before = _peak()
    start = time.perf_counter()
    with connection.execute_wrapper(count):
        work()
    seconds = time.perf_counter() - start
    return Reading(
        seconds=seconds,
        megabytes=_peak() - before if is_first else None,
        queries=queries if counts_queries else None,
        items=items,
    )


def _peak() -> float:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024**2 if sys.platform == "darwin" else 1024)


def run_child(work: str, *, database_url: str, scratch: Path, **arguments: Any) -> Result:
    """Do `module.function` of this package in a process of its own, on that database."""
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
    told = json.loads(done.stdout.splitlines()[-1])
    rows = {name: [Reading(**one) for one in readings] for name, readings in told["rows"].items()}
    return Result(rows=rows, facts=told["facts"])


def clean_environment() -> dict[str, str]:
    """This process's environment without what would set the product up otherwise."""
    names = {"DATABASE_URL", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS"}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith("ZIGGY_")
    }


def tell(result: Result) -> None:
    """Print the child's result for its parent."""
    print(json.dumps(asdict(result)))
