"""The figures of a run that have limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.linear import CASES
from benchmarks.measure import Reading, Rows

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


def compute_time_per_item(readings: Sequence[Reading]) -> float:
    """Return the median of the seconds for one item."""
    return median(reading.seconds / reading.items for reading in readings)


def name_size(flows: int) -> str:
    """Return the name of an overwrite of so many flows."""
    return f"import of {flows:,} flows, all overwritten"


def name_file(flows: int) -> str:
    """Return the name of an export of so many flows to a file, and its import."""
    return f"{flows:,} flows to a file and back"


def name_directory(flows: int) -> str:
    """Return the name of an export of so many flows to a directory, and its import."""
    return f"{flows:,} flows to a directory and back"


FEW_FLOWS = 100


def name_page(flows: int) -> str:
    """Return the name of the queries of a flow's page among so many flows."""
    return f"page of a flow, {flows:,} flows: queries' time"


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
    yield from (_make_ratio(*each) for each in _RATIOS_OF_DOCUMENTS)
    yield Target(
        what="growth of the database per overwrite, of that with whole documents in rows and saves",
        limits=(0.25, 0.5),
        figure=_compute_database_growth,
    )
    yield Target(
        what="memory over start, per byte of file", limits=(1.5, 1.5), figure=_compute_memory_factor
    )
    yield from (_make_ratio(*each) for each in _OTHER_RATIOS)
    what = f"page of a flow, {run.flows:,} flows / {FEW_FLOWS:,} flows, queries' time"
    yield _make_ratio(what, name_page(run.flows), name_page(FEW_FLOWS), 2)
    few, many = get_sizes(run.flows)
    what = f"{many:,} flows / {few:,} flows, time for a flow"
    yield _make_ratio(what, name_size(many), name_size(few), 1.15)
    what = f"{many:,} flows to a directory and back / to a file and back"
    yield _make_ratio(what, name_directory(many), name_file(many), 3)
    what = f"{many:,} flows / {few:,} flows to a directory and back, time for a flow"
    yield _make_ratio(what, name_directory(many), name_directory(few), 1.15)


OVERWRITTEN = "import, all overwritten"
KNOWN = f"{OVERWRITTEN} with what is known"
UNCHANGED = "import, all unchanged"
UNSEEN = f"{UNCHANGED}, never seen"

# What, above, below, the limit, and that of PostgreSQL where it is another.
_RATIOS_OF_DOCUMENTS: tuple[tuple[Any, ...], ...] = (
    ("overwrite, new content / floor", OVERWRITTEN, "floor", 2.2, 2.8),
    ("overwrite, known content / floor", KNOWN, "floor", 0.8, 1.3),
    ("unchanged, again / floor", UNCHANGED, "floor", 0.5, 0.6),
    ("unchanged, file never seen / floor", UNSEEN, "floor", 1.8, 2.2),
    ("undo / its import", "undo of it", OVERWRITTEN, 0.8),
    ("export / floor, which writes compact", "export", "export floor", 1.6, 1.3),
    ("overwrite / `loaddata`, which keeps nothing", OVERWRITTEN, "loaddata", 1.1, 0.5),
    ("backup / VACUUM INTO or pg_dump alone", "backup", "backup floor", 1.1),
)
_OTHER_RATIOS: tuple[tuple[Any, ...], ...] = (
    ("`flow_status` / `json.loads` of the file", "flow_status", "json.loads", 0.5),
    (
        "overwrite / floor that sorts documents as the product stores them",
        *(OVERWRITTEN, "floor, documents sorted", 1.5),
    ),
    (
        "overwrite / django-import-export bulk, which keeps nothing",
        *(OVERWRITTEN, "django-import-export, bulk", 0.25),
    ),
    ("overwrite / plain loop with reversion", OVERWRITTEN, "plain loop with reversion", 1),
    ("plan only / parse only", "plan only", "parse only", 3),
    (
        "preview until its first page / plan only",
        *("preview until its first page", "plan only", 3),
    ),
    ("export / floor with the same line breaks", "export", "export floor, indented", 1.6),
    (
        "`flow_import` of 8 small flows / `manage.py check`",
        *("flow_import of 8 small flows", "manage.py check", 1.5),
    ),
)


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
    readings = rows[OVERWRITTEN]
    grown = median((reading.grown or 0) / reading.items for reading in readings)
    return grown / _GROWTH_WITH_TEXTS[vendor]


def _compute_memory_factor(run: Run, rows: Rows) -> float:
    readings = rows[OVERWRITTEN]
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
