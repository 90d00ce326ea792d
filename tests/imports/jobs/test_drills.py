"""The scheduled drill: of the newest backup, when it is time, by one process at a time."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from flows.database.locks import hold_lock
from imports.database import scratch
from imports.database.backup import make_backup
from imports.database.drill_results import DrillResult, keep_drill_result, read_drill_result
from imports.jobs import drills
from imports.jobs.drills import DrillProcess, find_due_backup, is_due, verify_if_due
from tests.support.queueing import needs_postgresql
from tests.support.workers import run_worker, wait_until

NOW = datetime(2026, 3, 16, 17, 10, tzinfo=UTC)


def ended(hours_ago: float, *problems: str) -> DrillResult:
    at = NOW - timedelta(hours=hours_ago)
    return DrillResult(at=at, backup="x.dump", problems=problems, seconds=1.0)


@pytest.mark.parametrize(
    ("last", "hours", "due"),
    [
        pytest.param(None, 168, True, id="none was ever made"),
        pytest.param(ended(167.9), 168, False, id="the last one is younger"),
        pytest.param(ended(168), 168, True, id="the last one is as old"),
        pytest.param(ended(23.9, "no-scratch"), 168, False, id="it failed within a day"),
        pytest.param(ended(24, "no-scratch"), 168, True, id="it failed a day ago"),
        pytest.param(ended(2, "unsound-backup"), 1, True, id="it failed, and is due often"),
        pytest.param(None, 0, False, id="never"),
        pytest.param(ended(9999), 0, False, id="never, after one by hand"),
    ],
)
def test_when_it_is_time(last, hours, due):
    assert is_due(last, hours=hours, now=NOW) is due


@pytest.mark.django_db
class TestTheNewestBackup:
    @pytest.fixture
    def drilled(self, monkeypatch: pytest.MonkeyPatch, backup_directory: Path) -> list[Path]:
        """The backups that are verified: without a scratch database, which takes seconds."""
        found: list[Path] = []

        def verify(path: Path) -> None:
            found.append(path)
            now = datetime.now(UTC)
            keep_drill_result(DrillResult(at=now, backup=path.name, problems=(), seconds=1.0))

        monkeypatch.setattr(drills, "verify_backup", verify)
        return found

    def test_without_one_there_is_nothing_to_do(self, drilled):
        assert (find_due_backup(), verify_if_due()) == (None, None)
        assert read_drill_result() is None

    def test_it_is_verified_once(self, drilled, run_command):
        make_backup()
        newest = make_backup().path
        result = verify_if_due()
        assert result == read_drill_result()
        assert verify_if_due() is None
        assert run_command("backup_verify", "--due").out.startswith("No drill is due")
        assert drilled == [newest]

    def test_never_is_never(self, drilled, settings):
        settings.ZIGGY = {**settings.ZIGGY, "DRILL_HOURS": 0.0}
        make_backup()
        assert (verify_if_due(), drilled) == (None, [])

    def test_another_process_that_is_at_it_is_left_alone(self, drilled):
        make_backup()
        with hold_lock(drills._DUE, wait=0):
            assert verify_if_due() is None
        assert drilled == []

    def test_what_another_machine_has_just_done_is_not_done_again(self, drilled, monkeypatch):
        """It is looked at once more with the lock."""
        backup = make_backup().path
        real = drills.hold_lock

        def hold(*args: Any, **options: Any) -> Any:
            keep_drill_result(
                DrillResult(at=datetime.now(UTC), backup=backup.name, problems=(), seconds=1.0)
            )
            return real(*args, **options)

        monkeypatch.setattr(drills, "hold_lock", hold)
        assert (verify_if_due(), drilled) == (None, [])

    def test_one_by_hand_is_no_problem(self, backup_directory):
        make_backup()
        with hold_lock(scratch._DRILL, wait=0):
            assert verify_if_due() is None
        assert read_drill_result() is None

    def test_an_unsound_one_is_a_problem_that_is_kept(self, run_command, backup_directory):
        backup = make_backup().path
        content = backup.read_bytes()
        backup.write_bytes(bytes(len(content)))
        answer = run_command("backup_verify", "--due")
        assert answer.code == 2
        assert f"{backup.name}: unsound-backup" in answer.out
        assert read_drill_result().problems == ("unsound-backup",)

    @needs_postgresql
    @pytest.mark.django_db(transaction=True)
    def test_a_user_who_may_make_no_database(self, backup_directory, monkeypatch, caplog):
        make_backup()
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE IF EXISTS ziggy_no_createdb")
            cursor.execute("CREATE ROLE ziggy_no_createdb")
        role = {"options": "-c role=ziggy_no_createdb"}
        with monkeypatch.context() as patched:
            patched.setitem(connection.settings_dict, "OPTIONS", role)
            result = verify_if_due()
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE ziggy_no_createdb")
        assert result == read_drill_result()
        assert result.problems == ("may-not-create-database",)
        assert "Give the database's user the right CREATEDB" in caplog.text
        assert find_due_backup() is None  # it is not tried for ever

    @pytest.mark.parametrize("words", [[], ["--due", "x.dump"]])
    def test_the_command_takes_a_file_or_what_is_due(self, run_command, words):
        answer = run_command("backup_verify", *words)
        assert (answer.code, answer.out) == (1, "")
        assert "Say either FILE or --due." in answer.err


class TestTheProcess:
    @pytest.fixture
    def drill(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DrillProcess]:
        monkeypatch.setattr(drills, "find_due_backup", lambda: tmp_path)
        # As in a worker: what a shell starts in its background ignores it, and so would the drill.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield DrillProcess()
        signal.signal(signal.SIGINT, before)

    def run(self, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
        monkeypatch.setattr(drills, "_COMMAND", ("-c", code))

    def test_a_worker_that_stops_ends_it(self, drill, monkeypatch, tmp_path):
        done = tmp_path / "done"
        self.run(
            monkeypatch,
            f"import time\ntry:\n open({str(done)!r}, 'w').close()\n"
            f" time.sleep(60)\nfinally:\n open({str(done)!r}, 'w').write('cleaned up')",
        )
        drill.step()
        wait_until(done.exists)
        drill.stop()
        assert done.read_text() == "cleaned up"

    def test_it_is_not_begun_again_at_once(self, drill, monkeypatch, tmp_path, caplog):
        log = tmp_path / "log"
        self.run(monkeypatch, f"open({str(log)!r}, 'a').write('begun ')\nraise SystemExit(3)")
        caplog.set_level("INFO", "imports.jobs.drills")

        def is_over() -> bool:
            drill.step()
            return "The drill ended with 3" in caplog.text

        wait_until(is_over)
        drill.step()
        drill.stop()
        assert log.read_text() == "begun "

    def test_a_directory_that_cannot_be_read_is_told(self, drill, monkeypatch, caplog):
        def fail() -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(drills, "find_due_backup", fail)
        drill.step()
        assert "cannot be read: Permission denied" in caplog.text


@pytest.mark.slow
@needs_postgresql
def test_a_worker_verifies_the_newest_backup(shared_queue, settings, tmp_path):
    directory = tmp_path / "backups"
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": directory}
    backup = make_backup().path
    with run_worker(tmp_path, drill_hours="1") as worker:
        wait_until(lambda: f"{backup.name} was verified in" in worker.log.read_text())
        assert worker.stop() == 0
    result = read_drill_result()
    assert (result.backup, result.problems) == (backup.name, ())
