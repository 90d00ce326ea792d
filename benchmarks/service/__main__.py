"""Measure the deployed service: `make bench-service`. The tables are printed as Markdown."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.report import read_processor
from benchmarks.service.client import Client
from benchmarks.service.measures import (
    Deployed,
    fill,
    measure_imports,
    measure_readers_beside_an_import,
    measure_reads,
)
from benchmarks.service.mixed import measure_mixed
from tests.support.composed import Deployment
from tests.support.image import build

_READS = ("request", "clients", "requests/s", "p50, ms", "p95, ms", "failed",
          "gunicorn, ms of a core each", "PostgreSQL, ms of a core each")  # fmt: skip
_IMPORTS = ("file", "at once", "taken in, s", "first ends, s", "last ends, s",
            "web, peak / after, MB", "worker, peak / after, MB")  # fmt: skip
_READERS = ("readers", "p50, ms", "beside it", "times", "p95, ms", "beside it", "times", "failed")
_MIXED = ("request", "requests/s", "p50, ms", "p95, ms", "failed")
_GROUPS = ("reads", "imports", "readers", "mixed")


def main() -> None:
    """Start the deployment, fill it, and print what was asked for."""
    options = _read_options()
    with tempfile.TemporaryDirectory(prefix="bench-service-") as name, ExitStack() as running:
        folder = Path(name)
        deployment = Deployment(folder, build(folder / "image")[-1], {})
        site = running.enter_context(deployment.run(durable=True))
        with Client(site, 199) as client:
            bench = Deployed(site=site, token=client.log_in(), flows=options.flows)
        fill(bench)
        load = os.getloadavg()[0]
        machine = f"{read_processor()}, {os.cpu_count()} cores; load average {load:.1f}"
        _print(f"{machine} at the beginning; {options.flows} flows of 20 KB.")
        for group in options.only or _GROUPS:
            _measure(group, bench, options)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--only", choices=_GROUPS, action="append", help="measure this alone")
    parser.add_argument("--flows", type=int, default=300, help="that the server holds (300)")
    parser.add_argument("--seconds", type=float, default=15, help="of each reading (15)")
    parser.add_argument("--clients", type=int, default=50, help="of the mixed load (50)")
    parser.add_argument("--minutes", type=float, default=10, help="of the mixed load (10)")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[1, 10, 200])
    return parser.parse_args()


def _measure(group: str, bench: Deployed, options: argparse.Namespace) -> None:
    largest = max(options.megabytes)
    match group:
        case "reads":
            _print_table(_READS, measure_reads(bench, options.seconds, (1, 10, 50)))
        case "imports":
            _print_table(_IMPORTS, measure_imports(bench, tuple(options.megabytes), (1, 2, 4)))
        case "readers":
            _print_table(_READERS, measure_readers_beside_an_import(bench, largest))
        case "mixed":
            rows = measure_mixed(bench, options.clients, options.minutes * 60)
            _print_table(_MIXED, rows)
            for name in ("statuses", "imports", "memory"):
                _print(f"{name}: {bench.facts[name]}")


def _print_table(head: Iterable[str], rows: Iterator[list[str]]) -> None:
    _print("", _format(head), _format("---" for _ in head))
    for row in rows:
        _print(_format(row))


def _format(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _print(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
