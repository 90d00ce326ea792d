"""Workers that are killed at any moment, or lose their database: never half, never twice.

The workers are processes as an operator starts them. More rounds: ZIGGY_WORKER_KILLS and
ZIGGY_BACKEND_KILLS; ZIGGY_KILLED_FLOWS has the size of the file.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from reversion.models import Version

from accounts.models import User
from flows.models import Flow
from imports.database.lock import hold_import_lock
from imports.jobs.asking import queue_import
from imports.jobs.running import TryLater, run_job
from imports.jobs.sweep.service import sweep
from imports.models import BackgroundJob, Door, ImportItem, ImportRecord, Status
from tests.support.importing import export_file, flow, request_for
from tests.support.queueing import fetch_all, read_queue
from tests.support.waiting import PATIENCE
from tests.support.workers import cut_connections, read_number, run_worker, wait_until

WORKER_KILLS = read_number("ZIGGY_WORKER_KILLS", 2)
BACKEND_KILLS = read_number("ZIGGY_BACKEND_KILLS", 2)
FLOWS = read_number("ZIGGY_KILLED_FLOWS", 60)
SEED = read_number("ZIGGY_KILL_SEED", 18)

ENDED = (Status.SUCCEEDED, Status.REFUSED, Status.FAILED, Status.INTERRUPTED, Status.CANCELLED)


@pytest.fixture
def ada(shared_queue: None, monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr("imports.jobs.queue._GRACE_SECONDS", 1)
    return User.objects.create_superuser("ada")


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], Any]:
    return lambda: run_worker(tmp_path)


def ask(user: User, text: str, *, backup: bool = False) -> ImportRecord:
    """Queue a file of many flows, which all say that text."""
    file = export_file(*(flow(n, f"Flow {n}", info=text) for n in range(1, FLOWS + 1)))
    return queue_import(
        request_for(
            file,
            user=user,
            user_name="ada",
            door=Door.API,
            idempotency_key=text,
            with_backup=backup,
        )
    )


def state(record: ImportRecord) -> str:
    record.refresh_from_db()
    return record.status


def tell(what: str, ends: Counter[str]) -> None:
    """Say how the rounds ended, the first of which is left alone: with pytest -s."""
    sys.stderr.write(f"\n{what}: {dict(ends)}\n")


def wait_for(record: ImportRecord) -> None:
    wait_until(lambda: state(record) in ENDED)


def texts() -> set[str]:
    return set(Flow.objects.values_list("info", flat=True))


def assert_whole(record: ImportRecord, before: set[str]) -> None:
    """All of the run is there, or nothing; its record says which."""
    saves = Version.objects.filter(revision__comment="Pre import").count()
    done = ImportRecord.objects.filter(status=Status.SUCCEEDED)
    if state(record) == Status.SUCCEEDED:
        assert texts() == {record.idempotency_key}
        assert record.items.count() == FLOWS
    else:
        assert texts() == before
        assert record.items.count() == 0
        assert record.message
    assert Flow.objects.count() in (0, FLOWS)
    assert ImportItem.objects.count() == FLOWS * done.count()
    assert saves == FLOWS * max(done.count() - 1, 0)  # the first one created them


def heal(record: ImportRecord) -> None:
    """Sweep until the record has ended, or its job is given to another worker."""

    def is_healed() -> bool:
        sweep()
        return state(record) in ENDED or any(status == "todo" for status, _ in read_queue())

    wait_until(is_healed)


def finish(record: ImportRecord) -> None:
    """Carry out what waits, here."""

    def is_finished() -> bool:
        for number in fetch_all():
            try:
                run_job(number)
            except TryLater:  # PostgreSQL has not noticed yet that the client is gone
                sweep()
        heal(record)
        return state(record) in ENDED

    wait_until(is_finished)


def test_a_worker_is_killed_at_random_moments(ada: User, start: Callable[[], Any]) -> None:
    chance, ends, before = random.Random(SEED), Counter[str](), set[str]()
    longest = 1.0
    for number in range(WORKER_KILLS + 1):
        with start() as worker:
            asked = time.monotonic()
            record = ask(ada, f"round {number}", backup=True)
            if number == 0:  # how long it takes
                wait_for(record)
                longest = time.monotonic() - asked
            else:
                time.sleep(chance.uniform(0, 1.1 * longest))
            at = state(record)
            worker.kill()
        heal(record)
        was = state(record)
        ends[f"{at} -> {was}"] += 1
        finish(record)
        assert was in (Status.QUEUED, Status.INTERRUPTED, Status.SUCCEEDED), record.message
        assert_whole(record, before)
        if state(record) != Status.SUCCEEDED:  # the same request, once more
            again = ask(ada, f"round {number}")
            assert again.pk != record.pk
            finish(again)
            assert_whole(again, before)
            assert state(again) == Status.SUCCEEDED
        else:
            assert len(fetch_all()) == 0
        before = {f"round {number}"}
    tell(f"{WORKER_KILLS} kills of workers in the first {1.1 * longest:.2f} s", ends)


def test_connections_are_cut_at_random_moments(ada: User, start: Callable[[], Any]) -> None:
    chance, ends, before = random.Random(SEED), Counter[str](), set[str]()
    longest = 1.0
    with start() as worker:
        for number in range(BACKEND_KILLS + 1):
            asked = time.monotonic()
            record = ask(ada, f"round {number}", backup=True)
            if number:
                time.sleep(chance.uniform(0, longest))
                # One of them, or all at once.
                count = chance.choice([1, 1, 2, 100])
                cut_connections(count=count, choose=lambda pids: chance.sample(pids, len(pids)))
            wait_for(record)
            longest = time.monotonic() - asked if number == 0 else longest
            assert_whole(record, before)
            ends[f"{state(record)} {record.code}".strip()] += 1
            if state(record) != Status.SUCCEEDED:
                again = ask(ada, f"round {number}")
                wait_for(again)
                assert state(again) == Status.SUCCEEDED, again.message
                assert_whole(again, before)
            before = {f"round {number}"}
        assert worker.is_alive, worker.log.read_text()
        assert worker.stop() == 0
    tell(f"{BACKEND_KILLS} cuts of connections in the first {longest:.2f} s", ends)


def test_told_to_stop_it_finishes_the_run_and_takes_no_other(
    ada: User, start: Callable[[], Any]
) -> None:
    with start() as worker:
        first, second = ask(ada, "first", backup=True), ask(ada, "second")
        wait_until(lambda: state(first) == Status.RUNNING)
        assert worker.stop() == 0
    assert (state(first), state(second)) == (Status.SUCCEEDED, Status.QUEUED)
    assert_whole(first, set())
    assert BackgroundJob.objects.get(record=second).attempts == 0


def test_told_to_stop_while_the_database_is_away_it_ends(
    ada: User, start: Callable[[], Any]
) -> None:
    """It does not begin anew, to take the next job when the database is back."""
    with start() as worker:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            cut_connections(count=100, choose=list)
            time.sleep(2)  # in which it looks for its database
            worker.process.terminate()
            assert worker.process.wait(timeout=2 * PATIENCE) == 0
        finally:
            with connection._nodb_cursor() as cursor:
                cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_jobs_of_the_project_are_left_to_its_own_workers(
    ada: User, start: Callable[[], Any]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('mail', 'send')"
        )
    with start() as worker:
        wait_for(ask(ada, "ours"))
        assert worker.stop() == 0
    assert [status for status, _ in read_queue()] == ["todo", "succeeded"]


def test_two_workers_carry_out_in_the_order_of_asking(ada: User, start: Callable[[], Any]) -> None:
    with start(), start():
        records = [ask(ada, f"number {n}") for n in range(3)]
        wait_for(records[-1])
    assert [state(record) for record in records] == [Status.SUCCEEDED] * 3
    ends = [record.finished_at for record in records]
    assert ends == sorted(ends)
    assert texts() == {"number 2"}


def test_while_another_machine_imports_a_worker_waits(ada: User, start: Callable[[], Any]) -> None:
    """They share the database, and so the lock of imports; the job is tried again later."""
    with start() as worker:
        with hold_import_lock(wait=1):
            record = ask(ada, "later")
            wait_until(lambda: tried(record) >= 2)
            assert state(record) == Status.QUEUED
            assert texts() == set()
        wait_for(record)
        assert worker.is_alive
    assert state(record) == Status.SUCCEEDED
    assert_whole(record, set())


def tried(record: ImportRecord) -> int:
    """How often a worker has begun the job."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT attempts FROM procrastinate_jobs WHERE id = %s",
                       [BackgroundJob.objects.get(record=record).queue_number])  # fmt: skip
        return int(cursor.fetchone()[0])
