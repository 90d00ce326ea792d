"""What is exported: each metric with its labels, whose values are all known beforehand.

A label has a word of this code, the name of an address or a number: never a text of a file, of a
user or of a request. So there are as many series as there are such words.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flows.content.fields import Kind
from flows.security_events import SecurityEvent
from imports.models import Door, Status
from imports.runs.current import RunPhase

OTHER = "other"
"""The value of a label in place of one that is not known."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RUNS = ("import", "undo")


class MetricType(StrEnum):
    """The types of metrics, as Prometheus calls them."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label, and its values: all of them, or in words where the code has no list."""

    values: Collection[str] = ()
    described: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric. A counter's series end in `_total`, a histogram's in `_bucket` and so on."""

    name: str
    type: MetricType
    meaning: str
    labels: Mapping[str, Label] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    """Of a histogram, in seconds."""


_DOOR = Label(values=tuple(map(str, Door)))
_RESULT = Label(values=tuple(map(str, Status)))
_ROUTE = Label(described="the name of the address, or its pattern; `none` where there is none")

RUNS_TOTAL = Metric(
    name="ziggy_runs_total",
    type=MetricType.COUNTER,
    meaning="Imports and undos that ended in these processes and left a record.",
    labels={"run": Label(values=RUNS), "door": _DOOR, "result": _RESULT},
)
PHASE_SECONDS = Metric(
    name="ziggy_run_phase_seconds",
    type=MetricType.HISTOGRAM,
    meaning="How long the phases of these runs took.",
    labels={"run": Label(values=RUNS), "phase": Label(values=tuple(map(str, RunPhase)))},
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800),
)
REQUESTS_TOTAL = Metric(
    name="ziggy_requests_total",
    type=MetricType.COUNTER,
    meaning="Requests that these processes answered.",
    labels={
        "method": Label(values=METHODS),
        "route": _ROUTE,
        "status": Label(described="the status of the answer"),
    },
)
REQUEST_SECONDS = Metric(
    name="ziggy_request_seconds",
    type=MetricType.HISTOGRAM,
    meaning="How long it took until the answer began.",
    labels={"route": _ROUTE},
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
SECURITY_EVENTS_TOTAL = Metric(
    name="ziggy_security_events_total",
    type=MetricType.COUNTER,
    meaning="Security events that these processes logged: see events.md.",
    labels={"event": Label(values=tuple(map(str, SecurityEvent)))},
)
INFO = Metric(
    name="ziggy_info",
    type=MetricType.GAUGE,
    meaning="Always 1, with the release that runs.",
    labels={"version": Label(described="the release")},
)
FIGURE_READ = Metric(
    name="ziggy_figure_read",
    type=MetricType.GAUGE,
    meaning="1 where the figures of this name could be read, 0 where the database or the disk "
    "refused; then their metrics are missing, and the log says why.",
    labels={"figure": Label(described="the name of a reader, such as `runs`, `backup`, `drift`")},
)
RUNS_OF_DAY = Metric(
    name="ziggy_runs_last_day",
    type=MetricType.GAUGE,
    meaning="Records of runs that began in the last 24 hours, by whatever process.",
    labels={"door": _DOOR, "result": _RESULT},
)
RUNNING_SECONDS = Metric(
    name="ziggy_running_seconds",
    type=MetricType.GAUGE,
    meaning="For how long the run that is under way is so; 0 where there is none.",
)
BACKUPS = Metric(
    name="ziggy_backups",
    type=MetricType.GAUGE,
    meaning="How many whole and verified backups of this server there are.",
)
BACKUP_AGE = Metric(
    name="ziggy_backup_age_seconds",
    type=MetricType.GAUGE,
    meaning="How long ago the newest of them was verified; missing where there is none.",
)
BACKUP_BYTES = Metric(
    name="ziggy_backup_bytes",
    type=MetricType.GAUGE,
    meaning="The size of the newest of them; missing where there is none.",
)
STREAMED_BACKUP_AGE = Metric(
    name="ziggy_streamed_backup_age_seconds",
    type=MetricType.GAUGE,
    meaning="How long ago `database_backup --to -` wrote a whole one; missing where it did not.",
)
QUEUED_JOBS = Metric(
    name="ziggy_queued_jobs",
    type=MetricType.GAUGE,
    meaning="Runs, uploads to plan and exports that wait for a worker; missing where nothing is "
    "left to workers.",
)
QUEUE_AGE = Metric(
    name="ziggy_queue_age_seconds",
    type=MetricType.GAUGE,
    meaning="How long the first of them has waited; 0 where nothing waits.",
)
WORKERS = Metric(
    name="ziggy_workers",
    type=MetricType.GAUGE,
    meaning="Workers that were heard of in the last minute, on any machine; missing where nothing "
    "is left to workers.",
)
DRILL_AGE = Metric(
    name="ziggy_drill_age_seconds",
    type=MetricType.GAUGE,
    meaning="How long ago a backup was verified last by restoring it; missing where none was.",
)
DRILL_PROBLEMS = Metric(
    name="ziggy_drill_problems",
    type=MetricType.GAUGE,
    meaning="What that found: 0 where the backup is sound.",
)
FAILED_RUN_AGE = Metric(
    name="ziggy_failed_run_age_seconds",
    type=MetricType.GAUGE,
    meaning="How long ago a run failed or was found interrupted last; missing where none was.",
)
DRIFTED_ITEMS = Metric(
    name="ziggy_drifted_items",
    type=MetricType.GAUGE,
    meaning="Items that differ from what was imported last; read every five minutes at most "
    "by each process.",
    labels={"kind": Label(values=tuple(map(str, Kind)))},
)

METRICS: tuple[Metric, ...] = (
    RUNS_TOTAL,
    PHASE_SECONDS,
    REQUESTS_TOTAL,
    REQUEST_SECONDS,
    SECURITY_EVENTS_TOTAL,
    INFO,
    FIGURE_READ,
    RUNS_OF_DAY,
    RUNNING_SECONDS,
    BACKUPS,
    BACKUP_AGE,
    BACKUP_BYTES,
    STREAMED_BACKUP_AGE,
    QUEUED_JOBS,
    QUEUE_AGE,
    WORKERS,
    DRILL_AGE,
    DRILL_PROBLEMS,
    FAILED_RUN_AGE,
    DRIFTED_ITEMS,
)


def bound_label(metric: Metric, label: str, value: str) -> str:
    """Return the value, or OTHER where it is none that the label may have."""
    allowed = metric.labels[label].values
    return value if not allowed or value in allowed else OTHER
