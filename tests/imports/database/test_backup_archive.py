"""A backup in a stream is whole, or no reader takes it for one: cut off anywhere, changed anywhere."""

import errno
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from django.conf import settings as project_settings

from imports.database import streaming
from imports.database.backup import PassingBackup
from imports.database.backup_archive import UnsoundArchive, read_stream, write_archive
from imports.database.backup_notes import read_note
from imports.errors import BackupFailed
from tests.support.importing import child_environment

CONTENT = bytes(range(256)) * 9 + b"the end"
NAME = "local-20261124T083258-553987Z.dump"
NOTE = {
    "sequence": 1,
    "verifiedAt": "2026-11-24T08:33:00+00:00",
    "size": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "tables": {},
}


def write(content: bytes = CONTENT, name: str = NAME, note: dict = NOTE) -> bytes:
    out = io.BytesIO()
    write_archive(PassingBackup(name=name, note=note, file=io.BytesIO(content)), out)
    return out.getvalue()


def read(data: bytes, folder: Path) -> Path:
    for file in folder.iterdir():
        file.unlink()
    return read_stream(io.BytesIO(data), folder)


def test_a_stream_is_read_as_it_was_written(tmp_path):
    path = read(write(), tmp_path)
    assert path.name == NAME
    assert path.read_bytes() == CONTENT
    assert json.loads((tmp_path / f"{NAME}.json").read_bytes()) == NOTE


def test_any_tar_unpacks_it_into_the_two_files(tmp_path):
    with tarfile.open(fileobj=io.BytesIO(write())) as archive:
        archive.extractall(tmp_path, filter="data")
    assert sorted(file.name for file in tmp_path.iterdir()) == [NAME, f"{NAME}.json"]
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_it_is_refused_wherever_it_is_cut_off(tmp_path):
    whole = write()
    for length in range(512, len(whole)):
        with pytest.raises(UnsoundArchive):
            read(whole[:length], tmp_path)


def test_it_is_refused_whichever_byte_is_changed(tmp_path):
    whole = write()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        try:
            path = read(bytes(changed), tmp_path)
        except UnsoundArchive:
            continue
        # One whose first block is no header is no archive: as a backup it is refused then.
        in_header = place < 512
        in_note = 512 <= place < 512 + len(json.dumps(NOTE))
        assert in_header or in_note, place
        if in_header:
            assert path.name == "backup"
        else:  # the note's other keys are compared with the tables, or are a time
            assert path.read_bytes() == CONTENT
            assert read_note(path).tables is not None


@pytest.mark.parametrize("more", [b"\0", b"x", bytes(512)])
def test_nothing_may_follow_it(tmp_path, more):
    with pytest.raises(UnsoundArchive, match="something follows the backup"):
        read(write() + more, tmp_path)


@pytest.mark.parametrize("name", ["../away", "a/b", "/etc/away"])
def test_it_is_never_written_outside_of_the_directory(tmp_path, name):
    with pytest.raises(UnsoundArchive):
        read(write(name=name), tmp_path)


def test_a_long_name_loses_its_server_and_nothing_else(tmp_path):
    path = read(write(name="%C3%9C" * 40 + NAME.removeprefix("local")), tmp_path)
    assert path.name == NAME.removeprefix("local-")


def test_what_is_no_archive_is_taken_for_a_backup_without_a_note(tmp_path):
    path = read(b"PGDMP and more", tmp_path)
    assert path.read_bytes() == b"PGDMP and more"
    assert [*tmp_path.iterdir()] == [path]


def test_a_copy_that_is_read_differently_than_it_was_verified_ends_no_stream(tmp_path):
    out = io.BytesIO()
    changed = io.BytesIO(CONTENT.replace(b"the end", b"the eND"))
    with pytest.raises(BackupFailed, match="not read as it was verified"):
        write_archive(PassingBackup(name=NAME, note=NOTE, file=changed), out)
    with pytest.raises(UnsoundArchive, match="it was cut off"):
        read(out.getvalue(), tmp_path)


# --- the command ------------------------------------------------------------------------------


def stream(*, stdout: int, **variables: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "database_backup", "--to", "-"],
        cwd=project_settings.BASE_DIR,
        env=child_environment(**variables),
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.django_db(transaction=True)
def test_the_command_writes_the_archive_and_nothing_else_and_keeps_nothing(tmp_path):
    kept = tmp_path / "kept"
    with stream(stdout=subprocess.PIPE, ZIGGY_BACKUP_DIR=str(kept)) as process:
        out, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    folder = tmp_path / "read"
    folder.mkdir()
    path = read(out, folder)
    note = json.loads(path.with_name(f"{path.name}.json").read_bytes())
    assert note["tables"]["django_migrations"]["rows"] > 0
    assert f"Wrote {path.name} of local: {path.stat().st_size} bytes" in told.decode()
    assert [path.name for path in kept.iterdir()] == [".streamed-local.json"]  # when it was


@pytest.mark.django_db(transaction=True)
def test_a_whole_stream_is_good_where_it_cannot_be_noted(tmp_path, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(streaming, "keep_note", fail)
    out = io.BytesIO()
    backup = streaming.stream_backup(out)
    folder = tmp_path / "read"
    folder.mkdir()
    assert read(out.getvalue(), folder).name == backup.name
    assert "could not be noted: No space left on device" in caplog.text
    assert streaming.read_streamed_at() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["a terminal", "a full disk", "no directory"])
def test_the_command_that_fails_has_no_code_of_0_and_no_whole_stream(tmp_path, fault):
    (tmp_path / "file").write_text("")
    folder = "file/below" if fault == "no directory" else "kept"
    terminal = os.openpty() if fault == "a terminal" else None
    with Path("/dev/full").open("wb") as full:
        stdout = {
            "a terminal": terminal and terminal[1],
            "a full disk": full.fileno(),
            "no directory": subprocess.PIPE,
        }[fault]
        with stream(stdout=stdout, ZIGGY_BACKUP_DIR=str(tmp_path / folder)) as process:
            out, told = process.communicate(timeout=60)
    for end in terminal or ():
        os.close(end)
    said = {
        "a terminal": (2, "Standard output is a terminal."),
        "a full disk": (6, "No space left on device. The stream is not complete."),
        "no directory": (6, "The database was not backed up."),
    }[fault]
    assert process.returncode == said[0]
    assert said[1] in told.decode()
    assert not out
    if fault == "a full disk":
        assert [*(tmp_path / "kept").iterdir()] == []


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_goes_away_ends_the_command_with_a_code(tmp_path):
    with stream(stdout=subprocess.PIPE, ZIGGY_BACKUP_DIR=str(tmp_path)) as process:
        process.stdout.close()
        process.wait(timeout=60)
        told = process.stderr.read().decode()
    assert process.returncode == 6
    assert "Broken pipe. The stream is not complete." in told
    assert [*tmp_path.iterdir()] == []
