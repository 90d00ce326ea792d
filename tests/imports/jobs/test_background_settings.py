"""Background work is an extra: what the settings say, what machines share, what a restore discards."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import User
from flows.servers import ServerRouter, target_database
from imports.jobs.asking import queue_import
from imports.jobs.availability import (
    Waiting,
    lacks_worker,
    may_queue,
    read_waiting,
)
from imports.jobs.checks import check_background_settings, check_shared_backups
from imports.jobs.queue import put_in_queue
from imports.jobs.restored import discard_queued
from imports.metrics import readers
from imports.models import (
    BackgroundExport,
    BackgroundJob,
    Door,
    ExportStatus,
    ImportRecord,
    Status,
)
from imports.overview.readiness import check_worker
from tests.support.importing import export_file, flow, import_items, request_for
from tests.support.queueing import (
    ON_POSTGRESQL,
    needs_postgresql,
    read_queue,
    silence_workers,
    work,
)
from ziggy_site.probes import forget_readiness


def ids(messages: Any) -> set[str]:
    return {message.id for message in messages}


def check_backups() -> list[str]:
    return [message.id for message in check_shared_backups(databases=["default"])]


class TestWithoutTheSetting:
    def test_nothing_is_installed_and_nothing_queued(self):
        assert "procrastinate.contrib.django" not in django_settings.INSTALLED_APPS
        assert not may_queue()
        assert not lacks_worker()

    def test_a_worker_says_what_it_needs(self, run_command):
        ended = run_command("background_worker", "--once")
        assert ended.code == 1
        assert "it needs PostgreSQL, the extra `background` and ZIGGY_BACKGROUND=true" in ended.err

    def test_machines_need_not_share_anything(self, db):
        assert check_backups() == []


class TestTheChecks:
    def test_a_setting_without_a_queue_is_told(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND": True}
        assert "ziggy.W010" in ids(check_background_settings())
        assert not may_queue()

    @pytest.mark.skipif(not ON_POSTGRESQL, reason="the queue is in PostgreSQL")
    def test_with_a_queue_it_is_right(self, settings, monkeypatch):
        settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND": True}
        monkeypatch.setattr(
            "imports.jobs.availability.apps.is_installed", lambda name: "procrastinate" in name
        )
        assert "ziggy.W010" not in ids(check_background_settings())
        assert may_queue()

    def test_a_negative_size_is_told(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": -1}
        assert "ziggy.E012" in ids(check_background_settings())
        settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND_BYTES": 0}
        assert "ziggy.E012" not in ids(check_background_settings())

    def test_negative_hours_between_drills_are_told(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "DRILL_HOURS": -1.0}
        [error] = check_background_settings()
        assert (error.id, error.msg) == (
            "ziggy.E012", "ZIGGY_DRILL_HOURS is -1.0: that must be 0 or more.",
        )  # fmt: skip


class TestBackups:
    """Of files, they are all that machines share."""

    @pytest.fixture
    def newest(self, queue: None, backup_directory: Path) -> Path:
        import_items(flow(1, "Orders"))
        path = backup_directory / "newest.dump"
        ImportRecord.objects.update(backup_path=f"/on/another/machine/{path.name}")
        return path

    def test_one_that_is_not_here_is_told(self, newest):
        assert check_backups() == ["ziggy.W011"]

    def test_one_that_is_here_is_right(self, newest):
        newest.parent.mkdir()
        newest.touch()
        assert check_backups() == []

    def test_it_asks_no_database_that_is_not_named(self, newest):
        assert check_shared_backups(databases=None) == []

    def test_that_of_another_server_is_elsewhere(self, newest):
        ImportRecord.objects.update(server="another")
        assert check_backups() == []


def test_the_queue_is_in_this_instances_database_alone():
    router = ServerRouter()
    assert router.allow_migrate("production", "procrastinate") is False
    assert router.allow_migrate("default", "procrastinate") is None
    assert router.allow_migrate("production", "imports") is None


def test_nothing_is_queued_on_another_server(queue):
    assert may_queue()
    with target_database("production"):
        assert not may_queue()


def test_a_worker_that_lives_is_seen(queue):
    assert lacks_worker()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert not lacks_worker()
    silence_workers()  # killed: its row stays until another worker removes it
    assert lacks_worker()


class TestReadiness:
    """With background work, /ready of the site asks for a sign of a worker as well."""

    def test_without_background_work_no_worker_is_needed(self, db):
        assert "worker" not in django_settings.READINESS_CHECKS
        assert check_worker() == "ok"

    def test_the_site_asks_where_it_is_on(self):
        code = "import json; from ziggy_site import settings; print(settings.READINESS_CHECKS)"
        found = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "ZIGGY_BACKGROUND": "1"},
            cwd=django_settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "'worker': 'imports.overview.readiness.check_worker'" in found.stdout

    @pytest.mark.parametrize(
        ("age", "code"),
        [(None, "no-worker"), ("0 s", "ok"), ("50 s", "ok"), ("70 s", "no-worker")],
    )
    def test_a_sign_of_the_last_minute_is_needed(self, queue, client, settings, age, code):
        settings.READINESS_CHECKS = {"worker": "imports.overview.readiness.check_worker"}
        if age is not None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO procrastinate_workers (last_heartbeat) VALUES "
                    "(now() - %s::interval)",
                    [age],
                )
        forget_readiness()
        answer = client.get("/ready")
        forget_readiness()
        assert answer.json()["checks"] == {"worker": code}
        assert answer.status_code == (200 if code == "ok" else 503)


def test_what_waits_is_counted_with_its_age(queue):
    assert read_waiting() == Waiting(count=0, oldest=None)
    user = User.objects.create_superuser("ada")
    asked = request_for(export_file(flow(1, "X")), user=user, user_name="ada", door=Door.API)
    records = [queue_import(asked) for _ in range(2)]
    assert read_waiting() == Waiting(count=2, oldest=records[0].queued_at)


def test_a_monitor_is_told_of_the_queue_and_of_its_workers(queue):
    user = User.objects.create_superuser("ada")
    assert read_queue_figures() == {
        "ziggy_queued_jobs": 0,
        "ziggy_queue_age_seconds": 0,
        "ziggy_workers": 0,
    }
    asked = request_for(export_file(flow(1, "X")), user=user, user_name="ada", door=Door.API)
    record = queue_import(asked)
    ImportRecord.objects.filter(pk=record.pk).update(
        queued_at=record.queued_at - timedelta(minutes=10)
    )
    BackgroundExport.objects.create(
        user=user, asked_at=timezone.now(), status=ExportStatus.QUEUED, choice={}
    )
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '2 min')"
        )
    figures = read_queue_figures()
    assert 600 <= figures.pop("ziggy_queue_age_seconds") < 660
    assert figures == {"ziggy_queued_jobs": 2, "ziggy_workers": 1}


def read_queue_figures():
    return {reading.metric.name: reading.value for reading in readers.read_queue()}


def test_what_waited_when_a_backup_was_made_is_not_carried_out(queue):
    user = User.objects.create_superuser("ada")
    record = queue_import(
        request_for(export_file(flow(1, "X")), user=user, user_name="ada", door=Door.API)
    )
    assert discard_queued() == 1
    work()
    record.refresh_from_db()
    assert (record.status, record.code) == (Status.INTERRUPTED, "interrupted")
    assert "The database was restored" in record.message
    assert (read_queue(), BackgroundJob.objects.count()) == ([], 0)


def test_without_a_queue_there_is_nothing_to_discard(db):
    assert discard_queued() == 0


@needs_postgresql
def test_no_fault_ends_the_sweeping_of_a_worker(caplog):
    from imports.jobs.worker import _call  # noqa: PLC0415 - of an extra

    def fail() -> None:
        raise MemoryError("content")

    _call(fail)
    assert caplog.messages == ["The sweep did not end: MemoryError"]


def test_a_job_that_finds_its_connection_cut_raises_an_error_of_the_database(queue):
    """As every statement does: the doors tell it as such, and the worker tries again."""
    import psycopg  # noqa: PLC0415 - of PostgreSQL

    def cut(*_: Any) -> None:
        raise OperationalError from psycopg.OperationalError("cut")

    with connection.execute_wrapper(cut), pytest.raises(OperationalError, match="cut"):
        put_in_queue(1)
