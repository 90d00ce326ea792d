"""Whether runs can be left to workers here, and whether a worker is there."""

from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.models import Count, Min

from flows.conf import ziggy
from flows.servers import get_current_database
from imports.database.queue_migrations import has_queue_tables
from imports.models import BackgroundExport, ExportStatus, ImportRecord, PlanningJob, Status

QUEUE_PACKAGE = "procrastinate.contrib.django"
_SEEN_LATELY_SECONDS = 60


def may_queue() -> bool:
    """Return whether runs on the current database can be left to workers."""
    alias = get_current_database()
    return (
        ziggy.BACKGROUND
        and alias == DEFAULT_DB_ALIAS
        and connections[alias].vendor == "postgresql"
        and apps.is_installed(QUEUE_PACKAGE)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for a worker: runs, uploads to plan, and exports."""

    count: int
    oldest: datetime | None
    """When that was asked for which waits longest."""


def read_waiting() -> Waiting:
    """Return how much waits for a worker, and since when, as for a monitor."""
    runs = ImportRecord.objects.filter(status=Status.QUEUED).order_by()
    plannings = PlanningJob.objects.filter(code="", attempts=0)
    exports = BackgroundExport.objects.filter(status=ExportStatus.QUEUED)
    found = (
        runs.aggregate(count=Count("pk"), oldest=Min("queued_at")),
        plannings.aggregate(count=Count("pk"), oldest=Min("pending__created_at")),
        exports.aggregate(count=Count("pk"), oldest=Min("asked_at")),
    )
    return Waiting(
        count=sum(each["count"] for each in found),
        oldest=min((each["oldest"] for each in found if each["oldest"]), default=None),
    )


def has_queue() -> bool:
    """Return whether the queue's tables are in the database; also where it does not answer now."""
    try:
        return has_queue_tables(DEFAULT_DB_ALIAS)
    except DatabaseError:  # a worker waits for its database
        return True


def count_workers() -> int:
    """Return how many workers were heard of in the last minute, where work is left to them.

    By the database's clock, which is that of what they write. Those of a project's own queue are
    among them: procrastinate does not keep which queues a worker takes.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_workers "
            "WHERE last_heartbeat >= now() - make_interval(secs => %s)",
            [_SEEN_LATELY_SECONDS],
        )
        found: int = cursor.fetchone()[0]
    return found


def lacks_worker() -> bool:
    """Return whether work is left to workers here, and none was heard of in the last minute."""
    return may_queue() and count_workers() == 0
