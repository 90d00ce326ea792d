"""Who is kept out by the import lock is told when to ask again, and may say how long to wait."""

import threading
import time
from typing import Any

import pytest
from django.db import connection as database

from imports.api.prefer import read_preferred_wait
from imports.database.lock import LockHeld, hold_import_lock
from imports.models import ImportRecord
from tests.imports.database.test_lock import lock_held_elsewhere
from tests.support.importing import export_file, flow, import_items
from tests.support.uploading import caller, upload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_patience(settings):
    settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}


@pytest.fixture
def ada():
    return caller("ada", admin=True)


def one(number: int) -> bytes:
    return export_file(flow(number, f"Flow {number}"))


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("wait=10", 10),
        ("WAIT=10", 10),
        ('wait="10"', 10),
        (" wait = 10 ; foo=bar", 10),
        ("respond-async, wait=10", 10),
        ('x="a, wait=3", wait=10', 10),
        ("wait=10, wait=20", 10),
        ("wait=0", 0),
        ("wait=60", 60),
        ("wait=61", 60),
        ("wait=" + "9" * 5000, 60),
        ("", None),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=ten", None),
        ("wait=١٠", None),
        ("await=10", None),
        ("respond-async", None),
        (",,;=,", None),
        ("\x00", None),
    ],
)
def test_a_preference_is_read_as_the_rfc_says(header, wait):
    assert read_preferred_wait(header) == wait


def test_the_most_that_is_waited_is_the_servers_to_say(settings):
    settings.ZIGGY = {**settings.ZIGGY, "MOST_LOCK_WAIT": 3}
    assert read_preferred_wait("wait=60") == 3


def requests_that_lock(ada: Any) -> dict[str, Any]:
    record = import_items(flow(1, "Orders")).record
    return {
        "import": lambda **headers: upload(ada, one(2), **headers),
        "undo": lambda **headers: ada.post(
            f"/api/imports/{record.pk}/undo",
            {"dryRun": False, "noBackup": True},
            format="json",
            **headers,
        ),
        "vacuum": lambda **headers: ada.get("/api/flow/vacuum", **headers),
    }


@pytest.mark.parametrize("name", ["import", "undo", "vacuum"])
def test_a_held_lock_is_409_with_when_to_ask_again(name, ada):
    ask = requests_that_lock(ada)[name]
    with lock_held_elsewhere():
        answer = ask()
        assert (answer.status_code, answer.json()["code"]) == (409, "import-locked")
        assert answer.headers["Retry-After"] == "5"
        assert "Preference-Applied" not in answer.headers
        begun = time.monotonic()
        answer = ask(HTTP_PREFER="wait=1")
        assert time.monotonic() - begun >= 0.9
    assert answer.status_code == 409
    assert answer.headers["Preference-Applied"] == "wait=1"


@pytest.mark.parametrize("name", ["import", "undo", "vacuum"])
def test_who_waits_gets_the_lock_and_is_told_that_it_was_heeded(name, ada):
    ask = requests_that_lock(ada)[name]
    with lock_held_elsewhere() as holder:
        timer = threading.Timer(0.5, holder.stdin.close)
        timer.start()
        answer = ask(HTTP_PREFER="wait=30")
        timer.join()
    assert answer.status_code in {200, 201}
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert "Retry-After" not in answer.headers


def test_a_dry_run_waits_for_nobody(ada):
    with lock_held_elsewhere():
        answer = upload(ada, one(2), dryRun="true", HTTP_PREFER="wait=30")
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


MANY = 12


@pytest.mark.parametrize("prefer", ["wait=60", ""])
def test_of_many_small_imports_beside_a_large_one_all_succeed_that_wait(prefer, ada):
    clients = [caller(f"user {number}", admin=True) for number in range(MANY)]
    answers: list[int] = []

    def send(number: int) -> None:
        try:
            for each in range(2):
                payload = one(100 * number + each)
                answers.append(upload(clients[number], payload, HTTP_PREFER=prefer).status_code)
        finally:
            database.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(MANY)]
    with lock_held_elsewhere() as large:
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        large.stdin.close()
        for thread in threads:
            thread.join()
    assert len(answers) == 2 * MANY
    if prefer:
        assert set(answers) == {201}
        assert ImportRecord.objects.filter(status="succeeded").count() == 2 * MANY
    else:
        assert 409 in answers


def test_a_second_request_with_a_key_waits_for_the_first_if_it_says_so(ada):
    first = upload(ada, one(1), key="key-1")
    record = ImportRecord.objects.get()
    ImportRecord.objects.update(status="running")

    def done() -> None:
        ImportRecord.objects.filter(pk=record.pk).update(status="succeeded")
        database.close()

    with lock_held_elsewhere() as holder:
        early = upload(ada, one(1), key="key-1")
        assert (early.status_code, early.json()["code"]) == (409, "idempotency-in-progress")
        assert early.headers["Retry-After"] == "5"
        steps = [threading.Timer(0.3, done), threading.Timer(0.8, holder.stdin.close)]
        for step in steps:
            step.start()
        again = upload(ada, one(1), key="key-1", HTTP_PREFER="wait=30")
        for step in steps:
            step.join()
    assert (again.status_code, again.json()) == (201, first.json())
    assert ImportRecord.objects.get(status="succeeded") == record


def test_the_wait_is_no_part_of_what_a_key_stands_for(ada):
    assert upload(ada, one(1), key="key-1", HTTP_PREFER="wait=5").status_code == 201
    assert upload(ada, one(1), key="key-1").status_code == 201


def test_who_waits_holds_no_transaction_of_the_database(ada, settings):
    if database.vendor != "postgresql":
        pytest.skip("the lock of SQLite is a file beside the database")
    waiting = threading.Thread(target=lambda: _wait_for_lock(2))
    with lock_held_elsewhere():
        waiting.start()
        open_ones = 0
        for _ in range(15):
            time.sleep(0.1)
            with database.cursor() as cursor:
                # It asks again and again, each time in a transaction that is over at once.
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state = 'idle in transaction'"
                    " AND xact_start < clock_timestamp() - interval '0.5 seconds'"
                )
                open_ones = max(open_ones, cursor.fetchone()[0])
        waiting.join()
    assert open_ones == 1  # the holder's


def _wait_for_lock(seconds: float) -> None:
    try:
        with pytest.raises(LockHeld), hold_import_lock(wait=seconds):
            pass
    finally:
        database.close()


def test_a_command_says_how_long_it_waits(run_command, tmp_path):
    path = tmp_path / "zexport.json"
    path.write_bytes(one(1))
    arguments = ("-s", "local", "--overwrite", "--no-prompt", "--no-backup", "-fp", str(path))
    with lock_held_elsewhere() as holder:
        begun = time.monotonic()
        assert run_command("flow_import", *arguments, "--wait", "0.6").code == 4
        assert time.monotonic() - begun >= 0.6
        timer = threading.Timer(0.5, holder.stdin.close)
        timer.start()
        assert run_command("flow_import", *arguments, "--wait", "30").code == 0
        timer.join()
    record = ImportRecord.objects.filter(status="succeeded").get()
    with lock_held_elsewhere() as holder:
        undo = ("import_undo", str(record.pk), "--no-prompt", "--no-backup")
        assert run_command(*undo, "--wait", "0").code == 4
        timer = threading.Timer(0.5, holder.stdin.close)
        timer.start()
        assert run_command(*undo, "--wait", "30").code == 0
        timer.join()


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "ten", "86401", ""])
def test_a_wait_that_is_none_is_a_usage_error(seconds, run_command):
    told = run_command("import_undo", "1", "--no-prompt", f"--wait={seconds}")
    assert told.code != 0
    assert "--wait" in told.err
