"""Measure the import against its floor and its peers: `make bench`.

On SQLite, and on PostgreSQL where DATABASE_URL names a server of that. The tables of
benchmarks/README.md are written anew by a whole run with nothing left out.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.generate import get_generated_path, write_export_files, write_revisions
from benchmarks.measure import Rows
from benchmarks.report import format_lines, format_markdown, write_readme
from benchmarks.schedule import Bench, Sample, groups, list_generated_sizes
from benchmarks.scratch import DatabaseServer, Postgresql, Sqlite
from benchmarks.targets import Run, get_sizes

_FLOWS, _KILOBYTES, _RUNS = 5000, 20, 5
_QUICK = {"flows": 200, "kilobytes": 5, "runs": 1}


def main() -> None:
    """Run the benchmarks that the options ask for."""
    options = _read_options()
    options.load = os.getloadavg()[0]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        sample = _make_sample(options, Path(directory))
        facts, rows = {}, {}
        for server in _open_servers(options, Path(directory)):
            bench = Bench(server, sample, lambda found, server=server: _print(server, found))
            try:
                bench.prepare()
                if options.profile:
                    print(bench.profile())
                    continue
                bench.measure([options.only] if options.only else list(groups))
            finally:
                server.close()
            facts[server.vendor], rows[server.vendor] = bench.facts, bench.rows
        if rows:
            _conclude(options, _run(options, sample, facts, rows))
    print(f"\nAll of it took {time.perf_counter() - start:.0f} s.")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--flows", type=int, help=f"of the generated file ({_FLOWS})")
    parser.add_argument("--kilobytes", type=int, help=f"of each flow ({_KILOBYTES})")
    parser.add_argument("--runs", type=int, help=f"of what matters most ({_RUNS})")
    parser.add_argument("--only", choices=list(groups), help="measure this alone")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="this one alone")
    parser.add_argument("--quick", action="store_true", help="few, small and once: does it work?")
    parser.add_argument("--profile", action="store_true", help="profile an overwrite instead")
    parser.add_argument("files", type=Path, nargs="*", help="real exports, instead of a generated")
    options = parser.parse_args()
    defaults = {"flows": _FLOWS, "kilobytes": _KILOBYTES, "runs": _RUNS}
    options.is_whole = not (
        options.quick
        or options.only
        or options.database
        or options.files
        or options.profile
        or any(getattr(options, name) for name in defaults)
    )
    for name, default in (_QUICK if options.quick else defaults).items():
        if getattr(options, name) is None:
            setattr(options, name, default)
    return options


def _make_sample(options: argparse.Namespace, directory: Path) -> Sample:
    return (_use_given_files if options.files else _generate_files)(options, directory)


def _use_given_files(options: argparse.Namespace, directory: Path) -> Sample:
    """Return the sample of the exports that the options name."""
    before, after = directory / "before.json", directory / "after.json"
    with ProcessPoolExecutor(1) as pool:  # its memory must not be this process's
        items = pool.submit(write_revisions, options.files, before, after).result()
    return Sample(
        directory=directory,
        before=before,
        after=after,
        items=items,
        runs=options.runs,
        shrink=_get_shrink(options),
        is_generated=False,
    )


def _generate_files(options: argparse.Namespace, directory: Path) -> Sample:
    """Return the sample of generated files, of every size that is measured."""
    with ProcessPoolExecutor(2) as pool:
        written = [
            pool.submit(
                write_export_files,
                directory,
                list(list_generated_sizes(options.flows)),
                kilobytes=options.kilobytes,
                revision=revision,
            )
            for revision in (1, 2)
        ]
        for one in written:
            one.result()
    before, after = (get_generated_path(directory, options.flows, revision) for revision in (1, 2))
    scales = {
        flows: (get_generated_path(directory, flows, 1), get_generated_path(directory, flows, 2))
        for flows in get_sizes(options.flows)
    }
    return Sample(
        directory=directory,
        before=before,
        after=after,
        items=options.flows,
        runs=options.runs,
        scales=scales,
        shrink=_get_shrink(options),
    )


def _get_shrink(options: argparse.Namespace) -> int:
    return 20 if options.quick else 1


def _open_servers(options: argparse.Namespace, directory: Path) -> Iterator[DatabaseServer]:
    url = os.environ.get("DATABASE_URL", "")
    if options.database != "postgresql":
        yield Sqlite(directory)
    if options.database != "sqlite":
        if url.startswith("postgres"):
            yield Postgresql(url)
        else:
            print("DATABASE_URL names no PostgreSQL server: SQLite alone.", flush=True)


def _print(server: DatabaseServer, rows: Rows) -> None:
    for line in format_lines(server.vendor, rows):
        print(line, flush=True)


def _run(
    options: argparse.Namespace,
    sample: Sample,
    facts: dict[str, dict[str, str]],
    rows: dict[str, Rows],
) -> Run:
    what = f"{options.flows:,} flows of about {options.kilobytes} kB"
    if options.files:
        what = f"{sample.items:,} items of {len(options.files)} files"
    return Run(
        flows=options.flows,
        file_megabytes=sample.after.stat().st_size / 1e6,
        runs=options.runs,
        what=what,
        load=options.load,
        facts=facts,
        rows=rows,
    )


def _conclude(options: argparse.Namespace, run: Run) -> None:
    print(f"\n{format_markdown(run)}")
    if options.is_whole:
        write_readme(run)
        print("Written to benchmarks/README.md.")


if __name__ == "__main__":
    main()
