"""The migrations of the queue after a restore of a backup that is from before the queue."""

from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest
from django.db import InterfaceError, OperationalError

from imports.database.backup import make_backup
from imports.database.restore import RestoreFailed, restore_backup
from tests.support.queueing import needs_postgresql
from tests.support.server_process import make_environment, manage, new_database

pytestmark = needs_postgresql


class Server:
    """A server on a database of its own, which is upgraded from one without the queue."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def run(self, *arguments: str, background: str = "true") -> "CompletedProcess[str]":
        environment = make_environment(
            "local", self.folder, self.url, ZIGGY_BACKGROUND=background, LOG_LEVEL="WARNING"
        )
        return manage(environment, *arguments)

    def restore_a_backup_of_before_the_queue(self) -> None:
        assert self.run("migrate", "--verbosity", "0", background="false").returncode == 0
        backed_up = self.run("database_backup", background="false")
        assert backed_up.returncode == 0, backed_up.stderr
        [path] = map(str, (self.folder / "backups").glob("*.dump"))
        assert self.run("migrate", "--verbosity", "0").returncode == 0
        restored = self.run("database_restore", path, "--no-prompt")
        assert restored.returncode == 0, restored.stderr


@pytest.fixture
def server(db, tmp_path):
    with new_database(tmp_path) as url:
        server = Server(url, tmp_path)
        server.restore_a_backup_of_before_the_queue()
        yield server


def test_they_stay_recorded_and_a_version_that_forgot_them_is_told_what_to_do(server):
    assert server.run("migrate", "--check").returncode == 0
    # As after a restore by a version that knew no queue.
    with psycopg.connect(server.url) as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'procrastinate'")
    told = server.run("migrate")
    assert told.returncode != 0
    assert "ziggy.E015" in told.stderr
    assert "Traceback" not in told.stderr
    assert server.run("check", "--database", "default").returncode != 0
    hint = told.stderr.split("manage.py migrate ", 1)[1].splitlines()[0]
    followed = server.run("migrate", *hint.split())
    assert followed.returncode == 0, followed.stderr
    assert server.run("migrate").returncode == 0
    assert server.run("check", "--database", "default").returncode == 0


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_after_the_restore_is_told(fault, monkeypatch):
    def fail(*_: object) -> None:
        raise fault

    backup = make_backup()
    monkeypatch.setattr("imports.database.restore.record_queue_migrations", fail)
    with pytest.raises(RestoreFailed) as raised:
        restore_backup(backup.path)
    assert raised.value.code == "queue-not-recorded"
    assert "The database was restored" in raised.value.message
    assert "Run database_restore again" in raised.value.message


def test_a_worker_that_comes_before_the_migrations_says_so(db, tmp_path):
    with new_database(tmp_path) as url:
        server = Server(url, tmp_path)
        server.run("migrate", "--verbosity", "0", background="false")
        told = server.run("background_worker")
    assert told.returncode == 1
    assert "it is not migrated to this version" in told.stderr
    assert "Traceback" not in told.stderr
