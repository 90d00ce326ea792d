"""The run that goes on here: its number for the log, and how long each of its phases takes.

A run's record is in the log's context from its start to its end. Of a run that leaves a record, the
durations are told to whoever receives `run_ended`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from flows.log_context import add_to_log
from imports.models import ImportRecord
from imports.runs.signals import announce_end


class RunPhase(StrEnum):
    """What a run spends its time on."""

    READING = "reading"
    """The file becomes a document."""
    WAITING = "waiting"
    """Another run has the import lock."""
    PLANNING = "planning"
    BACKUP = "backup"
    WRITING = "writing"
    """Named saves, rows and the record, up to the commit."""


_durations: ContextVar[dict[str, float] | None] = ContextVar("durations", default=None)


@contextmanager
def follow_run(record: ImportRecord) -> Iterator[None]:
    """Put the record's number into the lines of the log; tell of its end where it has one."""
    durations: dict[str, float] = {}
    token = _durations.set(durations)
    try:
        with add_to_log(run=lambda: record.pk):
            yield
    finally:
        _durations.reset(token)
        if record.finished_at:
            announce_end(record, durations)


@contextmanager
def measure_phase(phase: RunPhase) -> Iterator[None]:
    """Add the time that the block takes to the phase of the run that goes on."""
    began = time.perf_counter()
    try:
        yield
    finally:
        if (durations := _durations.get()) is not None:
            taken = time.perf_counter() - began
            durations[phase] = durations.get(phase, 0) + taken
