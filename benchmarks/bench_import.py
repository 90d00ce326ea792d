"""Time an import over existing rows: `make bench`, or `python -m benchmarks.bench_import --help`.

Prepares a scratch database, then measures `run_import` without the backup, in this process.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchmarks.generate import export_file


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{scratch}/bench.sqlite3")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ziggy_site.settings")
        import django

        django.setup()
        from django.test.utils import setup_databases, teardown_databases

        databases = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        try:
            _measure(options)
        finally:
            teardown_databases(databases, verbosity=0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=5000)
    parser.add_argument("--kilobytes", type=int, default=20, help="of each flow")
    parser.add_argument("--runs", type=int, default=5)
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> None:
    from django.db import connection

    files = [
        export_file(options.flows, kilobytes=options.kilobytes, revision=revision)
        for revision in (1, 2)
    ]
    print(
        f"{connection.vendor}: {options.flows} flows of {options.kilobytes} kB, "
        f"{len(files[0]) / 1e6:.0f} MB, {options.runs} runs"
    )
    _report("create", [_timed(lambda: _import(files[0]))])
    times = [_timed(lambda at=at: _import(files[at % 2])) for at in range(1, options.runs + 1)]
    _report("overwrite, all changed", times)
    same = files[options.runs % 2]
    _report(
        "overwrite, all unchanged", [_timed(lambda: _import(same)) for _ in range(options.runs)]
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process: {peak:.0f} MB")


def _import(payload: bytes) -> None:
    from imports.models import Door
    from imports.plan import Mode
    from imports.request import ImportRequest
    from imports.service import run_import

    run_import(
        ImportRequest(
            payload=payload,
            file_name="benchmark.json",
            server="local",
            mode=Mode.OVERWRITE,
            door=Door.COMMAND,
            user_name="benchmark",
            with_backup=False,
        )
    )


def _timed(work: Callable[[], None]) -> tuple[float, Counter[str]]:
    from django.db import connection

    queries: Counter[str] = Counter()

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        queries["executemany" if many else "execute"] += 1
        return execute(sql, params, many, context)

    start = time.perf_counter()
    with connection.execute_wrapper(count):
        work()
    return time.perf_counter() - start, queries


def _report(what: str, runs: list[tuple[float, Counter[str]]]) -> None:
    seconds = [run[0] for run in runs]
    queries = runs[-1][1]
    print(
        f"{what:26} median {statistics.median(seconds):6.2f} s  "
        f"(min {min(seconds):.2f}, max {max(seconds):.2f})  "
        f"{sum(queries.values())} queries, {queries['executemany']} of them executemany"
    )


if __name__ == "__main__":
    sys.exit(main())
