"""The queue of procrastinate, in the database of this instance, as this room uses it.

Every function works in the caller's transaction, by Django's connection. A job of the queue has the
number of its BackgroundJob, or of what its task is for, and nothing else.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

QUEUE = "imports"
"""The queue whose jobs the workers take: a project may have others, and workers of its own."""
TASK = "imports.background"
"""The name of the task that carries out a BackgroundJob."""
EXPORT_TASK = "imports.export"
"""The name of the task that builds a BackgroundExport."""
PLANNING_TASK = "imports.planning"
"""The name of the task that plans an upload, whose number it has."""
_TASKS = (TASK, EXPORT_TASK, PLANNING_TASK)
ORDER = "imports"
"""The lock of procrastinate that all runs have: they are carried out one after the other."""

_GRACE_SECONDS = 5
"""How long a worker may take to hold the lock of a job that it has fetched."""
_KEPT = timedelta(days=1)
_QUEUED = """
    SELECT (args ->> 'number')::bigint FROM procrastinate_jobs
    WHERE task_name = %s AND status IN ('todo', 'doing')
"""
_LOST = """
    SELECT (args ->> 'number')::bigint, id FROM procrastinate_jobs AS jobs
    WHERE task_name = %s AND status = 'doing' AND EXISTS (
        SELECT 1 FROM procrastinate_events WHERE job_id = jobs.id AND type = 'started'
        HAVING max(at) < clock_timestamp() - make_interval(secs => %s)
    )
"""
_DELETE_OLD = """
    DELETE FROM procrastinate_jobs AS jobs
    WHERE task_name = ANY(%s) AND status NOT IN ('todo', 'doing') AND NOT EXISTS (
        SELECT 1 FROM procrastinate_events WHERE job_id = jobs.id AND at > %s
    )
"""
_END = """
    SELECT procrastinate_finish_job_v1(id, 'failed', false) FROM procrastinate_jobs AS jobs
    WHERE id = %s AND status = 'doing'
"""


def put_in_queue(number: int, task: str = TASK, *, order: str | None = ORDER) -> int:
    """Put the job of that number into the queue, and return its number there.

    Those of one `order` are carried out one after the other; those of none whenever a worker is
    free. Raises Django's errors of the database, as every statement does.
    """
    from procrastinate.contrib.django.django_connector import DjangoConnector  # noqa: PLC0415
    from procrastinate.exceptions import ConnectorException  # noqa: PLC0415
    from procrastinate.jobs import Job  # noqa: PLC0415 - of an extra
    from procrastinate.manager import JobManager  # noqa: PLC0415

    job = Job(
        id=None,
        queue=QUEUE,
        lock=order,
        queueing_lock=None,
        task_name=task,
        task_kwargs={"number": number},
    )
    try:
        queued = JobManager(DjangoConnector(alias=DEFAULT_DB_ALIAS)).defer_job(job)
    except ConnectorException as error:
        with connections[DEFAULT_DB_ALIAS].wrap_database_errors:
            raise error.__cause__ or error from None
    assert queued.id is not None  # noqa: S101 - it was just inserted
    return queued.id


def put_back(number: int, queue_number: int | None, task: str, *, order: str | None) -> int:
    """Let another worker take the job that one has lost, and return its number in the queue.

    It keeps its place before what was asked for later, unless the queue does not have it any more:
    then `queue_number` is None, and it is put there as by `put_in_queue`.
    """
    if queue_number is None:
        return put_in_queue(number, task, order=order)
    _execute(
        "SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM procrastinate_jobs "
        "WHERE id = %s AND status = 'doing'",
        [queue_number],
    )
    return queue_number


def cancel_in_queue(queue_number: int) -> None:
    """Take the job out of the queue, unless a worker has it."""
    _execute("SELECT procrastinate_cancel_job_v1(%s, false, false)", [queue_number])


def find_lost(task: str = TASK) -> list[tuple[int, int]]:
    """Return the jobs that workers have had for some seconds, each with its number in the queue.

    They are lost where nobody holds the lock of the job: see imports.jobs.job_lock.
    """
    return _select(_LOST, [task, _GRACE_SECONDS])


def may_be_lost(queue_number: int, task: str = TASK) -> bool:
    """Return whether the job is one of `find_lost` now; ask it while its lock is held."""
    return bool(_select(f"{_LOST} AND id = %s", [task, _GRACE_SECONDS, queue_number]))


def find_queued(task: str = TASK) -> set[int]:
    """Return the numbers of the jobs that wait in the queue or that a worker has."""
    return {number for (number,) in _select(_QUEUED, [task])}


def end_in_queue(queue_numbers: Iterable[int]) -> None:
    """End jobs of the queue whose worker is gone, so that those behind them get their turn."""
    for queue_number in queue_numbers:
        _execute(_END, [queue_number])


def drop_old_from_queue() -> None:
    """Delete what ended more than a day ago."""
    _execute(_DELETE_OLD, [list(_TASKS), timezone.now() - _KEPT])


def forget_queue() -> None:
    """Delete every job of the queue, as after a restore: their numbers are of an earlier state."""
    _execute("DELETE FROM procrastinate_jobs WHERE task_name = ANY(%s)", [list(_TASKS)])


def _select(statement: str, values: Sequence[int | str]) -> list[Any]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _execute(statement: str, values: Sequence[int | str | datetime | list[str]]) -> None:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(statement, values)
