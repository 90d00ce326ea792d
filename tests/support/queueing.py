"""The queue of background work in tests: its tables beside the tests' own, and its workers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from imports.jobs.exports.building import run_export
from imports.jobs.planning.carrying_out import run_planning
from imports.jobs.queue import EXPORT_TASK, PLANNING_TASK, TASK
from imports.jobs.running import run_job

ON_POSTGRESQL = django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")

needs_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="the queue is in PostgreSQL")

_CARRY_OUT = {TASK: run_job, EXPORT_TASK: run_export, PLANNING_TASK: run_planning}

_DROP = """
    DO $$ DECLARE each regprocedure; BEGIN
        DROP TABLE IF EXISTS procrastinate_periodic_defers, procrastinate_events,
            procrastinate_jobs, procrastinate_workers CASCADE;
        FOR each IN SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'procrastinate%' LOOP
            EXECUTE 'DROP FUNCTION IF EXISTS ' || each || ' CASCADE';
        END LOOP;
        DROP TYPE IF EXISTS procrastinate_job_to_defer_v1, procrastinate_job_status,
            procrastinate_job_event_type CASCADE;
    END $$
"""


@contextmanager
def queue_tables(blocker: Any) -> Iterator[None]:
    """The tables of the queue in the tests' database, while the block runs."""
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - of an extra

    with blocker.unblock():
        _execute(_DROP)
        _execute(SchemaManager.get_schema())
    try:
        yield
    finally:
        with blocker.unblock():
            _execute(_DROP)


def empty_queue() -> None:
    """Delete every job and worker of the queue."""
    _execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")


def read_queue() -> list[tuple[str, dict[str, Any]]]:
    """The state and the arguments of each job of the queue."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text, args::text FROM procrastinate_jobs ORDER BY id")
        return [(status, json.loads(args)) for status, args in cursor.fetchall()]


def fetch_all() -> list[int]:
    """Take every job that waits, as workers do that die at once; return their numbers."""
    return [number for _, number in _fetch_all()]


def _fetch_all() -> list[tuple[str, int]]:
    found = []
    with connection.cursor() as cursor:
        while True:
            cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
            (worker,) = cursor.fetchone()
            cursor.execute(
                "SELECT task_name, args->>'number' FROM procrastinate_fetch_job_v2(NULL, %s)",
                [worker],
            )
            task, number = cursor.fetchone()
            if number is None:
                return found
            found.append((task, int(number)))


def work() -> None:
    """Carry out what waits, as a worker does."""
    while found := _fetch_all():
        for task, number in found:
            _CARRY_OUT[task](number)
        end_all("succeeded")


def end_all(state: str) -> None:
    """End what workers have, as they do after it."""
    _execute(
        f"SELECT procrastinate_finish_job_v1(id, '{state}', false) "
        "FROM procrastinate_jobs WHERE status = 'doing'"
    )


def silence_workers() -> None:
    """Let all workers have been silent for a while, as those are that were killed."""
    _execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'")


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
