"""Measurements of pages of the admin: the time of all their queries, with reading the rows."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.db.backends.utils import CursorWrapper
from django.test import Client
from django.urls import reverse

from accounts.models import User
from benchmarks import ours
from benchmarks.generate import make_export_file
from benchmarks.measure import ChildOutput, measure
from benchmarks.targets import FEW_FLOWS, name_page
from flows.models import Flow

_KILOBYTES = 20


class _Stopwatch:
    """Adds up the time in cursors: SQLite looks for rows while they are fetched."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wrap(self, work: Any) -> Any:
        """Return the function with its time added."""

        def call(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return work(*args, **options)
            finally:
                self.seconds += time.perf_counter() - start

        return call


def open_flow(path: str, items: int, runs: int) -> ChildOutput:
    """Measure the queries of a flow's page, among the flows of the file."""
    return _open_flow(Path(path).read_bytes(), items, runs)


def open_flow_among_few(runs: int) -> ChildOutput:
    """Measure the queries of a flow's page among few flows."""
    payload = make_export_file(flows=FEW_FLOWS, kilobytes=_KILOBYTES, revision=1)
    return _open_flow(payload, FEW_FLOWS, runs)


def _open_flow(payload: bytes, items: int, runs: int) -> ChildOutput:
    ours.run(payload)
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("benchmark"))
    flow = Flow.objects.order_by("pk")[FEW_FLOWS // 2]
    address = reverse("admin:flows_flow_change", args=[flow.pk])
    client.get(address)  # templates are loaded once
    readings = []
    for _ in range(runs):
        watch = _Stopwatch()
        with _watch_cursors(watch):
            reading = measure(lambda: client.get(address), items=1, is_first=False)
        readings.append(replace(reading, seconds=watch.seconds))
    return ChildOutput(rows={name_page(items): readings})


def _watch_cursors(watch: _Stopwatch) -> Any:
    find = CursorWrapper.__getattr__
    execute = CursorWrapper.execute

    def find_watched(cursor: CursorWrapper, name: str) -> Any:
        found = find(cursor, name)
        return watch.wrap(found) if name.startswith("fetch") else found

    return patch.multiple(CursorWrapper, __getattr__=find_watched, execute=watch.wrap(execute))
