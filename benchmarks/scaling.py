"""Measures the cases of `benchmarks.linear`."""

from itertools import count, islice

from benchmarks import ours
from benchmarks.linear import CASES
from benchmarks.measure import ChildOutput, Reading, measure
from imports.importing.service import examine_import


def case(number: int, size: int, runs: int) -> ChildOutput:
    """Measure a case at a size, on an empty server, in one process."""
    chosen = CASES[number]
    ours.run(chosen.stored(size))
    readings: list[Reading] = []
    for revision in islice(count(1), runs):
        request = ours.request(chosen.payload(size, revision))
        work = examine_import if chosen.is_refused else ours.run_import
        readings.append(
            measure(lambda work=work, request=request: work(request), items=size, is_first=False)
        )
    return ChildOutput(rows={make_row_name(number, size): readings})


def make_row_name(number: int, size: int) -> str:
    """Return the name of a case at a size."""
    return f"{size:,} {CASES[number].what}"
