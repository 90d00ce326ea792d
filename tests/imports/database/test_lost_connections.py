"""A process that lives ends its record, whatever happens to its connections.

Each connection of a run is cut in turn by the server: that of the run at every statement, in the
backup, while rows are copied, at the commit and behind it, and that of the lock alone.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import DatabaseError, connections
from django.db import connection as database
from django.db.backends.base.base import BaseDatabaseWrapper

import flows.database.bulk
import imports.database.backup
from flows.models import Flow
from imports.database.lock import LockHeld, hold_import_lock
from imports.errors import ImportFailed, UnableToImport
from imports.importing.service import run_import
from imports.models import ImportRecord
from imports.undo.service import undo_import
from tests.support.digest import all_rows, outcome, put_back
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, request_for, secret, uuid_of
from tests.support.undoing import undo_request
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)

ON_POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
only_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="about the lock file")
only_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no server")

FILE = export_file(
    flow(1, "Flow 1", info="file", connections=[uuid_of("c", 1)]),
    flow(2, "Flow 2"),
    connection(1, "Conn 1", description="file"),
    secret(1, "A", description="file"),
)


@pytest.fixture(autouse=True)
def whole_history(settings: Any) -> None:
    """Nothing follows the commit: what is pruned there has tests of its own."""
    settings.ZIGGY = {**settings.ZIGGY, "HISTORY_DAYS": None}


@pytest.fixture
def before() -> Any:
    FlowFactory(uuid=uuid_of("f", 1), name="Flow 1")
    ConnectionFactory(uuid=uuid_of("c", 1), name="Conn 1")
    SecretFactory(uuid=uuid_of("5", 1), name="A")
    return all_rows()


@contextmanager
def another_connection() -> Iterator[Any]:
    with closing(database.copy()) as other:
        yield other


def end_session(pid: int) -> None:
    """End a session of the server, and wait until it is gone."""
    with another_connection() as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def cut() -> None:
    """Cut the connection of the run, if it has one."""
    if database.connection is not None:
        end_session(database.connection.info.backend_pid)


def end_lock() -> None:
    """Cut the connection that holds the import lock."""
    with another_connection() as other, other.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND ((classid::bigint << 32) | objid::bigint) = %s "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [int.from_bytes(b"ziggyimp", "big")],
        )
        pids = [pid for (pid,) in cursor.fetchall()]
    assert len(pids) == 1
    end_session(pids[0])


class CutAt:
    """Cuts the connection before the run's statement of that number."""

    def __init__(self, number: int) -> None:
        self.number, self.seen = number, 0

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        self.seen += 1
        if self.seen == self.number:
            cut()
        return execute(sql, params, many, context)


def assert_ended(before: Any, after: Any, error: BaseException | None, where: str) -> None:
    """The data is that before or that after, and the record says which."""
    records = list(ImportRecord.objects.values_list("status", flat=True))
    assert "running" not in records, where
    now = outcome()
    if "succeeded" in records:
        assert now == after, where
        assert error is None, where
    else:
        assert now == before, where
        assert isinstance(error, UnableToImport | DatabaseError), where
    with hold_import_lock(wait=1):
        pass


def attempted(run: Callable[[], Any]) -> BaseException | None:
    try:
        run()
    except (UnableToImport, DatabaseError) as error:
        return error
    finally:
        database.close()  # which the test goes on with
    return None


@only_postgresql
def test_an_import_whose_connection_is_cut_at_any_statement_ends_its_record(before):
    untouched = outcome()
    run_import(request_for(FILE))  # which fills the cache of content types
    put_back(before)
    counting = CutAt(0)
    with database.execute_wrapper(counting):
        run_import(request_for(FILE))
    after = outcome()
    put_back(before)
    assert counting.seen > 20
    codes = set()
    for number in range(1, counting.seen + 1):
        with database.execute_wrapper(CutAt(number)):
            error = attempted(lambda: run_import(request_for(FILE)))
        assert_ended(untouched, after, error, f"statement {number}")
        codes |= set(ImportRecord.objects.values_list("status", "code"))
        put_back(before)
    assert codes == {("failed", "database-lost")}


def at_backup() -> Any:
    copy = imports.database.backup._copy

    def cut_and_copy(*arguments: Any) -> None:
        cut()
        copy(*arguments)

    return patch.object(imports.database.backup, "_copy", cut_and_copy)


def while_copying() -> Any:
    prepared = flows.database.bulk._copy_and_update

    def cut_between(connection: Any, model: Any, columns: Any, rows: Any) -> int:
        def cutting() -> Iterator[Any]:
            yield from rows
            cut()

        return prepared(connection, model, columns, cutting())

    return patch.object(flows.database.bulk, "_copy_and_update", cut_between)


def at_commit() -> Any:
    commit = BaseDatabaseWrapper._commit

    def cut_and_commit(self: Any) -> None:
        if self is connections["default"]:
            cut()
        commit(self)

    return patch.object(BaseDatabaseWrapper, "_commit", cut_and_commit)


def behind_commit() -> Any:
    commit = BaseDatabaseWrapper._commit

    def commit_and_cut(self: Any) -> None:
        commit(self)
        if self is connections["default"]:
            cut()

    return patch.object(BaseDatabaseWrapper, "_commit", commit_and_cut)


PHASES = {
    "in the backup": at_backup,
    "while rows are copied": while_copying,
    "at the commit": at_commit,
    "behind the commit": behind_commit,
}


@only_postgresql
@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
@pytest.mark.parametrize("is_undo", [False, True], ids=["import", "undo"])
def test_a_run_whose_connection_is_cut_in_a_phase_ends_its_record(
    before, phase, is_undo, monkeypatch
):
    done = None
    if is_undo:
        done = run_import(request_for(FILE)).record

    def run() -> Any:
        if done:
            return undo_import(undo_request(done, with_backup=True))
        return run_import(request_for(FILE, with_backup=True))

    old = set(ImportRecord.objects.values_list("pk", flat=True))
    flows_before = sorted(Flow.objects.values_list("uuid", "info", "is_deleted"))
    with phase():
        error = attempted(run)
    record = ImportRecord.objects.exclude(pk__in=old).get()
    assert record.status in {"succeeded", "failed"}
    is_changed = flows_before != sorted(Flow.objects.values_list("uuid", "info", "is_deleted"))
    assert is_changed == (record.status == "succeeded")
    assert isinstance(error, ImportFailed) == (record.status == "failed")
    if record.status == "failed":
        assert record.code == "database-lost"


@only_postgresql
@pytest.mark.parametrize("when", ["before the write", "in the write"])
def test_an_import_that_loses_its_lock_alone_writes_nothing(before, when):
    untouched = outcome()

    def lose(done: int, total: int) -> None:
        if not lost:
            lost.append(True)
            end_lock()

    lost: list[bool] = []
    is_before = when == "before the write"
    with (
        patch("imports.runs.carrying_out.check_encryption_keys", end_lock if is_before else int),
        pytest.raises(ImportFailed) as raised,
    ):
        run_import(request_for(FILE), progress=(lambda *_: None) if is_before else lose)
    assert raised.value.code == "lock-lost"
    assert raised.value.message == (
        "The lock that keeps other imports out was lost. The connection that held it was cut. "
        "Nothing was written. Try again."
    )
    record = ImportRecord.objects.get()
    assert (record.status, record.code) == ("failed", "lock-lost")
    assert outcome() == untouched


@only_postgresql
def test_a_second_import_that_gets_in_between_does_not_write_beside_the_first(before):
    """The first import's lock is cut in its write, and a second one starts at that moment."""
    writing: list[str] = []
    beside: list[list[str]] = []
    second_result: list[Any] = []
    second_started: list[bool] = []
    other_file = export_file(flow(1, "Flow 1", info="second"), flow(9, "Flow 9"))

    def watch(who: str) -> Callable[[int, int], None]:
        def told(done: int, total: int) -> None:
            if who not in writing:
                writing.append(who)
            beside.append(list(writing))

        return told

    def second() -> None:
        try:
            second_result.append(run_import(request_for(other_file), progress=watch("second")))
        except UnableToImport as error:
            second_result.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=second)

    def lose(done: int, total: int) -> None:
        watch("first")(done, total)
        if not second_started:
            second_started.append(True)
            end_lock()
            thread.start()
            thread.join(timeout=1.5)  # long enough to write, if nothing keeps it out
            assert thread.is_alive()

    error = attempted(lambda: run_import(request_for(FILE), progress=lose))
    writing.remove("first")
    thread.join(timeout=PATIENCE)
    assert isinstance(error, ImportFailed)
    assert error.code == "lock-lost"
    assert all(len(who) == 1 for who in beside)
    assert not isinstance(second_result[0], UnableToImport)
    assert Flow.objects.get(uuid=uuid_of("f", 1)).info == "second"
    assert not Flow.objects.filter(uuid=uuid_of("f", 2)).exists()
    assert list(ImportRecord.objects.order_by("pk").values_list("status", flat=True)) == [
        "failed",
        "succeeded",
    ]


@only_sqlite
def test_an_import_whose_lock_file_is_removed_writes_nothing(before):
    untouched = outcome()
    path = Path(f"{database.settings_dict['NAME']}.import-lock")

    def lose(done: int, total: int) -> None:
        if path.exists():
            path.unlink()

    with pytest.raises(ImportFailed) as raised:
        run_import(request_for(FILE), progress=lose)
    assert raised.value.code == "lock-lost"
    assert ImportRecord.objects.get().status == "failed"
    assert outcome() == untouched


def test_a_lock_that_is_held_passes_its_check():
    with hold_import_lock(wait=0) as lock:
        lock.check()
        lock.check()
        with pytest.raises(LockHeld), hold_import_lock(wait=0):
            pass
