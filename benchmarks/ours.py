"""Measurements of the product, by the functions that its commands and pages call."""

import json
import platform
import sqlite3
import sys
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import django
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from benchmarks import floor
from benchmarks.measure import ChildOutput, Reading, measure
from benchmarks.targets import KNOWN, OVERWRITTEN, UNCHANGED, UNSEEN
from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.conf import ziggy
from flows.database.size import read_database_size
from imports.database.backup import make_backup
from imports.database.one_state import read_one_state
from imports.exportfile.document import parse
from imports.exporting.downloads import pack_export
from imports.exporting.selection import select_everything
from imports.exporting.write import write_export
from imports.importing.request import ImportRequest
from imports.importing.service import preview_import, run_import
from imports.models import Door, ImportRecord
from imports.parsed.models import ParsedItem
from imports.plans.plan import Mode, Plan, UndoResult
from imports.runs.carrying_out import Outcome
from imports.status.service import read_status
from imports.undo.plans.plan import UndoPlan
from imports.undo.request import UndoRequest
from imports.undo.service import undo_import
from imports.uploads.pending import Options, stage

_later = partial(measure, is_first=False)
"""Measures several works in turns in one process."""


def facts() -> ChildOutput:
    """Return the versions that were measured."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            database = sqlite3.sqlite_version
        else:
            cursor.execute("SHOW server_version")
            database = str(cursor.fetchone()[0])
    return ChildOutput(
        facts={
            "database": database,
            "python": platform.python_version(),
            "django": django.__version__,
        }
    )


def migrate() -> ChildOutput:
    """Create the tables."""
    call_command("migrate", verbosity=0)
    return ChildOutput()


def fill(path: str) -> ChildOutput:
    """Import the file without measuring."""
    run(Path(path).read_bytes())
    return ChildOutput()


def create(path: str, items: int) -> ChildOutput:
    """Measure the import of a file whose items are all new."""
    return _import("import, all created", path, items, "CREATE")


def overwrite(path: str, items: int) -> ChildOutput:
    """Measure the import of a file whose items all exist and all differ; then its undo."""
    before = read_database_size(connection)
    done = _import(OVERWRITTEN, path, items, "OVERWRITE")
    [reading] = done.rows[OVERWRITTEN]
    reading = replace(reading, grown=(read_database_size(connection) - before) / 1024**2)
    rows = {OVERWRITTEN: [reading], "undo of it": [_undo(items)]}
    return ChildOutput(rows=rows, facts=done.facts)


def _undo(items: int) -> Reading:
    undo = UndoRequest(
        record=ImportRecord.objects.latest("pk").pk,
        server=ziggy.SERVER_NAME,
        door=Door.COMMAND,
        user_name="benchmark",
        with_backup=False,
    )
    outcomes: list[Outcome[UndoPlan]] = []
    reading = _later(lambda: outcomes.append(undo_import(undo)), items=items)
    if outcomes[0].plan.counts != {UndoResult.RESTORE: items}:
        raise SystemExit(f"The undo did {outcomes[0].plan.counts} instead of restoring {items}.")
    return reading


def overwrite_known(path: str, known: str, items: int) -> ChildOutput:
    """Measure the import of `known`, imported before, over the items of the file at `path`."""
    run(Path(path).read_bytes())
    return _import(KNOWN, known, items, "OVERWRITE")


def repeat(path: str, items: int) -> ChildOutput:
    """Measure the import of a file that was imported already."""
    return _import(UNCHANGED, path, items, "UNCHANGED")


def repeat_unseen(path: str, items: int) -> ChildOutput:
    """Measure the import of a file that was never seen, whose items are all as the rows are."""
    ParsedItem.objects.all().delete()
    return _import(UNSEEN, path, items, "UNCHANGED")


def compare(path: str, items: int, runs: int) -> ChildOutput:
    """Measure `flow_status` of a file against `json.loads` of it, in turns."""
    payload = Path(path).read_bytes()
    rows: dict[str, list[Reading]] = {"json.loads": [], "flow_status": []}
    for _ in range(runs):
        rows["json.loads"].append(
            _later(lambda: json.loads(payload), items=items, counts_queries=False)
        )
        rows["flow_status"].append(_later(lambda: read_status(request(payload)), items=items))
    return ChildOutput(rows=rows)


def _import(name: str, path: str, items: int, result: str) -> ChildOutput:
    outcomes: list[Outcome[Plan]] = []
    reading = measure(lambda: outcomes.append(run(Path(path).read_bytes())), items=items)
    found = {str(key): count for key, count in outcomes[0].plan.counts.items()}
    if found != {result: items}:
        raise SystemExit(f"{name}: there were {found} and not {items} {result}.")
    return ChildOutput(
        rows={name: [reading]}, facts=floor.digest_written() if result == "OVERWRITE" else {}
    )


def overwrite_by_turns(name: str, before: str, after: str, items: int, runs: int) -> ChildOutput:
    """Measure overwriting the items of one file with those of another and back, in one process."""
    run(Path(before).read_bytes())
    readings = [
        _later(lambda path=path: run(Path(path).read_bytes()), items=items)
        for path in (after, before) * runs
    ]
    return ChildOutput(rows={name: readings[:runs]})


def plan(path: str, items: int, runs: int) -> ChildOutput:
    """Measure planning against parsing, in turns."""
    payload = Path(path).read_bytes()
    rows: dict[str, list[Reading]] = {"parse only": [], "plan only": []}
    for _ in range(runs):
        rows["parse only"].append(
            _later(lambda: parse(payload, max_bytes=len(payload)), items=items)
        )
        rows["plan only"].append(_later(lambda: preview_import(request(payload)), items=items))
    return ChildOutput(rows=rows)


def first_page(path: str, items: int, runs: int) -> ChildOutput:
    """Measure an upload in the admin, up to the first page of its preview."""
    payload = Path(path).read_bytes()
    user = User.objects.create_superuser("benchmark")
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    client.get(reverse("admin:index"))  # templates are loaded once

    def look() -> None:
        pending = stage(
            user,
            payload=payload,
            file_name="benchmark.json",
            options=Options(mode=Mode.OVERWRITE, override_locks=True),
        )
        page = client.get(reverse("admin:imports_preview", args=[pending.pk]))
        if page.status_code != 200:
            raise SystemExit(f"The preview's page has the status {page.status_code}.")

    return ChildOutput(
        rows={"preview until its first page": [_later(look, items=items) for _ in range(runs)]}
    )


class _Nowhere:
    """A stream that discards what is written."""

    def write(self, data: bytes) -> int:
        return len(data)


def export(items: int, runs: int) -> ChildOutput:
    """Measure an export of everything against its floor, in turns."""
    _check_exports()
    nowhere = cast("BinaryIO", _Nowhere())
    works = {
        "export floor": lambda: floor.write_export(nowhere, indent=False),
        "export floor, indented": lambda: floor.write_export(nowhere, indent=True),
        "export": lambda: _export(nowhere),
        "export, packed": lambda: pack_export(select_everything),
    }
    rows: dict[str, list[Reading]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            rows[name].append(_later(work, items=items, counts_queries="floor" not in name))
    return ChildOutput(rows=rows)


def _check_exports() -> None:
    ours = BytesIO()
    _export(ours)
    if not floor.is_same_export(ours.getvalue()):
        print("The export's floor says something else than the export.", file=sys.stderr)


def _export(stream: BinaryIO) -> None:
    with read_one_state():
        write_export(select_everything(), stream, server=ziggy.SERVER_NAME)


def backup(items: int, runs: int) -> ChildOutput:
    """Measure the verified backup against the database's own tool, in turns."""
    target = Path(ziggy.BACKUP_DIR).with_name("copy")
    rows: dict[str, list[Reading]] = {"backup floor": [], "backup": []}
    for _ in range(runs):
        rows["backup floor"].append(
            _later(lambda: floor.copy_database(target), items=items, counts_queries=False)
        )
        rows["backup"].append(_later(make_backup, items=items))
    return ChildOutput(rows=rows)


def run(payload: bytes) -> Outcome[Plan]:
    """Import the bytes as the command does, without a backup."""
    return run_import(request(payload))


def request(payload: bytes, **changes: Any) -> ImportRequest:
    """Return a request for an overwrite."""
    return ImportRequest(
        payload=payload,
        file_name="benchmark.json",
        server=ziggy.SERVER_NAME,
        mode=Mode.OVERWRITE,
        door=Door.COMMAND,
        user_name="benchmark",
        with_backup=False,
        override_locks=True,
        accept=tuple(MAY_ACKNOWLEDGE),
        **changes,
    )
