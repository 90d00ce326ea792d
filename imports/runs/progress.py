"""How far a run is: how many items it has written, for whoever waits for its end.

The write is one transaction, of which nothing is seen before its end. So the numbers are written
beside it: on PostgreSQL by a connection of their own, for every process on any machine; on SQLite,
which has one writer at a time, into Django's cache, for those that share it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from django.core.cache import cache
from django.db import connections

from flows.servers import get_current_database
from imports.models import ImportRecord, RunProgress, Status
from imports.runs.beside import BesideWriter

Progress = Callable[[int, int], None]
"""Called with the number of items written or planned so far, and of all of them."""


def ignore_progress(_done: int, _total: int) -> None:
    """Do nothing, where nobody waits for the numbers."""


_KEPT_SECONDS = 3600
_EVERY = 0.5
_KEEP = """
    INSERT INTO imports_runprogress (record_id, done, total) VALUES (%s, %s, %s)
    ON CONFLICT (record_id) DO UPDATE SET done = EXCLUDED.done, total = EXCLUDED.total
"""
_FORGET_OTHERS = "DELETE FROM imports_runprogress WHERE record_id <> %s"


class Phase(StrEnum):
    """What a run is doing."""

    QUEUED = "queued"
    """It waits for a worker, or for a run before it."""
    READING = "reading"
    """A worker reads the file; it does not have the import lock yet."""
    PLANNING = "planning"
    """It plans again, and backs the database up."""
    WRITING = "writing"
    RECORDING = "recording"
    """All items are written; the record is, and the transaction ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseProgress:
    """The phase of a run, with the numbers of items, which are 0 before any is written."""

    phase: Phase
    done: int = 0
    total: int = 0


@contextmanager
def follow_progress(record: ImportRecord, progress: Progress) -> Iterator[Progress]:
    """Yield a callback that calls `progress`, and keeps the numbers until the block ends."""
    is_shared = connections[get_current_database()].vendor == "postgresql"
    keeper = _SharedKeeper(record) if is_shared else _CacheKeeper(record)
    with closing(keeper):

        def follow(done: int, total: int) -> None:
            progress(done, total)
            keeper.keep(done, total)

        yield follow


def read_phase(record: ImportRecord) -> PhaseProgress:
    """Return the phase of a run that is queued or under way."""
    if record.status == Status.QUEUED:
        job = getattr(record, "job", None)
        return PhaseProgress(phase=Phase.READING if job and job.attempts else Phase.QUEUED)
    if record.with_backup and not record.backup_path:
        return PhaseProgress(phase=Phase.PLANNING)
    done, total = _read_numbers(record)
    phase = Phase.WRITING if done < total or not total else Phase.RECORDING
    return PhaseProgress(phase=phase, done=done, total=total)


def _read_numbers(record: ImportRecord) -> tuple[int, int]:
    if connections[get_current_database()].vendor == "postgresql":
        kept = RunProgress.objects.filter(pk=record.pk).first()
        return (kept.done, kept.total) if kept else (0, 0)
    found: tuple[int, int] = cache.get(_make_key(record), (0, 0))
    return found


class _CacheKeeper:
    def __init__(self, record: ImportRecord) -> None:
        self._key = _make_key(record)

    def keep(self, done: int, total: int) -> None:
        cache.set(self._key, (done, total), _KEPT_SECONDS)

    def close(self) -> None:
        """Leave the numbers, which expire."""


class _SharedKeeper:
    """Writes by a connection of its own, at most every half second; none for a short run."""

    def __init__(self, record: ImportRecord) -> None:
        self._record = record.pk
        self._writer = BesideWriter()
        self._next = time.monotonic() + _EVERY

    def keep(self, done: int, total: int) -> None:
        is_last = done == total and self._writer.is_open
        if time.monotonic() < self._next and not is_last:
            return
        if not self._writer.is_open:  # one run writes at a time: the others have ended
            self._writer.execute(_FORGET_OTHERS, [self._record])
        self._writer.execute(_KEEP, [self._record, done, total])
        self._next = time.monotonic() + _EVERY

    def close(self) -> None:
        """Leave the numbers, for as long as the run is recorded and committed."""
        self._writer.close()


def _make_key(record: ImportRecord) -> str:
    return f"imports.progress.{record.pk}"
