"""A zip is the same bytes for the same files, and every program reads it."""

import io
import os
import shutil
import subprocess
import time
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.exportfile.directory.archive import read_archive
from imports.exportfile.directory.zip_writing import write_zip

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=9)
PATHS = NAMES.filter(
    lambda name: not set(name) & set("/\\:\u2028\u2029") and name not in {".", ".."}
)
CONTENTS = st.binary(max_size=300).map(b"{".__add__)


def write(files) -> bytes:
    return b"".join(write_zip(files))


@given(
    st.dictionaries(PATHS, CONTENTS, min_size=1, max_size=9).map(
        lambda files: {f"{at}/{path}": content for at, (path, content) in enumerate(files.items())}
    )
)
def test_what_is_written_is_read_and_the_same_files_are_the_same_bytes(files):
    data = write(files.items())
    assert list(read_archive(data, max_bytes=10**6).files.items()) == list(files.items())
    assert write(iter(list(files.items()))) == data


def test_neither_the_time_nor_the_zone_is_in_it(monkeypatch):
    before = write([("a", b"1")])
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert write([("a", b"1")]) == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_file_has_the_first_date_and_ordinary_rights_and_nothing_else():
    with zipfile.ZipFile(io.BytesIO(write([("flows/a.json", b"{}" * 99)]))) as archive:
        (info,) = archive.infolist()
    assert (info.date_time, info.create_system) == ((1980, 1, 1, 0, 0, 0), 3)
    assert (info.external_attr >> 16, info.compress_type) == (0o100644, zipfile.ZIP_DEFLATED)
    assert (info.extra, info.comment, archive.comment) == (b"", b"", b"")
    assert info.compress_size < info.file_size


def test_other_contents_or_another_order_are_other_bytes():
    files = [("a", b"1"), ("b", b"2")]
    assert len({write(files), write(files[::-1]), write(files[:1]), write([("a", b"2")])}) == 4


def test_it_comes_in_pieces_and_takes_no_memory_for_the_whole():
    def make_files():
        for at in range(200):
            yield (f"{at}", os.urandom(100_000))

    tracemalloc.start()
    try:
        size = sum(map(len, write_zip(make_files())))
        assert tracemalloc.get_traced_memory()[1] < size / 10
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_more_files_than_a_zip_of_old_may_have_are_read_again():
    files = {f"flows/{at}": b"" for at in range(66_000)}
    data = write(files.items())
    assert read_archive(data, max_bytes=10**8).files == files
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == len(files)


@pytest.mark.skipif(not shutil.which("unzip"), reason="there is no unzip")
def test_unzip_finds_no_fault(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(write([("a/é.json", b"{}"), ("b", b""), ("c", b"x" * 10**5)]))
    subprocess.run(["unzip", "-tq", str(path)], check=True, capture_output=True)
