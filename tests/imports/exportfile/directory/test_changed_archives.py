"""An archive that was changed anywhere is refused, or is read as Python's own reader reads it.

ZIGGY_ARCHIVE_CASES says how many changes are tried.
"""

import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.strict_json.problems import JSONProblem
from imports.errors import FileTooLarge
from imports.exportfile.directory.archive import read_archive
from tests.support.archiving import FILES, RawEntry, make_raw_zip, make_tar, make_zip

MUCH = 10**6
LONG = {**FILES, "long/" * 40 + "é": b"x" * 600}
ARCHIVES = [
    make_zip(LONG),
    make_zip(LONG, compression=zipfile.ZIP_STORED),
    make_raw_zip(
        RawEntry(name=b"a", flags=8, descriptor=RawEntry().make_local()[14:26]),
        RawEntry(name=b"d/", content=b""),
        comment=b"a commit",
    ),
    make_tar(LONG),
    make_tar(LONG, format=tarfile.GNU_FORMAT),
    make_tar(LONG, format=tarfile.PAX_FORMAT, pax_headers={"comment": "a commit"}),
]
POSITIONS = st.floats(0, 1, exclude_max=True)
BYTES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([bytes(512), b"PK\x03\x04", b"PK\x05\x06", b"../", b"\xff" * 8]),
)
CHANGES = st.one_of(
    st.tuples(st.just("flip"), POSITIONS, st.integers(1, 255)),
    st.tuples(st.just("cut"), POSITIONS, st.integers(1, 600)),
    st.tuples(st.just("end"), POSITIONS, st.just(0)),
    st.tuples(st.just("insert"), POSITIONS, BYTES),
    st.tuples(st.just("write"), POSITIONS, BYTES),
)


def change(data: bytes, kind: str, position: float, value: int | bytes) -> bytes:
    at = int(position * len(data))
    if kind == "flip" and not data:
        return data
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ value]) + data[at + 1 :]
    if kind == "cut":
        return data[:at] + data[at + value :]
    if kind == "end":
        return data[:at]
    return data[:at] + value + data[at + (len(value) if kind == "write" else 0) :]


def mend_checksums(tar: bytes) -> bytes:
    """The same tar with the checksum of each block that has the magic, so that more is reached."""
    blocks = [bytearray(tar[at : at + 512]) for at in range(0, len(tar), 512)]
    for block in blocks:
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    return b"".join(blocks)


def read_with_python(data: bytes) -> dict[str, bytes]:
    if data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            return {
                entry.name.removeprefix("./"): archive.extractfile(entry).read()
                for entry in archive
                if not entry.isdir()
            }
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def check(data: bytes) -> None:
    try:
        read = read_archive(data, max_bytes=MUCH)
    except (JSONProblem, FileTooLarge):
        return
    assert read.links or read.files == read_with_python(data)


@pytest.mark.parametrize("archive", ARCHIVES)
def test_an_archive_that_was_not_changed_is_read(archive):
    assert read_archive(archive, max_bytes=MUCH).files == read_with_python(archive)


@given(st.sampled_from(ARCHIVES), st.lists(CHANGES, min_size=1, max_size=3))
def test_a_changed_archive_is_refused_or_read_as_python_reads_it(archive, changes):
    for each in changes:
        archive = change(archive, *each)
    check(archive)
    check(mend_checksums(archive))


@given(st.binary(max_size=2000))
def test_bytes_that_are_no_archive_are_refused(data):
    for beginning in (b"", b"PK\x03\x04", ARCHIVES[0][:40], ARCHIVES[3][:512]):
        check(beginning + data)
