"""A backup is whole, private and proved by a restore, or it is refused and leaves nothing."""

import errno
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.transaction import TransactionManagementError, atomic

import imports.database.backup
import imports.database.restore
from accounts.models import User
from flows.models import Flow, Secret
from imports.database.backup import find_other_server, make_backup
from imports.database.lock import hold_import_lock
from imports.database.restore import RestoreFailed, restore_backup
from imports.errors import BackupFailed

pytestmark = pytest.mark.django_db(transaction=True)

ON_POSTGRESQL = project_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
only_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="SQLite's own faults")
only_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="pg_dump's own faults")
SUFFIX = ".dump" if ON_POSTGRESQL else ".sqlite3"
PG_DUMP = shutil.which("pg_dump")
FILE_OF_ARGUMENTS = 'for a in "$@"; do case "$a" in --file=*) file="${a#--file=}";; esac; done\n'


@pytest.fixture(autouse=True)
def directory(settings, tmp_path) -> Path:
    """Where backups go; nothing has made it yet."""
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "backups"}
    return settings.ZIGGY["BACKUP_DIR"]


@pytest.fixture(autouse=True)
def _stored_rows() -> None:
    Flow.objects.create(name="Ünï\U0001f600 flow", info="text\n" * 50_000)
    Secret.objects.create(name="TOKEN")
    User.objects.create_user("operator", password="correct horse")


@pytest.fixture
def fake_tool(tmp_path, monkeypatch):
    """Put a script before pg_dump or pg_restore in PATH."""
    programs = tmp_path / "bin"

    def fake(tool: str, script: str) -> None:
        programs.mkdir(exist_ok=True)
        (programs / tool).write_text(f"#!/bin/sh\n{script}\n")
        (programs / tool).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    return fake


def digests() -> dict[str, str]:
    """A SHA-256 over all the rows of each table."""
    with connection.cursor() as cursor:
        found = {}
        # A restore leaves a record of its own.
        tables = {*connection.introspection.table_names(cursor)} - {"imports_importrecord"}
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = sorted(map(repr, cursor.fetchall()))
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        return found


def child_environment() -> dict[str, str]:
    at = connection.settings_dict
    url = (
        f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
        if ON_POSTGRESQL
        else f"sqlite:///{at['NAME']}"
    )
    return os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "ziggy_site.settings",
        "ZIGGY_BACKUP_DIR": str(project_settings.ZIGGY["BACKUP_DIR"]),
    }


@contextmanager
def child(script: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process with Django on the same database, told things by lines on its stdin."""
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys, django\ndjango.setup()\n{script}"],
        env=child_environment(),
        cwd=project_settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def names(directory: Path) -> list[str]:
    """What lies there, but for the notes of the backups."""
    return sorted(file.name for file in directory.iterdir() if file.suffix != ".json")


def let_age_tell_nothing(settings) -> None:
    """Keep no backup for its age: only the number counts."""
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DAYS": 0}


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def refusal() -> str:
    """The message of a refused backup, which changed nothing at all."""
    before = digests()
    with pytest.raises(BackupFailed) as raised:
        make_backup()
    assert raised.value.code == "backup-failed"
    assert digests() == before
    return raised.value.message


def fail(error: BaseException) -> None:
    raise error


def damage(file: Path, *, keep: int) -> Path:
    """A copy of the first bytes of a file."""
    damaged = file.with_name(f"damaged{SUFFIX}")
    damaged.write_bytes(file.read_bytes()[:keep])
    return damaged


# --- a backup ---------------------------------------------------------------------------------


def test_a_backup_says_where_it_is_and_what_it_holds(directory):
    begun = datetime.now(UTC)
    backup = make_backup()
    assert names(directory) == [backup.path.name]
    assert backup.path.parent == directory
    content = backup.path.read_bytes()
    assert backup.size == len(content)
    assert backup.sha256 == hashlib.sha256(content).hexdigest()
    assert backup.path.name.endswith(f"Z{SUFFIX}")
    stamp = backup.path.name.removesuffix(SUFFIX)
    made = datetime.strptime(stamp, "local-%Y%m%dT%H%M%S-%f%z")
    assert begun <= made <= datetime.now(UTC)


def test_a_restored_database_is_what_was_backed_up():
    before = digests()
    backup = make_backup()
    Flow.objects.update(name="overwritten", nodes='[{"id":1}]')
    Flow.objects.create(name="created later")
    Secret.objects.all().delete()
    User.objects.all().delete()
    assert digests() != before
    restore_backup(backup.path)
    assert connection.connection is None  # so that the next query sees the restored state
    assert digests() == before


def test_a_restored_database_can_be_used(client):
    backup = make_backup()
    User.objects.all().delete()
    restore_backup(backup.path)
    assert client.login(username="operator", password="correct horse")
    assert Flow.objects.create(name="next in the sequence").pk > Flow.objects.earliest("pk").pk


def test_two_backups_of_one_microsecond_are_two_files(directory, monkeypatch):
    class StoppedClock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 3, 1, 12, 30, 59, 999_999, tzinfo=tz)

    monkeypatch.setattr(imports.database.backup, "datetime", StoppedClock)
    make_backup()
    make_backup()
    assert names(directory) == [
        f"local-20260301T123059-999999Z{SUFFIX}",
        f"local-20260301T123100-000000Z{SUFFIX}",
    ]


def test_a_backup_is_private_from_its_first_byte(directory, monkeypatch):
    seen = []
    copy = imports.database.backup._copy

    def watched(alias, part):
        seen.append((part.stat().st_size, mode(part)))
        copy(alias, part)
        seen.append((part.stat().st_size, mode(part)))

    monkeypatch.setattr(imports.database.backup, "_copy", watched)
    umask = os.umask(0)
    try:
        backup = make_backup()
    finally:
        os.umask(umask)
    assert seen == [(0, 0o600), (backup.size, 0o600)]
    assert mode(backup.path) == 0o600
    assert mode(directory) == 0o700


def test_a_backup_has_its_final_name_only_when_it_is_verified(directory, monkeypatch):
    seen = []
    for step in ("check_sqlite", "check_postgresql", "_sync"):
        original = getattr(imports.database.backup, step)

        def watched(*arguments, original=original):
            original(*arguments)
            seen.append(names(directory))

        monkeypatch.setattr(imports.database.backup, step, watched)
    backup = make_backup()
    assert seen == [[f"{backup.path.name}.part"], [backup.path.name]]


def test_the_directory_is_made_with_its_parents(settings, tmp_path):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "a" / "b"}
    assert make_backup().path.parent == tmp_path / "a" / "b"


def test_what_others_have_not_committed_is_no_part_of_a_backup():
    before = digests()
    script = """
from django.db import transaction
from flows.models import Flow
with transaction.atomic():
    Flow.objects.create(name="not committed")
    print("written", flush=True)
    sys.stdin.readline()
"""
    with child(script) as writer:
        assert writer.stdout.readline() == "written\n"
        backup = make_backup()
        writer.communicate("go on\n")
    assert Flow.objects.filter(name="not committed").exists()
    restore_backup(backup.path)
    assert digests() == before


def test_a_reader_elsewhere_does_not_hold_a_backup_up():
    script = """
from django.db import connection
from flows.models import Flow
connection.ensure_connection()
with connection.cursor() as cursor:
    cursor.execute("BEGIN")
    cursor.execute("SELECT * FROM flows_flow")
    print("reading", flush=True)
    sys.stdin.readline()
"""
    with child(script) as reader:
        assert reader.stdout.readline() == "reading\n"
        begun = time.monotonic()
        make_backup()
        assert time.monotonic() - begun < 5
        reader.communicate("go on\n")


@only_sqlite
def test_what_a_killed_writer_left_in_the_write_ahead_log_is_backed_up():
    script = """
import os, signal
from django.db import connection
from flows.models import Flow
with connection.cursor() as cursor:
    cursor.execute("PRAGMA wal_autocheckpoint = 0")
Flow.objects.create(name="only in the log")
os.kill(os.getpid(), signal.SIGKILL)
"""
    connection.close()
    with child(script) as writer:
        assert writer.wait() == -signal.SIGKILL
    database = Path(connection.settings_dict["NAME"])
    assert b"only in the log" in database.with_name(f"{database.name}-wal").read_bytes()
    backup = make_backup()
    Flow.objects.all().delete()
    restore_backup(backup.path)
    assert Flow.objects.filter(name="only in the log").exists()


@only_sqlite
def test_a_database_with_the_journal_of_a_killed_writer_is_backed_up(tmp_path, monkeypatch):
    database = tmp_path / "live.sqlite3"
    with closing(sqlite3.connect(database)) as live:
        live.execute("CREATE TABLE django_migrations (name)")
        live.executemany("INSERT INTO django_migrations VALUES (?)", [("x" * 4000,)] * 100)
        live.commit()
    half_a_write = """
import os, signal, sqlite3, sys
live = sqlite3.connect(sys.argv[1])
live.execute("PRAGMA cache_size = 5")
live.execute("UPDATE django_migrations SET name = 'half'")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", half_a_write, database], check=False)
    assert database.with_name("live.sqlite3-journal").stat().st_size > 0
    monkeypatch.setitem(connection.settings_dict, "NAME", database)
    backup = make_backup()
    with closing(sqlite3.connect(backup.path)) as copy:
        assert copy.execute("SELECT count(*), min(name) FROM django_migrations").fetchall() == [
            (100, "x" * 4000)
        ]


# --- old backups ------------------------------------------------------------------------------


def test_the_newest_backups_are_kept_and_nothing_else_is_touched(settings, directory):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 3}
    directory.mkdir()
    others = {
        f"local-eu-20250101T000000-000000Z{SUFFIX}",
        f"local-20250101T000000-000000Z{SUFFIX}.sha256",
        f"local-20250101T000000Z{SUFFIX}",
        f"my-local-20250101T000000-000000Z{SUFFIX}",
        f"production-20250101T000000-000000Z{SUFFIX}",
        "README",
    }
    old = [f"local-2025010{day}T000000-000000Z{SUFFIX}" for day in range(1, 6)]
    for name in others | set(old):
        (directory / name).write_text("content")
    backup = make_backup()
    assert set(names(directory)) == others | {old[3], old[4], backup.path.name}


@pytest.mark.parametrize("keep", [0, 1])
def test_the_new_backup_is_always_kept(settings, directory, keep):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": keep}
    let_age_tell_nothing(settings)
    directory.mkdir()
    for second in range(3):
        old = directory / f"local-20990101T00000{second}-000000Z{SUFFIX}"
        old.write_text("from a fast clock")
    backup = make_backup()
    assert names(directory) == [backup.path.name]


def test_a_spared_backup_is_kept_and_does_not_count(settings, directory):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 2}
    let_age_tell_nothing(settings)
    spared = make_backup()
    dropped = make_backup(sparing=spared.path)
    kept = make_backup(sparing=Path(os.path.relpath(spared.path)))
    backup = make_backup(sparing=spared.path)
    assert not dropped.path.exists()
    assert names(directory) == [spared.path.name, kept.path.name, backup.path.name]


def test_a_failed_backup_removes_no_old_one(settings, directory, monkeypatch):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 3}
    for _ in range(3):
        make_backup()
    before = names(directory)
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 1}
    monkeypatch.setattr(
        imports.database.backup, "_copy", lambda *_: fail(OSError(28, "No space left"))
    )
    refusal()
    assert names(directory) == before


def test_the_part_of_a_killed_backup_is_removed_when_none_can_still_write_it(settings, directory):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_TIMEOUT": 600}
    directory.mkdir()
    for number, age in enumerate((1190, 1210)):
        for kind in ("part", "part-journal"):
            part = directory / f"local-20250101T000000-00000{number}Z{SUFFIX}.{kind}"
            part.write_text("half")
            os.utime(part, (time.time() - age,) * 2)
    backup = make_backup()
    assert names(directory) == [
        f"local-20250101T000000-000000Z{SUFFIX}.part",
        f"local-20250101T000000-000000Z{SUFFIX}.part-journal",
        backup.path.name,
    ]


def test_old_backups_that_cannot_be_removed_fail_no_new_one(
    settings, directory, monkeypatch, caplog
):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 1}
    let_age_tell_nothing(settings)
    first = make_backup()
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: fail(OSError(1, "not permitted")))
    assert make_backup().path.exists()
    assert first.path.exists()
    assert "Old backups were not removed: [Errno 1] not permitted" in caplog.text


class Clock(datetime):
    """A clock that a test sets: `Clock.day = 3`."""

    day = 0.0

    @classmethod
    def now(cls, tz=None):
        return datetime(2026, 3, 1, 12, tzinfo=tz) + timedelta(days=cls.day)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(imports.database.backup, "datetime", Clock)
    monkeypatch.setattr(Clock, "day", 0.0)
    return Clock


def test_a_backup_is_kept_while_it_is_young_or_among_the_newest(settings, directory, clock):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 2, "BACKUP_DAYS": 30}
    made = []
    for clock.day in (0, 1, 2, 30.5, 33):
        made.append(make_backup().path.name)
        if clock.day < 30:
            assert names(directory) == sorted(made)
    assert names(directory) == made[3:]
    assert {file.name for file in directory.glob("*.json")} == {f"{one}.json" for one in made[3:]}


def test_after_the_clock_went_back_the_newest_backup_is_the_last_one_made(
    settings, directory, clock
):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 2}
    let_age_tell_nothing(settings)
    clock.day = 300
    made = [make_backup().path.name for _ in range(2)]
    for clock.day in (0, 1, 0.5):
        made.append(make_backup().path.name)
        assert set(names(directory)) == set(made[-2:])


def test_all_together_have_no_more_bytes_than_they_may(settings, directory):
    made = [make_backup() for _ in range(3)]
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_MAX_BYTES": made[-1].size * 2 + made[-1].size // 2}
    last = make_backup()
    assert names(directory) == [made[2].path.name, last.path.name]
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_MAX_BYTES": 1}
    newest = make_backup(sparing=made[2].path)
    assert names(directory) == [made[2].path.name, newest.path.name]


def test_the_note_of_a_backup_has_what_was_verified_and_is_private(directory):
    for number in (1, 2):
        backup = make_backup()
        note = backup.path.with_name(f"{backup.path.name}.json")
        content = json.loads(note.read_text())
        assert datetime.fromisoformat(content.pop("verifiedAt")) <= datetime.now(UTC)
        assert content == {"sequence": number, "size": backup.size, "sha256": backup.sha256}
        assert mode(note) == 0o600


def test_a_copied_backup_is_as_old_as_its_note_says(settings, directory, clock):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 1, "BACKUP_DAYS": 30}
    old = make_backup().path
    os.utime(old)  # as a copy has the time of copying
    clock.day = 31
    backup = make_backup()
    assert names(directory) == [backup.path.name]


def test_half_a_backup_takes_no_place_among_the_newest(settings, directory):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 2}
    let_age_tell_nothing(settings)
    whole, half = make_backup(), make_backup()
    with half.path.open("r+b") as file:
        file.truncate(half.size // 2)
    backup = make_backup()
    assert names(directory) == [whole.path.name, backup.path.name]


@pytest.mark.parametrize("note", ["", "{", "[]", '{"sequence": null}', '{"sequence": 9}'])
def test_a_backup_with_a_note_that_is_none_counts_as_the_oldest(settings, directory, note):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 2}
    let_age_tell_nothing(settings)
    first, second = make_backup(), make_backup()
    second.path.with_name(f"{second.path.name}.json").write_text(note)
    backup = make_backup()
    assert names(directory) == [first.path.name, backup.path.name]


def test_servers_that_share_a_directory_remove_nothing_of_each_other(settings, directory):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 1}
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_MAX_BYTES": 1}
    let_age_tell_nothing(settings)
    kept = set()
    for name in ("local", "local-eu", "eu"):
        settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": name}
        kept.add(make_backup().path.name)
    assert set(names(directory)) == kept


def test_the_note_of_a_backup_that_somebody_removed_goes_when_none_can_still_be_made(
    settings, directory
):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_TIMEOUT": 600}
    removed = make_backup()
    removed.path.unlink()
    note = removed.path.with_name(f"{removed.path.name}.json")
    make_backup()
    assert note.exists()
    os.utime(note, (time.time() - 1210,) * 2)
    make_backup()
    assert not note.exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_backup_that_cannot_be_noted_leaves_nothing(directory, monkeypatch, error):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(json, "dump", lambda *_: fail(error))
    with pytest.raises((BackupFailed, KeyboardInterrupt)):
        make_backup()
    assert not list(directory.iterdir())


# --- failures on both databases ---------------------------------------------------------------


def test_no_backup_directory(settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "file" / "backups"}
    assert refusal() == (
        f"The database was not backed up. {settings.ZIGGY['BACKUP_DIR']}: Not a directory. "
        "Set ZIGGY_BACKUP_DIR to a directory that this process may write."
    )


def test_a_backup_directory_that_is_a_file(settings, directory):
    directory.write_text("mine")
    assert refusal() == (
        f"The database was not backed up. {directory}: File exists. "
        "Set ZIGGY_BACKUP_DIR to a directory that this process may write."
    )
    assert directory.read_text() == "mine"


def test_a_backup_directory_that_leads_nowhere(settings, directory, tmp_path):
    (tmp_path / "file").write_text("")
    directory.symlink_to(tmp_path / "file" / "nowhere")
    assert "Set ZIGGY_BACKUP_DIR to a directory that this process may write." in refusal()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a directory nobody may write")
def test_a_backup_directory_that_is_not_writable(settings):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": Path("/proc")}
    assert refusal().endswith("Set ZIGGY_BACKUP_DIR to a directory that this process may write.")


@pytest.mark.parametrize("kilobytes", [0, 1, 4, 12, 40])
def test_a_full_disk(directory, kilobytes):
    older = make_backup()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = kilobytes * 1024
    assert limit < older.size
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(BackupFailed) as raised:
            make_backup()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.message.endswith(
        "Make room there, or set ZIGGY_BACKUP_DIR to a directory on another disk."
    )
    assert names(directory) == [older.path.name]


def test_a_full_disk_on_which_sqlite_left_its_journal(directory, monkeypatch):
    def copy(_alias, part):
        part.with_name(f"{part.name}-journal").write_text("header")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(imports.database.backup, "_copy", copy)
    assert refusal() == (
        f"The database was not backed up. {directory}: No space left on device. "
        "Make room there, or set ZIGGY_BACKUP_DIR to a directory on another disk."
    )
    assert names(directory) == []


@pytest.mark.parametrize("point", ["_copy", "_sync", "check"])
def test_an_interrupted_backup_leaves_nothing(directory, monkeypatch, point):
    if point == "check":
        point = "check_postgresql" if ON_POSTGRESQL else "check_sqlite"
    monkeypatch.setattr(imports.database.backup, point, lambda *_: fail(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        make_backup()
    assert names(directory) == []


# --- failures of SQLite -----------------------------------------------------------------------


@only_sqlite
def test_a_database_that_is_not_there(directory, tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", tmp_path / "missing.sqlite3")
    with pytest.raises(BackupFailed) as raised:
        make_backup()
    assert raised.value.message == (
        f"The database was not backed up. There is no database {tmp_path / 'missing.sqlite3'}. "
        "Correct DATABASE_URL, or run migrate."
    )
    assert not (tmp_path / "missing.sqlite3").exists()
    assert names(directory) == []


@only_sqlite
def test_a_database_that_another_process_keeps_locked(directory, monkeypatch):
    monkeypatch.setattr(imports.database.backup, "BUSY_SECONDS", 0.3)
    connection.close()
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("UPDATE flows_flow SET timeout = 1")
        begun = time.monotonic()
        with pytest.raises(BackupFailed) as raised:
            make_backup()
    assert 0.3 <= time.monotonic() - begun < 5
    assert raised.value.message == (
        "The database was not backed up. SQLite: database is locked. Another process keeps the "
        "database locked: try again when it has finished."
    )
    assert names(directory) == []


@only_sqlite
def test_a_copy_that_is_damaged(directory, monkeypatch):
    # The check is shown a copy whose second half was never written.
    check = imports.database.backup.check_sqlite

    def cut(part):
        os.truncate(part, part.stat().st_size // 8192 * 4096)
        check(part)

    monkeypatch.setattr(imports.database.backup, "check_sqlite", cut)
    assert refusal() == (
        "The database was not backed up. SQLite: database disk image is malformed. "
        "The database or its copy is damaged: check the disks."
    )
    assert names(directory) == []


# --- failures of pg_dump ----------------------------------------------------------------------


@only_postgresql
def test_no_pg_dump(directory, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal() == (
        "The database was not backed up. pg_dump was not found. Install the PostgreSQL client "
        "tools of the server's major version, or set PATH."
    )
    assert names(directory) == []


@only_postgresql
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 1", "pg_dump failed: exit code 1."),
        (
            "echo 'pg_dump: warning: odd' >&2; echo 'pg_dump: error: broken' >&2; "
            "echo 'DETAIL: a row' >&2; exit 1",
            "pg_dump failed: pg_dump: error: broken.",
        ),
        (
            "echo 'pg_dump: error: aborting because of server version mismatch' >&2; exit 1",
            "pg_dump failed: pg_dump: error: aborting because of server version mismatch. Install "
            "the PostgreSQL client tools of the server's major version, or set PATH.",
        ),
        (
            "echo 'pg_dump: error: could not write to file: No space left on device' >&2; exit 1",
            "pg_dump failed: pg_dump: error: could not write to file: No space left on device. "
            "Make room there, or set ZIGGY_BACKUP_DIR to a directory on another disk.",
        ),
        ("kill -9 $$", "pg_dump failed: it was killed by SIGKILL."),
        (
            "exit 0",
            "pg_restore failed: pg_restore: error: input file is too short (read 0, expected 5).",
        ),
    ],
    ids=["silent", "error", "version", "disk full", "killed", "empty"],
)
def test_a_pg_dump_that_fails(directory, fake_tool, script, reason):
    older = make_backup()
    fake_tool("pg_dump", script)
    assert refusal() == f"The database was not backed up. {reason}"
    assert names(directory) == [older.path.name]


@only_postgresql
@pytest.mark.parametrize("kept", ["50 / 100", "90 / 100", "99 / 100", "1 - 1"])
def test_a_pg_dump_that_writes_half_and_says_nothing(directory, fake_tool, kept):
    fake_tool(
        "pg_dump",
        FILE_OF_ARGUMENTS
        + f'{PG_DUMP} "$@" && truncate -s $(( $(stat -c %s "$file") * {kept} )) "$file"',
    )
    assert refusal() == (
        "The database was not backed up. pg_restore failed: "
        "pg_restore: error: could not read from input file: end of file."
    )
    assert names(directory) == []


@only_postgresql
@pytest.mark.parametrize("tool", ["pg_dump", "pg_restore"])
def test_a_tool_that_hangs(settings, directory, fake_tool, tool):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_TIMEOUT": 1}
    fake_tool(tool, "exec sleep 60")
    begun = time.monotonic()
    assert refusal() == (
        f"The database was not backed up. {tool} was stopped after 1 seconds. If the database is "
        "large, raise ZIGGY_BACKUP_TIMEOUT; else look for a session that blocks it."
    )
    assert time.monotonic() - begun < 10
    assert names(directory) == []


@only_postgresql
def test_a_table_that_another_session_keeps_locked(settings, directory):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_TIMEOUT": 1}
    with closing(connection.copy()) as other:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE flows_flow IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(BackupFailed, match="pg_dump was stopped after 1 seconds"):
            make_backup()
    assert names(directory) == []


@only_postgresql
def test_the_password_is_no_argument_and_in_no_message(directory, fake_tool, monkeypatch, tmp_path):
    canary = "CANARY-7d1f"
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", canary)
    seen = tmp_path / "seen"
    fake_tool(
        "pg_dump",
        f'echo "$PGPASSWORD / $@" > {seen}; echo "pg_dump: error: $PGPASSWORD is wrong" >&2; exit 1',
    )
    with pytest.raises(BackupFailed) as raised:
        make_backup()
    assert raised.value.message == (
        "The database was not backed up. pg_dump failed: pg_dump: error: *** is wrong."
    )
    password, arguments = seen.read_text().split(" / ")
    assert password == canary
    assert canary not in arguments


@only_postgresql
def test_a_server_that_does_not_answer(directory, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)
    with pytest.raises(BackupFailed, match=r"pg_dump failed: .* port 1 failed: Connection refused"):
        make_backup()
    assert names(directory) == []


# --- a restore --------------------------------------------------------------------------------


def test_a_restore_is_seen_by_a_process_that_has_the_database_open():
    script = """
from flows.models import Flow
for line in sys.stdin:
    print(Flow.objects.count(), flush=True)
"""
    before = digests()
    backup = make_backup()
    Flow.objects.create(name="created later")
    with child(script) as other:

        def count_there() -> int:
            other.stdin.write("count\n")
            other.stdin.flush()
            return int(other.stdout.readline())

        assert count_there() == 2
        restore_backup(backup.path)
        assert count_there() == 1
        other.communicate()
    connection.close()
    assert digests() == before


@pytest.mark.parametrize("percent", [0, 50, 90, 99])
def test_a_truncated_backup_is_not_restored(percent):
    backup = make_backup()
    damaged = damage(backup.path, keep=backup.size * percent // 100)
    Flow.objects.create(name="created later")
    before = digests()
    with pytest.raises(RestoreFailed) as raised:
        restore_backup(damaged)
    assert raised.value.code == "unsound-backup"
    assert raised.value.message.startswith(f"{damaged} is not a sound backup of this database. ")
    assert digests() == before


# Where the page that is hit belongs to the schema, SQLite cannot even begin to check.
_DAMAGED = (
    r"backup of this database\. "
    r"(The file is damaged: |SQLite: database disk image is malformed)"
)


@only_sqlite
def test_a_backup_with_a_damaged_page_is_not_restored():
    path = make_backup().path
    with path.open("r+b") as file:  # in the long text, whose pages are a chain
        file.seek(path.read_bytes().index(b"text\ntext\n") // 4096 * 4096 + 4096 * 10)
        file.write(bytes(4096))
    before = digests()
    with pytest.raises(RestoreFailed, match=_DAMAGED):
        restore_backup(path)
    assert digests() == before


@pytest.mark.parametrize("content", [b"", b"text", b"SQLite format 3\0", b"PGDMP"])
def test_a_file_that_is_no_backup_is_not_restored(tmp_path, content):
    before = digests()
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(RestoreFailed, match="is not a sound backup of this database"):
        restore_backup(file)
    assert digests() == before


@only_sqlite
def test_a_database_of_something_else_is_not_restored(tmp_path):
    before = digests()
    file = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(RestoreFailed) as raised:
        restore_backup(file)
    assert raised.value.message == (
        f"{file} is not a sound backup of this database. The file has no table "
        "django_migrations, so it is no server's database."
    )
    assert digests() == before


def test_a_backup_that_is_not_there_is_not_restored(tmp_path):
    with pytest.raises(RestoreFailed) as raised:
        restore_backup(tmp_path / "missing")
    assert raised.value.code == "no-backup"
    assert raised.value.message == f"There is no file {tmp_path / 'missing'}."


def test_a_restore_inside_a_transaction_is_refused():
    backup = make_backup()
    Flow.objects.create(name="created later")
    with atomic(), pytest.raises(TransactionManagementError):
        restore_backup(backup.path)
    assert Flow.objects.count() == 2


@only_sqlite
def test_a_restore_gives_up_when_another_process_writes(monkeypatch):
    monkeypatch.setattr(imports.database.restore, "BUSY_SECONDS", 0.3)
    backup = make_backup()
    Flow.objects.create(name="created later")
    before = digests()
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(RestoreFailed) as raised:
            restore_backup(backup.path)
    assert 0.3 <= time.monotonic() - begun < 5
    assert raised.value.message == (
        "The database was not restored and is as before. Another process is writing to it: "
        "stop that process and try again."
    )
    assert digests() == before


def test_a_lost_table_is_restored():
    before = digests()
    backup = make_backup()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE flows_secret")
    restore_backup(backup.path)
    assert digests() == before


@only_sqlite
def test_a_lost_database_file_is_restored(tmp_path, monkeypatch):
    before = digests()
    backup = make_backup()
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", tmp_path / "new.sqlite3")
    restore_backup(backup.path)
    assert digests() == before
    connection.close()


@only_postgresql
def test_a_restore_that_fails_halfway_changes_nothing(fake_tool):
    backup = make_backup()
    Flow.objects.create(name="created later")
    with connection.cursor() as cursor:  # which pg_restore does not know and so cannot drop
        cursor.execute("CREATE VIEW later AS SELECT name FROM flows_flow")
    before = digests()
    try:
        with pytest.raises(RestoreFailed) as raised:
            restore_backup(backup.path)
        assert digests() == before
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW later")
    assert raised.value.code == "restore-failed"
    assert raised.value.message == (
        "The database was not restored and is as before. pg_restore failed: pg_restore: error: "
        "could not execute query: ERROR:  cannot drop table public.flows_flow because other "
        "objects depend on it."
    )


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], Any], *, seconds: float = 10) -> Any:
    """What the condition gives once that is true, or in the end."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@only_postgresql
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
@pytest.mark.parametrize(
    ("command", "tool"), [("database_restore", "pg_restore"), ("database_backup", "pg_dump")]
)
def test_what_a_killed_command_started_ends_with_it(command, tool):
    arguments = [str(make_backup().path), "--no-backup", "--no-prompt"]
    Flow.objects.create(name="created later")
    before = digests()

    def sessions(waiting: str = "") -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT pid FROM pg_stat_activity WHERE application_name = %s {waiting}", [tool]
            )
            return cursor.fetchall()

    with closing(connection.copy()) as other, other.cursor() as blocking:
        blocking.execute("BEGIN")
        blocking.execute("LOCK TABLE flows_flow IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(
            [
                *(sys.executable, "manage.py", command),
                *(arguments if command == "database_restore" else ()),
            ],
            env=child_environment(),
            cwd=project_settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert until(lambda: sessions("AND wait_event_type = 'Lock'"))
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            [child] = map(int, children.read_text().split())
            process.kill()
        gone = until(lambda: not is_running(child), seconds=3)
        blocking.execute("ROLLBACK")
    assert until(lambda: not sessions())
    assert gone
    assert digests() == before


# --- the commands -----------------------------------------------------------------------------


def run_command(name: str, *arguments: str) -> tuple[dict, str, int]:
    """The command's answer, what it told people, and its exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
        code = error.returncode
    return json.loads(out.getvalue() or "{}"), err.getvalue(), code


@pytest.fixture
def answer_at_terminal(monkeypatch):
    def type_in(text: str) -> None:
        terminal = io.StringIO(text)
        terminal.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", terminal)

    return type_in


def test_database_backup_answers_with_the_backup(directory):
    answer, told, code = run_command("database_backup", "--server", "local")
    [file] = directory.glob(f"*{SUFFIX}")
    seconds = answer["data"].pop("seconds")
    assert 0 < seconds < 60
    assert answer == {
        "status": 201,
        "statusText": "Created",
        "data": {
            "path": str(file),
            "size": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        },
    }
    assert told == f"Backed up local to {file}.\n"
    assert code == 0


def test_database_backup_that_fails_answers_503(directory):
    directory.write_text("")
    answer, told, code = run_command("database_backup")
    assert (answer["status"], answer["statusText"]) == (503, "Service Unavailable")
    assert answer["data"]["message"] == told
    assert answer["data"]["issues"] == []
    assert told.startswith("The database was not backed up.")
    assert code == 6


@pytest.mark.parametrize(
    "command", [("database_backup",), ("database_restore", "a", "--no-prompt")]
)
def test_a_server_that_is_not_known_is_refused(directory, command):
    answer, told, code = run_command(*command, "--server", "production")
    assert (answer["status"], code) == (404, 8)
    assert told == 'There is no server "production" here. The servers are: local.'
    assert not directory.exists()


def test_database_restore_restores_and_can_be_taken_back(settings, directory):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 1, "BACKUP_DAYS": 0}
    before, backup = digests(), make_backup()
    Flow.objects.create(name="created later")
    later = digests()

    answer, told, code = run_command("database_restore", str(backup.path), "--no-prompt")
    assert digests() == before
    safety_backup = answer["data"]["safetyBackup"]
    assert names(directory) == [backup.path.name, Path(safety_backup).name]
    assert answer == {
        "status": 200,
        "statusText": "OK",
        "data": {
            "restored": str(backup.path),
            "safetyBackup": safety_backup,
            "record": answer["data"]["record"],
            "sessionsEnded": 0,
            "sessionsKeptBy": None,
            "keysRevoked": 0,
            "loginsRevoked": 0,
            "tokenIssuers": ["accounts"],
            "accountsActiveAgain": [],
            "needsMigration": False,
        },
    }
    assert told == (
        f"Restored local from {backup.path}. Ended: 0 sessions, 0 API keys, 0 API logins (all "
        "sessions, and the keys and logins that were not valid before the restore). These are the "
        "keys and logins of accounts; those of any other app are the backup's.\n"
    )
    assert code == 0

    answer, _, code = run_command("database_restore", safety_backup, "--no-prompt", "--no-backup")
    assert digests() == later
    assert answer["data"]["safetyBackup"] is None
    assert code == 0


@pytest.mark.parametrize("typed", ["y\n", "YES\n"])
def test_database_restore_asks_and_takes_a_yes(answer_at_terminal, typed):
    before, backup = digests(), make_backup()
    Flow.objects.create(name="created later")
    answer_at_terminal(typed)
    answer, told, code = run_command("database_restore", str(backup.path))
    assert told.startswith(
        f'Put the server "local" back to {backup.path}? What was written to it since then will be '
        "lost. [y/N] "
    )
    assert (answer["status"], code) == (200, 0)
    assert digests() == before


def test_a_backup_that_by_its_name_is_another_servers_is_pointed_out(answer_at_terminal):
    backup = make_backup()
    other = backup.path.with_name(backup.path.name.replace("local-", "prod%20eu-", 1))
    backup.path.rename(other)
    said = 'By its name, the backup is of the server "prod eu", not of "local".'
    answer_at_terminal("n\n")
    _, told, _ = run_command("database_restore", str(other))
    assert told.startswith(
        f'Put the server "local" back to {other}? What was written to it since then will be lost. '
        f"{said} [y/N] "
    )
    _, told, code = run_command("database_restore", str(other), "--no-prompt", "--no-backup")
    assert f"\n! {said}\n" in told
    assert code == 0


@pytest.mark.parametrize("name", ["a copy", "local-20261124T083258-553987Z.sqlite3"])
def test_of_which_server_a_backup_is_that_is_named_otherwise_nobody_says(name, tmp_path):
    assert find_other_server(tmp_path / name) is None


@pytest.mark.parametrize("typed", ["\n", "", "n\n", "yeah\n"])
def test_database_restore_asks_and_takes_all_else_for_a_no(directory, answer_at_terminal, typed):
    backup = make_backup()
    Flow.objects.create(name="created later")
    before = digests()
    answer_at_terminal(typed)
    answer, _, code = run_command("database_restore", str(backup.path))
    assert answer == {
        "status": 200,
        "statusText": "OK",
        "data": {"message": "Operation cancelled by user"},
    }
    assert code == 0
    assert digests() == before
    assert names(directory) == [backup.path.name]


def test_database_restore_takes_no_terminal_for_an_error(monkeypatch):
    backup = make_backup()
    Flow.objects.create(name="created later")
    before = digests()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    answer, told, code = run_command("database_restore", str(backup.path))
    assert (answer, code) == ({}, 2)
    assert told == (
        "Standard input is no terminal, so there is nobody to ask. "
        "Say --no-prompt to go on without being asked."
    )
    assert digests() == before


def test_database_restore_waits_for_no_import(settings):
    settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
    backup = make_backup()
    Flow.objects.create(name="created later")
    before = digests()
    with hold_import_lock(wait=0):
        answer, told, code = run_command("database_restore", str(backup.path), "--no-prompt")
    assert (answer["status"], code) == (409, 4)
    assert told == "An import is running on this database: restore when it has finished."
    assert digests() == before


def test_database_restore_asks_nothing_about_a_backup_that_is_not_sound(
    directory, answer_at_terminal
):
    backup = make_backup()
    damaged = damage(backup.path, keep=backup.size // 2)
    answer_at_terminal("y\n")
    answer, told, code = run_command("database_restore", str(damaged))
    assert (answer["status"], code) == (503, 1)
    assert told == answer["data"]["message"]
    assert told.startswith(f"{damaged} is not a sound backup of this database. ")
    assert names(directory) == sorted([backup.path.name, damaged.name])  # and no safety backup


def test_database_restore_that_cannot_back_up_first_restores_nothing(settings, directory, tmp_path):
    backup = make_backup()
    Flow.objects.create(name="created later")
    before = digests()
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "file"}
    settings.ZIGGY["BACKUP_DIR"].write_text("")
    answer, _, code = run_command("database_restore", str(backup.path), "--no-prompt")
    assert (answer["status"], code) == (503, 6)
    assert digests() == before


def test_the_commands_reach_a_registered_server_and_exit_with_the_code(directory, tmp_path):
    environment = child_environment() | {
        "ZIGGY_SERVERS": f"production eu=sqlite:///{tmp_path / 'production.sqlite3'}"
    }

    def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=environment,
            cwd=project_settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    early = manage("database_backup", "--server", "production eu")
    assert early.returncode == 6
    assert json.loads(early.stdout)["data"]["message"] in early.stderr
    assert manage("migrate", "--database", "production eu").returncode == 0
    done = manage("database_backup", "--server", "production eu")
    assert done.returncode == 0
    path = Path(json.loads(done.stdout)["data"]["path"])
    assert path.name.startswith("production%20eu-2")
    assert path.suffix == ".sqlite3"
    assert manage("database_restore", str(path), "-s", "production eu").returncode == 2
    restored = manage("database_restore", str(path), "-s", "production eu", "--no-prompt")
    assert restored.returncode == 0
    assert len(names(directory)) == 2
