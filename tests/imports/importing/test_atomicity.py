"""Whatever stops an import, the data is as it was before or as it has to be after: never between.

An import is stopped at every one of its statements, by an error of the database and by Ctrl-C, and
killed at some of them, before, in and behind its commit.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.conf import settings
from django.db import OperationalError
from django.db import connection as database

from imports.database.lock import hold_import_lock
from imports.errors import ImportFailed, UnableToImport
from imports.importing.service import run_import
from imports.models import ImportRecord
from imports.plans.plan import Plan
from imports.runs.carrying_out import Outcome
from tests.support.digest import Rows, all_rows, data_of, data_rows, outcome, put_back
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    backup_files,
    child_environment,
    connection,
    export_file,
    flow,
    request_for,
    results,
    secret,
    uuid_of,
)
from tests.support.killing import spread_places
from tests.support.stopping import stopping_at

pytestmark = pytest.mark.django_db(transaction=True)

MODES = ("skip", "duplicate", "overwrite")
ON_POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")

# In every kind: a row that the file names by its uuid, one by its name, a deleted one that comes
# back, and one that the file does not name. Two secrets swap their names.
FILE = export_file(
    flow(1, "Flow 1", info="file", connections=[uuid_of("c", 1)], nodes=[{"code": "secrets.A"}]),
    flow(12, "Flow 2", info="file"),
    flow(3, "Flow 3"),
    flow(5, "Flow 5"),
    connection(1, "Conn 1", description="file"),
    connection(12, "Conn 2", description="file"),
    connection(3, "Conn 3"),
    connection(5, "Conn 5"),
    secret(1, "B", description="file"),
    secret(2, "A"),
    secret(3, "C"),
    secret(5, "E"),
)
RESULTS = {
    "skip": ["SKIP", "SKIP", "CREATE", "CREATE"] * 3,
    "duplicate": ["DUPLICATE", "DUPLICATE", "CREATE", "CREATE"] * 3,
    "overwrite": ["OVERWRITE", "OVERWRITE", "CREATE", "CREATE"] * 3,
}


@pytest.fixture(autouse=True)
def whole_history(settings: Any) -> None:
    """Nothing follows the commit: what is pruned there has tests of its own."""
    settings.ZIGGY = {**settings.ZIGGY, "HISTORY_DAYS": None}


@pytest.fixture
def before() -> Rows:
    for number in range(1, 5):
        deleted = number == 3
        FlowFactory(uuid=uuid_of("f", number), name=f"Flow {number}", is_deleted=deleted)
        ConnectionFactory(uuid=uuid_of("c", number), name=f"Conn {number}", is_deleted=deleted)
        SecretFactory(
            uuid=uuid_of("5", number),
            name="ABCD"[number - 1],
            dev_value=f"value of {number}",
            is_deleted=deleted,
        )
    return all_rows()


def do_import(mode: str, **changes: Any) -> Outcome[Plan]:
    """Import the file, with uuids for new copies that are the same every time."""
    numbers = count(1)
    with patch("imports.plans.item_destinations.uuid4", lambda: UUID(int=next(numbers))):
        return run_import(request_for(FILE, mode, **changes))


@pytest.fixture
def learned(before: Rows) -> Callable[[str], tuple[dict[str, list[Any]], int]]:
    """What an import leaves that nothing stops, and how many statements it takes."""

    def learn(mode: str) -> tuple[dict[str, list[Any]], int]:
        done = do_import(mode)
        after = outcome()
        assert [result for _, result in results(done)] == RESULTS[mode]
        put_back(before)
        assert all_rows() == before
        with stopping_at(0, OperationalError()) as stop:
            do_import(mode)
        assert outcome() == after
        put_back(before)
        return after, stop.seen

    return learn


@pytest.mark.parametrize(
    ("mode", "error", "status"),
    [
        *((mode, OperationalError("disk I/O error"), "failed") for mode in MODES),
        ("overwrite", KeyboardInterrupt(), "interrupted"),
    ],
    ids=[*MODES, "overwrite, Ctrl-C"],
)
def test_an_import_that_is_stopped_at_any_statement_changes_nothing(
    before, learned, mode, error, status
):
    after, statements = learned(mode)
    assert statements > 20
    for number in range(1, statements + 1):
        with stopping_at(number, error), pytest.raises((UnableToImport, type(error))):
            do_import(mode)
        assert data_rows() == data_of(before), f"statement {number}"
        assert ImportRecord.objects.get().status == status, f"statement {number}"
        with hold_import_lock(wait=0):
            pass
        do_import(mode)
        assert outcome() == after, f"statement {number}"
        put_back(before)


def test_an_import_whose_database_goes_away_at_any_statement_changes_nothing(before, learned):
    """From there on no statement works, so that not even the record can be written."""
    after, statements = learned("overwrite")
    for number in range(1, statements + 1):
        error = OperationalError("server closed the connection unexpectedly")
        with (
            stopping_at(number, error, for_good=True),
            pytest.raises((ImportFailed, OperationalError)),
        ):
            do_import("overwrite")
        assert data_rows() == data_of(before), f"statement {number}"
        assert set(ImportRecord.objects.values_list("status", flat=True)) <= {"running"}
        do_import("overwrite")
        assert outcome() == after, f"statement {number}"
        assert set(ImportRecord.objects.values_list("status", flat=True)) <= {
            "interrupted",
            "succeeded",
        }
        put_back(before)


@pytest.mark.parametrize("mode", MODES)
def test_an_import_whose_commit_fails_changes_nothing(before, learned, mode):
    after, _ = learned(mode)

    def refuse() -> None:
        raise OperationalError("disk full")

    with patch.object(database, "_commit", refuse), pytest.raises(ImportFailed) as raised:
        do_import(mode)
    assert raised.value.code == "database-error"
    assert data_rows() == data_of(before)
    assert ImportRecord.objects.get().status == "failed"
    do_import(mode)
    assert outcome() == after


def test_an_import_whose_commit_works_but_is_not_answered_is_done(before, learned):
    after, _ = learned("overwrite")

    def commit_and_lose_the_answer() -> None:
        database.connection.commit()
        raise OperationalError("server closed the connection unexpectedly")

    with patch.object(database, "_commit", commit_and_lose_the_answer):
        done = do_import("overwrite")
    assert [result for _, result in results(done)] == RESULTS["overwrite"]
    assert outcome() == after
    assert ImportRecord.objects.get().status == "succeeded"


def test_an_import_that_cannot_learn_whether_it_was_committed_says_so(before, learned):
    after, _ = learned("overwrite")
    lost = OperationalError("could not connect to server")

    def commit_and_lose_the_server() -> None:
        database.connection.commit()
        stop.number, stop.for_good = 0, True
        raise lost

    with (
        stopping_at(-1, lost) as stop,
        patch.object(database, "_commit", commit_and_lose_the_server),
        pytest.raises(ImportFailed) as raised,
    ):
        do_import("overwrite")
    record = ImportRecord.objects.get()
    assert raised.value.code == "outcome-unknown"
    assert raised.value.message == (
        "The connection to the database was lost at the end of the import, which is there as a "
        f"whole or not at all: see the status of its record {record.pk}."
    )
    assert record.status == "succeeded"
    assert outcome() == after


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no server")
def test_an_import_whose_session_the_server_ends_changes_nothing(before, learned):
    after, _ = learned("overwrite")

    def end_the_session(done: int, _total: int) -> None:
        if done == 4:
            with database.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(ImportFailed) as raised:
        run_import(request_for(FILE), progress=end_the_session)
    assert raised.value.code == "database-lost"
    assert data_rows() == data_of(before)
    assert ImportRecord.objects.get().status == "failed"
    do_import("overwrite")
    assert outcome() == after


# Takes one line for each import: its mode, the directory of its backup, and where it is killed. Each
# runs in a process of its own, which is forked before there is a connection.
IMPORTS_TO_KILL = """
import os, signal, sys
from itertools import count
from pathlib import Path
from uuid import UUID

import django
django.setup()

from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

import imports.database.backup
import imports.plans.item_destinations
from imports.importing.service import run_import
from tests.support.importing import request_for

FILE = sys.stdin.buffer.read(int(sys.argv[1]))
numbers, statements = count(1), count(1)
imports.plans.item_destinations.uuid4 = lambda: UUID(int=next(numbers))
commit, copy = BaseDatabaseWrapper._commit, imports.database.backup._copy

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

def commit_and_die(self):
    commit(self)
    die()

def copy_and_die(*args):
    copy(*args)
    die()

def run(mode, backups, place):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": Path(backups)}
    if place == "before the commit":
        BaseDatabaseWrapper._commit = die
    elif place == "behind the commit":
        BaseDatabaseWrapper._commit = commit_and_die
    elif place == "in the backup":
        imports.database.backup._copy = copy_and_die
    with connection.execute_wrapper(
        lambda execute, *args: die() if str(next(statements)) == place else execute(*args)
    ):
        run_import(request_for(FILE, mode, with_backup=bool(backups)))

for line in sys.stdin.buffer:
    pid = os.fork()
    if not pid:
        run(*line.decode().rstrip().split(", "))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def kill_at(django_db_setup: None) -> Iterator[Callable[..., None]]:
    """Run an import in another process and kill it at a place."""
    with subprocess.Popen(
        [sys.executable, "-c", IMPORTS_TO_KILL, str(len(FILE))],
        env=child_environment(PYTHONPATH=str(settings.BASE_DIR)),
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as child:
        child.stdin.write(FILE)

        def kill(place: str, *, mode: str, backups: Path | str = "") -> None:
            child.stdin.write(f"{mode}, {backups}, {place}\n".encode())
            assert child.stdout.readline() == b"%d\n" % -signal.SIGKILL

        yield kill
        child.stdin.close()


def assert_sound() -> None:
    """The database itself finds nothing wrong."""
    if not ON_POSTGRESQL:
        with database.cursor() as cursor:
            assert cursor.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert cursor.execute("PRAGMA foreign_key_check").fetchall() == []


def statuses() -> list[str]:
    return list(ImportRecord.objects.order_by("pk").values_list("status", flat=True))


def test_an_import_that_is_killed_at_some_statement_changes_nothing(before, learned, kill_at):
    after, statements = learned("overwrite")
    places = spread_places(statements)
    assert places[0] == 1
    assert places[-1] == statements
    left_running = 0
    for place in places:
        kill_at(str(place), mode="overwrite")
        assert data_rows() == data_of(before), f"statement {place}"
        assert_sound()
        found = statuses()
        assert found in ([], ["running"])
        left_running += len(found)
        do_import("overwrite")
        assert statuses() == ["interrupted"] * len(found) + ["succeeded"]
        assert outcome() == after, f"statement {place}"
        put_back(before)
    assert left_running >= 0.75 * len(places)


@pytest.mark.parametrize("mode", MODES)
def test_an_import_that_is_killed_before_its_commit_changes_nothing(before, learned, kill_at, mode):
    after, _ = learned(mode)
    kill_at("before the commit", mode=mode)
    assert data_rows() == data_of(before)
    assert_sound()
    assert statuses() == ["running"]
    do_import(mode)
    assert statuses() == ["interrupted", "succeeded"]
    assert outcome() == after


@pytest.mark.parametrize("mode", MODES)
def test_an_import_that_is_killed_behind_its_commit_is_done(before, learned, kill_at, mode):
    after, _ = learned(mode)
    kill_at("behind the commit", mode=mode)
    assert statuses() == ["succeeded"]
    assert outcome() == after
    assert_sound()
    with hold_import_lock(wait=1):
        pass


def test_an_import_that_is_killed_in_its_backup_changes_nothing(
    before, learned, kill_at, backup_directory
):
    after, _ = learned("overwrite")
    kill_at("in the backup", mode="overwrite", backups=backup_directory)
    assert data_rows() == data_of(before)
    assert [file.suffix for file in backup_directory.iterdir()] == [".part"]
    do_import("overwrite", with_backup=True)
    interrupted, succeeded = ImportRecord.objects.order_by("pk")
    assert (interrupted.status, interrupted.backup_path) == ("interrupted", "")
    assert succeeded.status == "succeeded"
    assert os.path.getsize(succeeded.backup_path) == succeeded.backup_size  # noqa: PTH202
    assert outcome() == after


def test_an_import_that_is_killed_after_its_backup_still_names_it(
    before, learned, kill_at, backup_directory
):
    after, _ = learned("overwrite")
    kill_at("before the commit", mode="overwrite", backups=backup_directory)
    assert data_rows() == data_of(before)
    [backup] = backup_files(backup_directory)
    do_import("overwrite")
    interrupted, _ = ImportRecord.objects.order_by("pk")
    assert (interrupted.status, interrupted.backup_path) == ("interrupted", str(backup))
    assert outcome() == after
