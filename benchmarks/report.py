"""The text of readings: lines while they are made, and the tables of README.md."""

import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.linear import CASES
from benchmarks.measure import STEP, Reading, Rows

README = Path(__file__).with_name("README.md")
_MEASURED = re.compile(r"(<!-- measured -->\n).*(<!-- end of measured -->)", re.DOTALL)
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All readings of a run, and what was measured."""

    flows: int
    file_megabytes: float
    runs: int
    what: str
    load: float
    """The machine's load average when the run began."""
    facts: Mapping[str, Mapping[str, str]]
    """By database."""
    rows: Mapping[str, Rows]
    """By database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure with its upper limits: on SQLite, and on PostgreSQL."""

    what: str
    limits: tuple[float, float]
    figure: Callable[[Run, Rows], float]
    """Raises KeyError if it was not measured."""


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
        f"{_read_processor()}, {os.cpu_count()} cores, load average {run.load:.1f} at the "
        f"beginning. Python {facts['python']}, Django {facts['django']}, {databases}.{missing}"
        f"{_describe_floor(run)}"
    )


def _describe_floor(run: Run) -> str:
    """Return how the floor's tables compare with the import's; "" if they were not compared."""
    equal = {facts["floor"] for facts in run.facts.values() if "floor" in facts}
    return f" The floor {' and '.join(sorted(equal))} as the import." if equal else ""


def _read_processor() -> str:
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


def compute_time_per_item(readings: Sequence[Reading]) -> float:
    """Return the median of the seconds for one item."""
    return median(reading.seconds / reading.items for reading in readings)


def name_size(flows: int) -> str:
    """Return the name of an overwrite of so many flows."""
    return f"import of {flows:,} flows, all overwritten"


def get_sizes(flows: int) -> tuple[int, int]:
    """Return the numbers of flows of the two imports whose time for a flow is compared."""
    return max(flows // 5, 1), flows * 2


def list_targets(run: Run) -> Iterator[Target]:
    """Yield all targets, those of the linear cases last."""
    yield from _list_ratio_targets(run)
    yield Target(
        what=f"queries for {_BATCH} more flows", limits=(12, 12), figure=_compute_more_queries
    )
    for case in CASES:
        yield Target(
            what=f"twice as many {case.what}: time",
            limits=(2.3, 2.3),
            figure=lambda _run, rows, what=case.what: _compute_growth(rows, what),
        )


def _list_ratio_targets(run: Run) -> Iterator[Target]:
    """Yield the targets of one time, or of another figure, over a figure of the same run."""
    ours = "import, all overwritten"
    yield _make_ratio("overwrite, new content / floor", ours, "floor", 2.2, 2.8)
    yield _make_ratio(
        "overwrite, known content / floor", f"{ours} with what is known", "floor", 0.8, 1.3
    )
    yield _make_ratio("unchanged, again / floor", "import, all unchanged", "floor", 0.5, 0.6)
    yield _make_ratio(
        "unchanged, file never seen / floor", "import, all unchanged, never seen", "floor", 1.8, 2.2
    )
    yield _make_ratio("undo / its import", "undo of it", ours, 0.8)
    yield _make_ratio("export / floor, which writes compact", "export", "export floor", 1.6, 1.3)
    yield _make_ratio("overwrite / `loaddata`, which keeps nothing", ours, "loaddata", 1.1, 0.5)
    yield _make_ratio("backup / VACUUM INTO or pg_dump alone", "backup", "backup floor", 1.1)
    yield Target(
        what="growth of the database per overwrite, of that with whole documents in rows and saves",
        limits=(0.25, 0.5),
        figure=_compute_database_growth,
    )
    yield Target(
        what="memory over start, per byte of file", limits=(1.5, 1.5), figure=_compute_memory_factor
    )
    yield _make_ratio("`flow_status` / `json.loads` of the file", "flow_status", "json.loads", 0.5)
    yield _make_ratio(
        "overwrite / floor that sorts documents as the product stores them",
        ours,
        "floor, documents sorted",
        1.5,
    )
    yield _make_ratio(
        "overwrite / django-import-export bulk, which keeps nothing",
        ours,
        "django-import-export, bulk",
        0.25,
    )
    yield _make_ratio("overwrite / plain loop with reversion", ours, "plain loop with reversion", 1)
    yield _make_ratio("plan only / parse only", "plan only", "parse only", 3)
    yield _make_ratio("preview until its first page / plan only", *_PAGE, 3)
    few, many = get_sizes(run.flows)
    what = f"{many:,} flows / {few:,} flows, time for a flow"
    yield _make_ratio(what, name_size(many), name_size(few), 1.15)
    yield _make_ratio(
        "export / floor with the same line breaks", "export", "export floor, indented", 1.6
    )
    yield _make_ratio("`flow_import` of 8 small flows / `manage.py check`", *_START, 1.5)


_PAGE = ("preview until its first page", "plan only")
_START = ("flow_import of 8 small flows", "manage.py check")


def _make_ratio(
    what: str, above: str, below: str, limit: float, of_postgresql: float | None = None
) -> Target:
    return Target(
        what=what,
        limits=(limit, limit if of_postgresql is None else of_postgresql),
        figure=lambda _run, rows: (
            compute_time_per_item(rows[above]) / compute_time_per_item(rows[below])
        ),
    )


_GROWTH_WITH_TEXTS = {"sqlite": 22.25 / 1024, "postgresql": 11 / 1024}
"""Megabytes for each overwritten flow of 20 kB, before documents were stored once."""


def _compute_database_growth(run: Run, rows: Rows) -> float:
    [vendor] = [vendor for vendor, found in run.rows.items() if found is rows]
    readings = rows["import, all overwritten"]
    grown = median((reading.grown or 0) / reading.items for reading in readings)
    return grown / _GROWTH_WITH_TEXTS[vendor]


def _compute_memory_factor(run: Run, rows: Rows) -> float:
    readings = rows["import, all overwritten"]
    return median(reading.megabytes or 0 for reading in readings) / run.file_megabytes


def _compute_more_queries(run: Run, rows: Rows) -> float:
    few, many = (rows[name_size(flows)][-1] for flows in get_sizes(run.flows))
    return ((many.queries or 0) - (few.queries or 0)) / (many.items - few.items) * _BATCH


def _compute_growth(rows: Rows, what: str) -> float:
    """Return how many times as long twice as much takes."""
    found = [readings for name, readings in rows.items() if name.endswith(f" {what}")]
    if not found:
        raise KeyError(what)
    half, whole = found
    return median(one.seconds for one in whole) / median(one.seconds for one in half)
