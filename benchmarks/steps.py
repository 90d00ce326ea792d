"""The steps of an overwrite, measured from outside, without a profiler.

A step's time excludes that of other steps within it.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks import ours
from benchmarks.measure import STEP, ChildOutput, Reading

_REST = "everything else"
_STEPS = {
    "split the file, hash it": ("imports.importing.document", "parse"),
    "decode each item, look for depth and repeated keys": (
        "imports.exportfile.document",
        "read_unchecked",
    ),
    "look up what is known of it": ("imports.importing.document", "find_parsed"),
    "validate each item, sort the keys of its documents": (
        "imports.exportfile.document",
        "read_item",
    ),
    "read which rows there are, and what is known of them": (
        "imports.importing.prepare",
        "_read_inputs",
    ),
    "read the rows' contents, compare, make the plan": ("imports.importing.prepare", "build_plan"),
    "digests of contents, before and after": ("imports.plans.comparison", "compute_content_digest"),
    "look once more which rows there are": ("imports.importing.service", "check_rows"),
    "lock the rows, and read their contents again": ("imports.importing.apply", "lock_rows"),
    "copy them into named saves": ("flows.saves.named_saves", "take_rows"),
    "pack and store the documents that are new": ("imports.importing.apply", "keep_documents"),
    "write the rows": ("imports.importing.apply", "update_rows"),
    "remember what was read": ("imports.importing.service", "remember_parsed"),
    "write the record and its items": ("imports.runs.recorder.RunRecorder", "succeed"),
    "commit": ("django.db.backends.base.base.BaseDatabaseWrapper", "_commit"),
}


def overwrite(path: str, items: int) -> ChildOutput:
    """Measure the steps of an import whose items all exist and all differ."""
    payload = Path(path).read_bytes()
    steps = _Steps()
    with ExitStack() as patches:
        for name, (place, attribute) in _STEPS.items():
            owner = _find(place)
            timed = steps.time_step(name, getattr(owner, attribute))
            patches.enter_context(patch.object(owner, attribute, timed))
        with steps.run_step(_REST):
            ours.run(payload)
    rows = {
        f"{STEP}{name}": [Reading(seconds=steps.seconds[name], items=items)]
        for name in (*_STEPS, _REST)
        if steps.seconds[name]  # what was not needed is not called
    }
    return ChildOutput(rows=rows)


def _find(place: str) -> Any:
    try:
        return import_module(place)
    except ModuleNotFoundError:
        module, _, name = place.rpartition(".")
        return getattr(import_module(module), name)


class _Steps:
    """A clock for each step; one of them runs at a time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def run_step(self, name: str) -> Iterator[None]:
        self._switch()
        self._open.append(name)
        try:
            yield
        finally:
            self._switch()
            self._open.pop()

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def time_step(self, name: str, work: Any) -> Any:
        @wraps(work)
        def call_timed(*arguments: Any, **keywords: Any) -> Any:
            with self.run_step(name):
                return work(*arguments, **keywords)

        return call_timed
