"""One import at a time on a database, and the lock ends with its holder."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, Timer

import pytest
from django.conf import settings
from django.db import connection, transaction

from flows.models import Flow
from imports.database.lock import LockHeld, hold_import_lock, is_lock_held
from imports.errors import UnableToImport

pytestmark = pytest.mark.django_db(transaction=True)

ON_POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
only_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="about the lock file")
only_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="about the lock's transaction")

HOLD_UNTIL_STDIN_CLOSES = """
import sys, django
django.setup()
from imports.database.lock import hold_import_lock
with hold_import_lock(wait=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def _url(name: str) -> str:
    if not ON_POSTGRESQL:
        return f"sqlite:///{name}"
    at = connection.settings_dict
    return f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{name}"


@contextmanager
def lock_held_elsewhere(database: str | None = None) -> Iterator["subprocess.Popen[str]"]:
    """Another process, which holds the lock until its stdin is closed, as at the block's end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_UNTIL_STDIN_CLOSES],
        env=os.environ
        | {"DATABASE_URL": _url(database or str(connection.settings_dict["NAME"]))}
        | {"DJANGO_SETTINGS_MODULE": "ziggy_site.settings"},
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        yield holder


def seconds(action: Callable[[], None]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def acquire(*, wait: float) -> None:
    with hold_import_lock(wait=wait):
        pass


def refused(*, wait: float) -> None:
    with pytest.raises(LockHeld):
        acquire(wait=wait)


def test_a_second_holder_is_refused_after_its_wait():
    with lock_held_elsewhere():
        assert 0.5 <= seconds(lambda: refused(wait=0.5)) < 1.5


def test_a_second_holder_that_will_not_wait_is_refused_at_once():
    with lock_held_elsewhere():
        assert seconds(lambda: refused(wait=0)) < 0.5


def test_a_second_holder_gets_the_lock_when_the_first_lets_go_in_time():
    with lock_held_elsewhere() as holder:
        timer = Timer(0.3, holder.stdin.close)
        timer.start()
        waited = seconds(lambda: acquire(wait=10))
        timer.join()
    assert 0.3 <= waited < 5


def test_the_lock_of_a_killed_holder_is_free_at_once():
    with lock_held_elsewhere() as holder:
        refused(wait=0)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert seconds(lambda: acquire(wait=5)) < 1


def test_a_block_inside_a_block_is_refused():
    with hold_import_lock(wait=0):
        refused(wait=0.2)


def test_the_lock_is_free_after_its_block():
    acquire(wait=0)
    acquire(wait=0)


def test_the_lock_is_free_after_a_block_that_fails():
    with pytest.raises(ZeroDivisionError), hold_import_lock(wait=0):
        raise ZeroDivisionError
    acquire(wait=0)


def test_the_lock_is_free_after_a_refusal():
    with hold_import_lock(wait=0):
        refused(wait=0)
    acquire(wait=0)


def test_whether_it_is_held_is_seen_without_taking_it():
    assert not is_lock_held()
    with lock_held_elsewhere() as holder:
        assert is_lock_held()
        holder.stdin.close()
        holder.wait()
        assert not is_lock_held()
    with hold_import_lock(wait=0):
        assert is_lock_held()
    assert not is_lock_held()


def test_who_asks_whether_it_is_held_keeps_nobody_out():
    """A run that will not wait gets the lock, however many pages ask meanwhile."""
    asked, has_ended = [0], Event()

    def ask() -> None:
        while not has_ended.is_set():
            is_lock_held()
            asked[0] += 1
        connection.close()

    asking = Thread(target=ask)
    asking.start()
    try:
        for _ in range(100):
            acquire(wait=0)
    finally:
        has_ended.set()
        asking.join()
    assert asked[0] > 10


def test_that_of_another_database_is_not_seen(tmp_path):
    other = "postgres" if ON_POSTGRESQL else str(tmp_path / "other.sqlite3")
    with lock_held_elsewhere(other):
        assert not is_lock_held()


def test_an_error_of_the_block_passes_as_it_is():
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    with pytest.raises(sqlite3.OperationalError) as raised, hold_import_lock(wait=0):
        raise busy
    assert raised.value is busy


def test_the_holder_and_others_can_write_to_the_database():
    with lock_held_elsewhere():
        Flow.objects.create(name="by another")
    with hold_import_lock(wait=0), transaction.atomic(durable=True):
        Flow.objects.create(name="by the holder")
    assert Flow.objects.count() == 2


def test_another_database_has_a_lock_of_its_own(tmp_path):
    other = "postgres" if ON_POSTGRESQL else str(tmp_path / "other.sqlite3")
    with lock_held_elsewhere(other):
        acquire(wait=0)


@only_sqlite
def test_two_names_of_one_database_have_one_lock(tmp_path):
    symlink = tmp_path / "symlink.sqlite3"
    symlink.symlink_to(connection.settings_dict["NAME"])
    with lock_held_elsewhere(str(symlink)):
        refused(wait=0)


@only_sqlite
def test_a_lock_file_that_cannot_be_used_is_explained(tmp_path, monkeypatch):
    database = tmp_path / "database.sqlite3"
    Path(f"{database}.import-lock").mkdir()
    monkeypatch.setitem(connection.settings_dict, "NAME", database)
    with pytest.raises(UnableToImport) as raised:
        acquire(wait=0)
    assert raised.value.code == "no-lock"
    assert raised.value.message == (
        f"The lock file {database}.import-lock cannot be used. SQLite: unable to open database "
        "file. Let this process write it, or remove it while no import is running."
    )


@only_postgresql
def test_the_lock_outlives_the_time_that_the_server_gives_idle_transactions():
    database = connection.settings_dict["NAME"]
    idle = "idle_in_transaction_session_timeout"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {database} SET {idle} = '200ms'")
    try:
        with hold_import_lock(wait=0):
            time.sleep(0.6)
            refused(wait=0)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {database} RESET {idle}")


@only_postgresql
def test_the_lock_leaves_no_connection_behind():
    def sessions() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            )
            return cursor.fetchone()[0]

    def settled(expected: int) -> bool:
        deadline = time.monotonic() + 5
        while sessions() != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return sessions() == expected

    before = sessions()
    with hold_import_lock(wait=0):
        assert sessions() == before + 1
        refused(wait=0)
        assert settled(before + 1)
    assert settled(before)
