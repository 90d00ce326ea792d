"""Measurements of the way to a directory and back, against that to a file."""

import shutil
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks import ours
from benchmarks.measure import ChildOutput, Reading, measure
from benchmarks.targets import name_directory, name_file
from flows.conf import ziggy
from imports.database.one_state import read_one_state
from imports.exporting.directory_writing import write_directory
from imports.exporting.selection import select_everything
from imports.exporting.write import write_export
from imports.importing.service import run_import
from imports.management.sources import read_directory
from imports.parsed.models import ParsedItem
from imports.samples.sample import SampleRequest, write_sample

_DIRECTORY_ID = "00000000-0000-4000-8000-000000000000"


def go_there_and_back(directory: str, flows: int, runs: int) -> ChildOutput:
    """Measure an export to a file, or to a new directory, and its import as one never seen.

    The flows are those of `make_sample`: of the generated ones every node has code, which would be
    a file of half a kilobyte each.
    """
    sample = BytesIO()
    write_sample(SampleRequest(flows=flows), sample)
    ours.run(sample.getvalue())
    rows: dict[str, list[Reading]] = {name_file(flows): [], name_directory(flows): []}
    root = Path(directory) / "there-and-back"
    for _ in range(runs):
        for name, work in (
            (name_file(flows), _go_by_file),
            (name_directory(flows), partial(_go_by_directory, root)),
        ):
            ParsedItem.objects.all().delete()
            rows[name].append(measure(work, is_first=False, items=flows, counts_queries=False))
        shutil.rmtree(root)
    return ChildOutput(rows=rows)


def _go_by_file() -> None:
    stream = BytesIO()
    with read_one_state():
        write_export(select_everything(), stream, server=ziggy.SERVER_NAME)
    _import_unchanged(payload=stream.getvalue())


def _go_by_directory(root: Path) -> None:
    with read_one_state():
        selection = select_everything()
        write_directory(selection, root, server=ziggy.SERVER_NAME, make_id=lambda: _DIRECTORY_ID)
    _import_unchanged(packed=read_directory(str(root)))


def _import_unchanged(**source: Any) -> None:
    counts = run_import(replace(ours.request(b""), **source)).plan.counts
    if [*map(str, counts)] != ["UNCHANGED"]:
        raise SystemExit(f"The import of an export did {counts}.")
