"""The text of readings: lines while they are made, and the tables of README.md."""

import os
import platform
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.measure import STEP, Reading, Rows
from benchmarks.targets import Run, Target, compute_time_per_item, list_targets

README = Path(__file__).with_name("README.md")
_MEASURED = re.compile(r"(<!-- measured -->\n).*(<!-- end of measured -->)", re.DOTALL)
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def format_lines(vendor: str, rows: Rows) -> Iterator[str]:
    """Yield the lines to print for the readings on one database."""
    for name, readings in rows.items():
        seconds = [reading.seconds for reading in readings]
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        yield (
            f"{_NAMES[vendor]:10}  {name:60} {median(seconds):8.3f} s ({spread}, "
            f"{len(readings)} runs)  {_format_speed(readings):>8} items/s  "
            f"{_format_megabytes(readings):>8}  {_format_queries(readings):>5} queries"
        )


def write_readme(run: Run) -> None:
    """Write the tables into README.md."""
    text = README.read_text()
    README.write_text(
        _MEASURED.sub(lambda found: f"{found[1]}{format_markdown(run)}{found[2]}", text)
    )


def format_markdown(run: Run) -> str:
    """Return the machine, the targets and all readings, as Markdown."""
    tables = (_format_targets(run), _format_steps(run), _format_all_rows(run))
    return "\n".join(
        (_describe_machine(run), *(line for table in tables for line in ("", *table)), "")
    )


def _describe_machine(run: Run) -> str:
    facts = next(iter(run.facts.values()))
    databases = ", ".join(f"{_NAMES[name]} {its['database']}" for name, its in run.facts.items())
    missing = "" if "postgresql" in run.facts else " There was no PostgreSQL server."
    return (
        f"{run.what}, {run.file_megabytes:.0f} MB, median of {run.runs} runs. "
        f"{read_processor()}, {os.cpu_count()} cores, load average {run.load:.1f} at the "
        f"beginning. Python {facts['python']}, Django {facts['django']}, {databases}.{missing}"
        f"{_describe_floor(run)}"
    )


def _describe_floor(run: Run) -> str:
    """Return how the floor's tables compare with the import's; "" if they were not compared."""
    equal = {facts["floor"] for facts in run.facts.values() if "floor" in facts}
    return f" The floor {' and '.join(sorted(equal))} as the import." if equal else ""


def read_processor() -> str:
    """Return the name of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _format_targets(run: Run) -> Iterator[str]:
    yield from _format_head("target", "at most", *(_NAMES[vendor] for vendor in run.rows))
    for target in list_targets(run):
        figures = [_judge(target, run, vendor) for vendor in run.rows]
        if any(figures):
            limits = " / ".join(dict.fromkeys(f"{limit:g}" for limit in target.limits))
            yield _format_line(target.what, limits, *figures)


def _judge(target: Target, run: Run, vendor: str) -> str:
    rows, limit = run.rows[vendor], target.limits[vendor == "postgresql"]
    try:
        figure = target.figure(run, rows)
    except KeyError:
        return ""
    return f"{figure:.2f} {'met' if figure <= limit else '**missed**'}"


def _format_steps(run: Run) -> Iterator[str]:
    """Yield the table of the steps of an overwrite."""
    yield from _format_head("step of an overwrite", *(_NAMES[vendor] for vendor in run.rows))
    for name in _list_names(run):
        if name.startswith(STEP):
            seconds = [
                f"{median(one.seconds for one in rows[name]):.2f} s" if name in rows else ""
                for rows in run.rows.values()
            ]
            yield _format_line(name.removeprefix(STEP), *seconds)


def _list_names(run: Run) -> dict[str, None]:
    """Return the names of what was measured, in order."""
    return dict.fromkeys(name for rows in run.rows.values() for name in rows)


def _format_all_rows(run: Run) -> Iterator[str]:
    columns = [
        column
        for vendor in run.rows
        for column in (_NAMES[vendor], "min to max", "items/s", "memory", "queries")
    ]
    yield from _format_head("measured", "items", *columns)
    for name in _list_names(run):
        if name.startswith(STEP):
            continue
        cells: list[str] = []
        for rows in run.rows.values():
            cells += _format_cells(rows[name]) if name in rows else [""] * 5
        [items, *_] = [rows[name][0].items for rows in run.rows.values() if name in rows]
        yield _format_line(name, f"{items:,}", *cells)


def _format_cells(readings: Sequence[Reading]) -> list[str]:
    seconds = [reading.seconds for reading in readings]
    return [
        f"{median(seconds):.3f} s",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        _format_speed(readings),
        _format_megabytes(readings),
        _format_queries(readings),
    ]


def _format_head(*cells: str) -> Iterator[str]:
    yield _format_line(*cells)
    yield f"|{'---|' * len(cells)}"


def _format_line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _format_speed(readings: Sequence[Reading]) -> str:
    return f"{1 / compute_time_per_item(readings):,.0f}"


def _format_megabytes(readings: Sequence[Reading]) -> str:
    known = [reading.megabytes for reading in readings if reading.megabytes is not None]
    return f"{median(known):.0f} MB" if known else ""


def _format_queries(readings: Sequence[Reading]) -> str:
    return "" if readings[-1].queries is None else str(readings[-1].queries)
