"""The figures that are read when somebody asks: of the database, and of the directory of backups.

They are those of the whole server, whichever processes and machines do its work. A project adds its
own by one call of `register_reader` when Django starts.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from threading import Lock

from django.db import Error as DatabaseFault
from django.db.models import Count, Max
from django.utils import timezone

from flows import __version__
from flows.content.fields import Kind
from imports.database.backup import list_whole_backups
from imports.database.drill_results import read_drill_result
from imports.database.errors import format_for_log
from imports.database.streaming import read_streamed_at
from imports.drift.read import count_drift
from imports.jobs.availability import count_workers, may_queue, read_waiting
from imports.metrics import catalog
from imports.metrics.catalog import Metric
from imports.models import Door, ImportRecord, Status

logger = logging.getLogger(__name__)

_DAY = timedelta(days=1)
_DRIFT_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureReading:
    """One value of a metric, with its labels."""

    metric: Metric
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


Reader = Callable[[], Iterable[FigureReading]]
_readers: dict[str, Reader] = {}


def register_reader(name: str, read: Reader) -> None:
    """Register what reads figures of that name, for every time that somebody asks."""
    _readers[name] = read


def read_figures() -> Iterator[FigureReading]:
    """Yield what every reader reads. One that the database or the disk refuses is told so."""
    yield FigureReading(metric=catalog.INFO, value=1, labels={"version": __version__})
    for name, read in _readers.items():
        try:
            readings = [*read()]
        except (DatabaseFault, OSError) as error:
            reason = format_for_log(error) if isinstance(error, DatabaseFault) else error.strerror
            logger.error("The figures %s could not be read: %s", name, reason)  # noqa: TRY400
            readings = []
            is_read = False
        else:
            is_read = True
        yield from readings
        yield FigureReading(metric=catalog.FIGURE_READ, value=is_read, labels={"figure": name})


def read_runs() -> Iterator[FigureReading]:
    """Yield the numbers of the last day's runs, since when one failed, how long the present is."""
    now = timezone.now()
    recent = ImportRecord.objects.filter(started_at__gte=now - _DAY).order_by()
    # With those that are 0: an alert does not see the first one of a series.
    counts = Counter(dict.fromkeys(product(map(str, Door), map(str, Status)), 0))
    for door, result, count in recent.values_list("door", "status").annotate(Count("pk")):
        known = (
            catalog.bound_label(catalog.RUNS_OF_DAY, "door", door),
            catalog.bound_label(catalog.RUNS_OF_DAY, "result", result),
        )
        counts[known] += count
    for (door, result), count in counts.items():
        labels = {"door": door, "result": result}
        yield FigureReading(metric=catalog.RUNS_OF_DAY, value=count, labels=labels)
    running = ImportRecord.objects.filter(status=Status.RUNNING).order_by("started_at")
    began = running.values_list("started_at", flat=True).first()
    seconds = (now - began).total_seconds() if began else 0
    yield FigureReading(metric=catalog.RUNNING_SECONDS, value=seconds)
    # An age, for the difference of two counts of a window misses one where an older one leaves it.
    failed = ImportRecord.objects.filter(status__in=(Status.FAILED, Status.INTERRUPTED))
    if (last := failed.aggregate(last=Max("finished_at"))["last"]) is not None:
        value = (now - last).total_seconds()
        yield FigureReading(metric=catalog.FAILED_RUN_AGE, value=value)


def read_backups() -> Iterator[FigureReading]:
    """Yield the number of backups, the newest one's age and size, and the age of a streamed one."""
    found = list_whole_backups()
    yield FigureReading(metric=catalog.BACKUPS, value=len(found))
    if found:
        newest = found[-1]
        age = (timezone.now() - newest.verified_at).total_seconds()
        yield FigureReading(metric=catalog.BACKUP_AGE, value=age)
        yield FigureReading(metric=catalog.BACKUP_BYTES, value=newest.size)
    if (streamed_at := read_streamed_at()) is not None:
        age = (timezone.now() - streamed_at).total_seconds()
        yield FigureReading(metric=catalog.STREAMED_BACKUP_AGE, value=age)


def read_queue() -> Iterator[FigureReading]:
    """Yield what waits for workers, and how many they are; nothing where none are asked."""
    if not may_queue():
        return
    waiting = read_waiting()
    age = (timezone.now() - waiting.oldest).total_seconds() if waiting.oldest else 0
    yield FigureReading(metric=catalog.QUEUED_JOBS, value=waiting.count)
    yield FigureReading(metric=catalog.QUEUE_AGE, value=age)
    yield FigureReading(metric=catalog.WORKERS, value=count_workers())


def read_drills() -> Iterator[FigureReading]:
    """Yield the age of the last drill of a backup, and what it found; nothing without one."""
    if last := read_drill_result():
        age = (timezone.now() - last.at).total_seconds()
        yield FigureReading(metric=catalog.DRILL_AGE, value=age)
        yield FigureReading(metric=catalog.DRILL_PROBLEMS, value=len(last.problems))


class DriftReader:
    """Reads how many items differ from what was imported, every five minutes at most."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[Kind, int] = {}
        self._read_at = -float("inf")

    def __call__(self) -> Iterator[FigureReading]:
        with self._lock:
            if time.monotonic() - self._read_at >= _DRIFT_SECONDS:
                self._counts = {kind: count_drift(kind) for kind in Kind}
                self._read_at = time.monotonic()
            counts = dict(self._counts)
        for kind, count in counts.items():
            labels = {"kind": str(kind)}
            yield FigureReading(metric=catalog.DRIFTED_ITEMS, value=count, labels=labels)


register_reader("runs", read_runs)
register_reader("backup", read_backups)
register_reader("queue", read_queue)
register_reader("drill", read_drills)
register_reader("drift", DriftReader())
