"""/live and /ready: what an orchestrator asks, without a host, a scheme or a login."""

import os
import re
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.models import Secret
from imports.database.lock import hold_import_lock
from imports.models import ImportRecord, Status
from ziggy_site import probes

READY = dict.fromkeys(("migrations", "keys", "backups", "lock"), "ok")


@pytest.fixture(autouse=True)
def _looked_at_anew():
    probes.forget_readiness()
    yield
    probes.forget_readiness()


@pytest.fixture(autouse=True)
def _as_in_production(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["ziggy.example.org"]


def ask(path: str = "/ready", **options):
    return Client(headers={"Host": "10.0.0.7:8000"}).get(path, **options)


def codes() -> dict[str, str]:
    answer = ask()
    checks = answer.json()["checks"]
    is_ready = set(checks.values()) == {"ok"}
    assert answer.status_code == (200 if is_ready else 503)
    assert answer.json()["status"] == ("ready" if is_ready else "not-ready")
    return {name: code for name, code in checks.items() if code != "ok"}


def test_live_touches_nothing():
    answer = ask("/live")  # without a database: pytest-django refuses every query here
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
    assert not answer.cookies


@pytest.mark.django_db
def test_ready_says_of_each_check_that_it_is_fine():
    answer = ask()
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "checks": READY})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/live", "/ready"])
@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_they_are_only_read(path, method):
    answer = getattr(Client(), method)(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/live/", "/livex", "/api/live", "/LIVE"])
def test_no_other_address_is_answered_for_any_host(path):
    assert ask(path).status_code in {301, 400}


@pytest.mark.django_db
def test_ready_asks_little_and_not_at_each_call():
    ask()
    probes.forget_readiness()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for _ in range(20):
            assert ask().status_code == 200
    assert len(asked) <= 8
    assert not [each for each in asked if re.match("INSERT|UPDATE|DELETE", each["sql"])]


@pytest.mark.django_db
def test_a_migration_that_is_not_applied():
    MigrationRecorder(connection).record_unapplied("imports", "0002_permissions")
    assert codes() == {"migrations": "database-not-migrated"}


@pytest.mark.django_db
def test_what_is_wrong_is_told_in_the_log_when_that_changes(caplog):
    def log_of_two_probes() -> list[str]:
        caplog.clear()
        for _ in range(2):
            probes.forget_readiness()
            ask()
        return [record.getMessage() for record in caplog.records]

    caplog.set_level("INFO")
    log_of_two_probes()  # whatever the tests before it left
    assert log_of_two_probes() == []
    MigrationRecorder(connection).record_unapplied("imports", "0002_permissions")
    assert log_of_two_probes() == ["Not ready: migrations database-not-migrated"]
    MigrationRecorder(connection).record_applied("imports", "0002_permissions")
    assert log_of_two_probes() == ["Ready again"]


def test_they_stand_before_what_counts_and_logs_requests():
    program = "from ziggy_site.settings import MIDDLEWARE; print(*MIDDLEWARE)"
    listed = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ZIGGY_METRICS": "1", "ZIGGY_LOG_FORMAT": "json"},
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert listed[0] == "ziggy_site.probes.answer_probes"
    assert listed[1] == "flows.web.request_id.add_request_id"
    assert {"count_requests", "LoggedRequestMiddleware"} == {
        name.rpartition(".")[2] for name in listed[2:4]
    }


@pytest.mark.django_db
def test_keys_that_are_not_those_of_the_database(settings):
    Secret.objects.create(name="TOKEN", dev_value="CANARY-90ab")
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    assert codes() == {"keys": "wrong-encryption-key"}


@pytest.mark.django_db
def test_no_room_for_the_next_backup(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1, 1, 1000))
    assert codes() == {"backups": "no-room-for-backup"}


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["a file", "below a file", "nobody may write it"])
def test_no_directory_for_the_next_backup(settings, tmp_path, what):
    (tmp_path / "file").write_text("")
    path = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "b"}.get(what)
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": path or Path("/proc/1")}
    assert codes() == {"backups": "no-backup-directory"}


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_is_held_for_longer_than_any_run_takes(settings):
    record = ImportRecord.objects.create(
        status=Status.RUNNING,
        started_at=timezone.now(),
        file_size=0,
        with_backup=False,
        override_locks=False,
    )
    with hold_import_lock(wait=0):
        assert codes() == {}
        long_ago = timezone.now() - timedelta(seconds=3 * settings.ZIGGY["BACKUP_TIMEOUT"] + 60)
        ImportRecord.objects.filter(pk=record.pk).update(started_at=long_ago)
        probes.forget_readiness()
        assert codes() == {"lock": "stale-import-lock"}
    probes.forget_readiness()
    assert codes() == {}  # killed: the next run heals it


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_asked_once(settings, monkeypatch, caplog):
    def fail(*_args, **_options):
        raise OperationalError('connection to "db.internal" as "ziggy" failed: password CANARY')

    monkeypatch.setattr(connection, "cursor", fail)
    answer = ask()
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "migrations": "database-unavailable",
        "keys": "unknown",
        "backups": "unknown",
        "lock": "unknown",
    }
    assert "CANARY" not in answer.content.decode() + caplog.text
    assert "db.internal" not in answer.content.decode()


@pytest.mark.django_db
def test_a_project_adds_a_check_by_one_line(settings):
    settings.READINESS_CHECKS = {
        **settings.READINESS_CHECKS,
        "disk": f"{__name__}.find_full_disk",
    }
    assert codes() == {"disk": "full"}


def find_full_disk() -> str:
    return "full"


def test_while_one_looks_nobody_waits(settings, monkeypatch):
    begun, may_end = threading.Event(), threading.Event()

    def look():
        begun.set()
        may_end.wait(10)
        return dict(READY)

    monkeypatch.setattr(probes, "_run_checks", look)
    readiness = probes.Readiness()
    thread = threading.Thread(target=readiness.get)
    thread.start()
    assert begun.wait(10)
    assert readiness.get() == dict.fromkeys(READY, "unknown")
    may_end.set()
    thread.join()
    assert readiness.get() == READY
