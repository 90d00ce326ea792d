"""A drill says of a backup what a restore of it would be, and leaves the server as it is."""

import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as project_settings
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

import imports.database.backup
from flows.database.locks import hold_lock
from flows.documents.models import StoredDocument
from flows.models import EncryptionCanary, Flow, Secret
from imports.database import scratch
from imports.database.backup import make_backup, make_passing_backup
from imports.database.backup_archive import UnsoundArchive, write_archive
from imports.database.drill import Keys, Migrations, verify_backup
from imports.database.drill_results import read_drill_result
from imports.database.restore import RestoreFailed
from imports.database.scratch import ScratchUnusable
from tests.support.importing import child_environment

pytestmark = pytest.mark.django_db(transaction=True)

ON_POSTGRESQL = project_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
only_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="the server's own faults")
only_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="a database on a server takes seconds")


@pytest.fixture(autouse=True)
def _stored_rows() -> None:
    Flow.objects.create(name="Ünï\U0001f600 flow\\", info="tab\t, line\n" * 3_000)
    Secret.objects.create(name="TOKEN", dev_value="CANARY-41c7")


@pytest.fixture
def directory(backup_directory) -> Path:
    return backup_directory


def left_over(directory: Path) -> list[str]:
    """What a drill must not leave: scratch directories and databases."""
    found = [file.name for file in directory.iterdir() if file.name.startswith(".verify-")]
    if ON_POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{mine()}%"])
            found += [name for (name,) in cursor.fetchall()]
    return [*found, *(each.alias for each in connections.all(True) if "scratch" in each.alias)]


def mine() -> str:
    """The name of this database's scratch: other tests have theirs."""
    name = scratch.sha256(connection.settings_dict["NAME"].encode()).hexdigest()[:16]
    return f"ziggy\\_verify\\_{name}"


def archive() -> bytes:
    out = io.BytesIO()
    with make_passing_backup() as backup:
        write_archive(backup, out)
    return out.getvalue()


def damage(file: Path, *, keep: float) -> Path:
    """A copy that was cut off, without a note."""
    copy = file.with_name(f"cut-{file.name}")
    copy.write_bytes(file.read_bytes()[: int(file.stat().st_size * keep)])
    return copy


def test_a_sound_backup_is_what_it_says(directory):
    begun = datetime.now(UTC)
    backup = make_backup(with_digests=True)
    Flow.objects.create(name="later")
    drill = verify_backup(backup.path)
    assert drill.problems == ()
    assert drill.has_digests
    assert (drill.keys, drill.migrations) == (Keys.OPEN, Migrations.CURRENT)
    assert (drill.backup, drill.damaged_documents) == (backup.path.name, 0)
    assert drill.made_at >= begun
    assert drill.tables > 20
    assert drill.rows > 100
    assert 0 < drill.restore_seconds < drill.seconds
    assert left_over(directory) == []
    assert Flow.objects.filter(name="later").exists()
    result = read_drill_result()
    assert (result.backup, result.problems) == (backup.path.name, ())
    assert begun < result.at <= datetime.now(UTC)
    assert result.seconds > 0


def test_a_backup_that_is_not_what_is_needed_is_not_sound(directory, settings):
    MigrationRecorder(connection).record_applied("flows", "9999_of_tomorrow")
    backup = make_backup(with_digests=True).path
    MigrationRecorder(connection).record_unapplied("flows", "9999_of_tomorrow")
    note = backup.with_name(f"{backup.name}.json")
    content = json.loads(note.read_text())
    # What the server has now is not looked at.
    Secret.objects.all().delete()
    EncryptionCanary.objects.all().delete()
    content["tables"]["flows_flow"]["sha256"] = "0" * 64
    del content["tables"]["flows_secret"]
    note.write_text(json.dumps(content))
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    drill = verify_backup(backup)
    assert drill.problems == ("content-differs", "wrong-encryption-key", "unknown-migrations")
    assert drill.differing == ("flows_flow", "flows_secret")
    assert drill.unknown_migrations == ("flows.9999_of_tomorrow",)
    assert drill.damaged_documents is None
    assert read_drill_result().problems == drill.problems
    assert left_over(directory) == []


@only_sqlite
def test_one_changed_row_changes_the_digest_of_its_table_alone():
    first = make_backup(with_digests=True).path
    Flow.objects.update(info="other")
    second = make_backup(with_digests=True).path
    shutil.copy(first.with_name(f"{first.name}.json"), first.with_name("kept.json"))
    said = json.loads(first.with_name("kept.json").read_text())
    note = second.with_name(f"{second.name}.json")
    note.write_text(json.dumps({**json.loads(note.read_text()), "tables": said["tables"]}))
    assert verify_backup(second).differing == ("flows_flow",)


@only_postgresql
def test_digests_are_of_the_state_that_pg_dump_reads(monkeypatch):
    run = imports.database.backup.run_postgresql_tool

    def write_first(*arguments, **options):
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("UPDATE flows_flow SET info = 'written meanwhile'")
        run(*arguments, **options)

    monkeypatch.setattr(imports.database.backup, "run_postgresql_tool", write_first)
    assert verify_backup(make_backup(with_digests=True).path).problems == ()


@only_sqlite
def test_a_backup_without_digests_is_looked_at_all_the_same():
    drill = verify_backup(make_backup().path)
    assert (drill.has_digests, drill.problems) == (False, ())
    assert drill.made_at


@only_sqlite
def test_a_backup_of_an_earlier_version_is_sound_and_says_so():
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("imports", "0025_pruning")
    backup = make_backup(with_digests=True).path
    recorder.record_applied("imports", "0025_pruning")
    drill = verify_backup(backup)
    assert (drill.migrations, drill.problems) == (Migrations.EARLIER, ())
    assert drill.damaged_documents is None


@only_sqlite
def test_a_damaged_document_is_found():
    StoredDocument.objects.update(body=b"damaged")
    assert StoredDocument.objects.exists()
    backup = make_backup(with_digests=True).path
    Flow.objects.all().delete()
    StoredDocument.objects.all().delete()
    drill = verify_backup(backup)
    assert drill.problems == ("damaged-documents",)


def test_a_stream_that_is_cut_off_or_changed_is_refused(directory):
    whole = archive()
    for part in range(12):
        with pytest.raises((UnsoundArchive, RestoreFailed)):
            verify_backup(io.BytesIO(whole[: len(whole) * part // 12]))
    for part in range(12):
        changed = bytearray(whole)
        # The note's other keys may be changed to what they are compared by, which is not refused.
        place = 12_000 + (len(whole) - 12_001) * part // 11
        changed[place] ^= 4
        with pytest.raises(UnsoundArchive):
            verify_backup(io.BytesIO(bytes(changed)))
    assert read_drill_result() is None  # of the backups of this server it says nothing
    assert left_over(directory) == []


@pytest.mark.parametrize("is_sound", [True, False])
def test_what_is_found_in_a_backup_from_elsewhere_is_no_result_of_those_here(
    directory, tmp_path, is_sound
):
    verify_backup(make_backup(with_digests=True).path)
    before = read_drill_result()
    whole = archive()
    sent = whole if is_sound else whole[: len(whole) // 2]
    copy = tmp_path / "elsewhere.tar"
    copy.write_bytes(sent)
    for source in (io.BytesIO(sent), copy):
        with nullcontext() if is_sound else pytest.raises((UnsoundArchive, RestoreFailed)):
            verify_backup(source)
    assert read_drill_result() == before


def test_a_whole_stream_is_verified_from_standard_input_and_from_a_file(tmp_path):
    whole = archive()
    drill = verify_backup(io.BytesIO(whole))
    assert (drill.problems, drill.has_digests) == ((), True)
    if not ON_POSTGRESQL:
        file = tmp_path / "kept.tar"
        file.write_bytes(whole)
        assert verify_backup(file).problems == ()


def test_a_file_that_is_cut_off_or_changed_is_refused(directory):
    backup = make_backup(with_digests=True).path
    for part in range(10):
        with pytest.raises(RestoreFailed) as raised:
            verify_backup(damage(backup, keep=part / 10))
        assert raised.value.code == "unsound-backup"
    content = backup.read_bytes()
    for part in range(10):
        changed = bytearray(content)
        changed[(len(content) - 1) * part // 9] ^= 16
        backup.write_bytes(bytes(changed))
        with pytest.raises(RestoreFailed) as raised:
            verify_backup(backup)
        assert raised.value.code in {"unsound-backup", "changed-backup"}
        assert read_drill_result().problems == (raised.value.code,)
    assert left_over(directory) == []


def test_a_backup_of_the_other_kind_is_refused(directory, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"PGDMP\x01\x0e" if not ON_POSTGRESQL else b"SQLite format 3\0" + bytes(4080))
    with pytest.raises(RestoreFailed) as raised:
        verify_backup(other)
    assert raised.value.code == "unsound-backup"
    assert "is not a sound backup of this database" in raised.value.message


def test_what_could_not_be_judged_is_no_result(directory, tmp_path):
    with pytest.raises(RestoreFailed, match="There is no file"):
        verify_backup(tmp_path / "none")
    backup = make_backup().path
    with hold_lock(scratch._DRILL, wait=0), pytest.raises(ScratchUnusable) as raised:
        verify_backup(backup)
    assert raised.value.code == "verification-running"
    assert read_drill_result() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"at": 1}'])
def test_a_result_that_is_none_is_none(directory, content):
    directory.mkdir()
    (directory / ".verified-local.json").write_text(content)
    assert read_drill_result() is None


@only_sqlite
@pytest.mark.parametrize("of", ["a file", "a stream"])
def test_no_room_for_the_scratch(directory, of):
    backup = make_backup().path
    source = backup if of == "a file" else io.BytesIO(backup.read_bytes())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(ScratchUnusable) as raised:
            verify_backup(source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.code == "no-room-for-scratch"
    assert "It needs as much room as the database" in raised.value.message
    assert left_over(directory) == []
    assert read_drill_result() is None


@only_postgresql
def test_no_room_for_the_scratch_on_the_server(directory, tmp_path, monkeypatch):
    backup = make_backup().path
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "pg_restore"
    tool.write_text(
        '#!/bin/sh\ncase "$*" in *--dbname=*) echo "pg_restore: error: could not execute query: '
        'ERROR:  could not extend file: No space left on device" >&2; exit 1;; '
        f'*) exec {shutil.which("pg_restore")} "$@";; esac\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    with pytest.raises(ScratchUnusable) as raised:
        verify_backup(backup)
    assert raised.value.code == "no-room-for-scratch"
    assert left_over(directory) == []
    assert read_drill_result() is None


@only_postgresql
def test_a_user_who_may_make_no_database_is_told(directory, monkeypatch):
    backup = make_backup().path
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS ziggy_without_createdb")
        cursor.execute("CREATE ROLE ziggy_without_createdb")
    role = {"options": "-c role=ziggy_without_createdb"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", role)
    try:
        with pytest.raises(ScratchUnusable, match="Give the database's user the right CREATEDB"):
            verify_backup(backup)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE ziggy_without_createdb")
    assert left_over(directory) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import django
django.setup()
from imports.database import drill
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(drill, sys.argv[2], die)
drill.verify_backup(Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    "point",
    ["_digest"]
    if ON_POSTGRESQL
    else ["_receive", "restore_checked_backup", "_digest", "_check_keys"],
)
def test_what_a_killed_drill_leaves_is_removed_by_the_next_one(directory, point):
    backup = make_backup(with_digests=True).path
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(backup), point],
        cwd=project_settings.BASE_DIR,
        env=child_environment(ZIGGY_BACKUP_DIR=str(directory)),
        timeout=60,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    assert len(left_over(directory)) == 1 + ON_POSTGRESQL
    assert read_drill_result() is None
    assert verify_backup(backup).problems == ()
    assert left_over(directory) == []


# --- the command ------------------------------------------------------------------------------


def test_the_command_says_what_was_found(run_command, directory):
    backup = make_backup(with_digests=True).path
    done = run_command("backup_verify", str(backup), "--json")
    data = json.loads(done.out)["data"]
    assert (done.code, done.err) == (0, "")
    assert data.pop("seconds") >= data.pop("restoreSeconds") > 0
    assert data.pop("tables") > 20
    assert data.pop("rows") > 100
    assert datetime.fromisoformat(data.pop("madeAt")) <= datetime.now(UTC)
    assert data == {
        "backup": backup.name,
        "isSound": True,
        "problems": [],
        "isCompared": True,
        "differing": [],
        "keys": "open",
        "migrations": "current",
        "unknownMigrations": [],
        "damagedDocuments": 0,
    }


@only_sqlite
def test_the_command_exits_with_2_where_something_is_wrong(run_command, settings):
    backup = make_backup().path
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    done = run_command("backup_verify", str(backup))
    assert (done.code, done.err) == (2, "")
    assert f"{backup.name} is NOT sound" in done.out
    assert "Secrets: the configured keys do not open them." in done.out
    assert "CANARY" not in done.out


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_command_refuses_what_is_no_backup(run_command, tmp_path, options):
    (tmp_path / "file").write_text("text")
    done = run_command("backup_verify", str(tmp_path / "file"), *options)
    assert done.code == 1
    assert "is not a sound backup of this database" in done.err
    assert bool(done.out) == bool(options)
