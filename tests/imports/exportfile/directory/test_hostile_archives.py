"""A hostile or broken archive is refused with one error, which says what to do."""

import gzip
import os
import re
import stat
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest

from flows.strict_json.problems import JSONProblem
from imports.errors import FileTooLarge
from imports.exportfile.directory.archive import read_archive
from tests.support.archiving import (
    RawEntry,
    deflate,
    make_header,
    make_pax,
    make_pax_line,
    make_raw_tar,
    make_raw_zip,
    make_tar,
    make_tar_of,
    make_zip,
)

MUCH = 10**6
ZIP, TAR = make_zip(), make_tar()
SECOND_NAME = b"up" + struct.pack("<HBL", 9, 1, zlib.crc32(b"b.json")) + b"c.js"
ONE = RawEntry(name=b"ziggy.json")


def zip_of(*names: str, **options) -> bytes:
    return make_raw_zip(ONE, *(RawEntry(name=name.encode(), **options) for name in names))


def tar_of(*names: str) -> bytes:
    return make_tar({"ziggy.json": b"{}"} | dict.fromkeys(names, b"{}"))


def zip_with(**values) -> bytes:
    return make_raw_zip(ONE, RawEntry(name=b"b.json", **values))


def cut_zeros(tar: bytes, left: int) -> bytes:
    return tar.rstrip(b"\0") + bytes(-len(tar.rstrip(b"\0")) % 512) + bytes(left)


def repeat_data(count: int) -> bytes:
    """A zip in which the list names one file's bytes many times."""
    many = [RawEntry(name=b"%d" % at, offset=0, content=b"x" * 1000) for at in range(count)]
    local = many[0].make_local()
    listed = b"".join(each.make_listed(0) for each in many)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(listed), len(local), 0)
    return local + listed + end


def enclose_data() -> bytes:
    """A zip in which the first file's bytes are the second file with its header, stored."""
    inner = RawEntry(name=b"b", content=b"x" * 100)
    outer = RawEntry(name=b"a", method=0, content=inner.make_local())
    local = outer.make_local()
    listed = outer.make_listed(0) + inner.make_listed(31)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(listed), len(local), 0)
    return local + listed + end


def zip64(entries: int, offset: int = 0) -> bytes:
    """A zip whose ZIP64 end claims a number of entries, and a list that begins elsewhere."""
    local, listed = ONE.make_local(), ONE.make_listed(0)
    at = len(local) + len(listed)
    record = struct.pack(
        "<4sQ2H2L4Q",
        *(b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, len(listed), len(local) + offset),
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return local + listed + record + locator + end


def make_pax_tar(kind: bytes = b"x", **values: str) -> bytes:
    """A tar with one file of five bytes, and an extended header before it."""
    pax = make_pax(**values)
    return make_raw_tar(make_header(b"pax", kind, len(pax)), pax, make_header(size=5), b"12345")


def change_zip(old: bytes, new: bytes) -> bytes:
    assert old in ZIP
    return ZIP.replace(old, new, 1)


NAMES = {
    "an absolute path": ("/etc/passwd", "unsafe-path"),
    "two slashes at the start": ("//host/share", "unsafe-path"),
    "a path to the parent": ("../up.json", "unsafe-path"),
    "a path to the parent inside": ("flows/../../up.json", "unsafe-path"),
    "a path that ends with the parent": ("flows/..", "unsafe-path"),
    "a backslash": ("flows\\up.json", "unsafe-path"),
    "a parent with a backslash": ("..\\up.json", "unsafe-path"),
    "a drive": ("C:/up.json", "unsafe-path"),
    "a stream of NTFS": ("flow.json:stream", "unsafe-path"),
    "an empty component": ("flows//flow.json", "unsafe-path"),
    "a dot inside": ("flows/./flow.json", "unsafe-path"),
    "a line break": ("flows/a\nb.json", "unsafe-path"),
    "an escape": ("flows/a\x1b[31m.json", "unsafe-path"),
    "a control character of C1": ("flows/a\x85.json", "unsafe-path"),
    "a path that is too long": ("d/" * 500 + "a.json", "path-too-long"),
    "a path that is too long in UTF-8": ("é" * 501, "path-too-long"),
    "names that differ by case": ("ZIGGY.json", "case-collision"),
    "a file below a file": ("ziggy.json/a.json", "file-and-directory"),
    "a file below a file in another case": ("Ziggy.json/a.json", "file-and-directory"),
}
HOSTILE = {
    **{
        f"{what} in a zip": (zip_of(name, flags=0x800), code)
        for what, (name, code) in NAMES.items()
    },
    **{f"{what} in a tar": (tar_of(name), code) for what, (name, code) in NAMES.items()},
    "a name twice in a zip": (zip_of("a", "a"), "duplicate-path"),
    "a name twice in a tar": (make_raw_tar(make_header(b"a"), make_header(b"a")), "duplicate-path"),
    "a name in NFC and in NFD in a zip": (
        zip_of("\u00e9.json", "e\u0301.json", flags=0x800),
        "case-collision",
    ),
    "a name in NFC and in NFD in a tar": (tar_of("\u00e9.json", "e\u0301.json"), "case-collision"),
    "a sharp s and two in a zip": (zip_of("\u00df", "SS", flags=0x800), "case-collision"),
    "directories that differ by case in a zip": (zip_of("a/b", "A/c"), "case-collision"),
    "directories that differ by case in a tar": (tar_of("x/a/b", "x/A/c"), "case-collision"),
    "directories that differ by case with files between": (
        tar_of("x/a/b", "x/a/c/d", "X/a/e"),
        "case-collision",
    ),
    "a file and a directory of one name in a zip": (
        make_raw_zip(RawEntry(name=b"a"), RawEntry(name=b"a/", content=b"", method=0)),
        "file-and-directory",
    ),
    "a file and a directory of one name in a tar": (
        make_raw_tar(make_header(b"a"), make_header(b"a", b"5")),
        "file-and-directory",
    ),
    "a name that is empty in a zip": (zip_of(""), "unsafe-path"),
    "a name that is empty in a tar": (make_raw_tar(make_header(b"")), "unsafe-path"),
    "the top directory as a file": (make_raw_tar(make_header(b".")), "unsafe-path"),
    "the top directory twice in a path": (make_raw_tar(make_header(b"././a")), "unsafe-path"),
    "an absolute path behind the top directory": (
        make_raw_tar(make_header(b".//etc/a")),
        "unsafe-path",
    ),
    "NUL in a name of a zip": (zip_of("a.json\0.exe"), "unsafe-path"),
    "NUL in a name of a tar": (make_raw_tar(make_header(b"a.json\0.exe")), "unsafe-path"),
    "a name that is not in UTF-8 in a zip": (zip_with(listed={"name": b"\xff"}), "unsafe-path"),
    "a name that claims UTF-8 in a zip": (
        make_raw_zip(RawEntry(name=b"\xff.json", flags=0x800)),
        "broken-archive",
    ),
    "a name that is not in UTF-8 in a tar": (
        make_raw_tar(make_header(b"\xff.json")),
        "unsafe-path",
    ),
    "a second name in the list of a zip": (
        zip_with(listed={"extra": SECOND_NAME}),
        "unsafe-path",
    ),
    "a second name before the content in a zip": (zip_with(extra=SECOND_NAME), "unsafe-path"),
    "a pipe in a zip": (zip_with(mode=stat.S_IFIFO | 0o644), "special-file"),
    "a device in a zip": (zip_with(mode=stat.S_IFBLK | 0o644), "special-file"),
    "a directory without a slash in a zip": (zip_with(mode=stat.S_IFDIR | 0o755), "special-file"),
    "a pipe in a tar": (make_tar_of("a", type=tarfile.FIFOTYPE), "special-file"),
    "a device of characters in a tar": (make_tar_of("a", type=tarfile.CHRTYPE), "special-file"),
    "a device of blocks in a tar": (make_tar_of("a", type=tarfile.BLKTYPE), "special-file"),
    "a contiguous file in a tar": (make_tar_of("a", type=tarfile.CONTTYPE), "special-file"),
    "a kind that nobody knows in a tar": (make_raw_tar(make_header(kind=b"Z")), "special-file"),
    "a sparse file of GNU": (make_raw_tar(make_header(kind=b"S")), "special-file"),
    "a sparse file of pax": (
        make_raw_tar(
            make_header(kind=b"x", size=len(pax := make_pax_line("GNU.sparse.major", b"1"))),
            pax,
            make_header(),
        ),
        "special-file",
    ),
    "a directory with content in a zip": (zip_of("d/"), "broken-archive"),
    "a directory with content in a tar": (
        make_raw_tar(make_header(b"d", b"5", 5), b"12345"),
        "broken-archive",
    ),
    "a directory that is called a file in a tar": (
        make_raw_tar(make_header(b"d/", b"0", 5), b"12345"),
        "broken-archive",
    ),
    "an encrypted entry": (zip_with(flags=1), "encrypted-archive"),
    "an entry with strong encryption": (zip_with(flags=0x41), "encrypted-archive"),
    "an entry in AES": (zip_with(method=99, listed={"method": 99}), "encrypted-archive"),
    "encrypted in the list alone": (zip_with(listed={"flags": 1}), "encrypted-archive"),
    "encrypted in its header alone": (
        zip_with(flags=1, listed={"flags": 0}),
        "broken-archive",
    ),
    "bzip2 in a zip": (make_zip(compression=zipfile.ZIP_BZIP2), "unknown-compression"),
    "LZMA in a zip": (make_zip(compression=zipfile.ZIP_LZMA), "unknown-compression"),
    "an unknown compression": (zip_with(method=77), "unknown-compression"),
    "a patch in a zip": (zip_with(flags=0x20), "broken-archive"),
    "a zip in several parts": (zip_with(disk=1), "broken-archive"),
    "a zip in a zip": (make_zip({"a.zip": ZIP}), "nested-archive"),
    "a tar in a zip": (make_zip({"a": TAR}), "nested-archive"),
    "gzip in a tar": (make_tar({"a": gzip.compress(b"{}")}), "nested-archive"),
    "a zip in a tar": (make_tar({"a": ZIP}), "nested-archive"),
    "a tar in a tar": (make_tar({"a": TAR}), "nested-archive"),
    "an empty zip": (make_zip({}), "empty-archive"),
    "an empty tar": (
        make_raw_tar(make_header(kind=b"g", size=len(pax := make_pax(comment="a commit"))), pax),
        "empty-archive",
    ),
    "a zip of directories alone": (
        make_raw_zip(RawEntry(name=b"d/", content=b"", method=0)),
        "empty-archive",
    ),
    "a tar of directories alone": (make_raw_tar(make_header(b"d", b"5")), "empty-archive"),
    "data before the first entry": (make_raw_zip(ONE, before=b"#!/bin/sh\n"), "broken-archive"),
    "a program before the zip": (b"MZ" + bytes(98) + ZIP, "broken-archive"),
    "data behind the entries of a zip": (make_raw_zip(ONE, between=b"x" * 9), "broken-archive"),
    "an entry that is not listed": (
        make_raw_zip(ONE, between=RawEntry(name=b"b").make_local()),
        "broken-archive",
    ),
    "garbage behind a zip": (ZIP + b"garbage", "broken-archive"),
    "zeros behind a zip": (ZIP + bytes(512), "broken-archive"),
    "two zips": (ZIP + make_zip({"b.json": b"{}"}), "broken-archive"),
    "a zip in the comment": (
        make_raw_zip(ONE, comment=make_raw_zip(RawEntry(name=b"other"))),
        "broken-archive",
    ),
    "a comment that is longer than it says": (
        make_raw_zip(ONE, comment=b"abc", comment_length=2),
        "broken-archive",
    ),
    "a comment that is shorter than it says": (
        make_raw_zip(ONE, comment=b"abc", comment_length=4),
        "broken-archive",
    ),
    "a zip that claims more files": (make_raw_zip(ONE, count=60_000), "broken-archive"),
    "a zip that claims fewer files": (make_raw_zip(ONE, RawEntry(), count=1), "broken-archive"),
    "ZIP64 with a huge count": (zip64(2**63), "broken-archive"),
    "ZIP64 with a list elsewhere": (zip64(1, offset=10), "broken-archive"),
    "ZIP64 with a list beyond the end": (zip64(1, offset=2**62), "broken-archive"),
    "another name in the list": (zip_with(listed={"name": b"c.json"}), "broken-archive"),
    "another method in the list": (zip_with(listed={"method": 0}), "broken-archive"),
    "another checksum in the list": (zip_with(listed={"crc": 1}), "broken-archive"),
    "another size in the list": (zip_with(listed={"size": 1}), "broken-archive"),
    "a wrong checksum": (zip_with(crc=1), "broken-archive"),
    "a size that is too small": (
        zip_with(content=b"x" * 100, size=3, crc=0xDD0216B2),
        "broken-archive",
    ),
    "a size that is too large": (zip_with(size=3), "broken-archive"),
    "two sizes of what is stored": (zip_with(method=0, size=1), "broken-archive"),
    "data behind the end of deflate": (zip_with(packed=deflate(b"{}") + b"x"), "broken-archive"),
    "deflate that was cut off": (zip_with(packed=deflate(b"{}" * 99)[:-3]), "broken-archive"),
    "no deflate at all": (zip_with(packed=b"\xff\xff\xff\xff"), "broken-archive"),
    "a wrong descriptor": (
        make_raw_zip(RawEntry(flags=8, descriptor=b"PK\x07\x08" + bytes(12))),
        "broken-archive",
    ),
    "a descriptor that is missing": (make_raw_zip(RawEntry(flags=8)), "broken-archive"),
    "one file's bytes for many": (repeat_data(1000), "broken-archive"),
    "a file within a file": (enclose_data(), "broken-archive"),
    "files in two places of the list": (zip_with(offset=0), "broken-archive"),
    "a file beyond the end": (zip_with(offset=2**31), "broken-archive"),
    "a zip without its end": (ZIP[:-30], "broken-archive"),
    "a zip that was cut off": (ZIP[: len(ZIP) // 2], "broken-archive"),
    "a header of a zip that is none": (change_zip(b"PK\x03\x04", b"PK\x03\x05"), "broken-archive"),
    "a tar that was cut off": (TAR[:700], "broken-archive"),
    "a tar without its end": (cut_zeros(TAR, 0), "broken-archive"),
    "a tar with half of its end": (cut_zeros(TAR, 512), "broken-archive"),
    "garbage behind a tar": (TAR + b"garbage", "broken-archive"),
    "two tars": (TAR + TAR, "broken-archive"),
    "a wrong checksum in a tar": (
        make_raw_tar(make_header(checksum=b"000001\0 ")),
        "broken-archive",
    ),
    "a checksum that is no number": (
        make_raw_tar(make_header(checksum=b"zzzzzz\0 ")),
        "broken-archive",
    ),
    "a header without the magic": (
        make_raw_tar(make_header(), make_header(b"b", magic=bytes(8))),
        "broken-archive",
    ),
    "a size that is negative": (make_raw_tar(make_header(size=b"-0000000001\0")), "broken-archive"),
    "a negative size in base 256": (make_raw_tar(make_header(size=b"\xff" * 12)), "broken-archive"),
    "a huge size in base 256": (
        make_raw_tar(make_header(size=b"\x80" + b"\xff" * 11)),
        "broken-archive",
    ),
    "a size that is no number": (make_raw_tar(make_header(size=b"garbage")), "broken-archive"),
    "a size beyond the end": (make_raw_tar(make_header(size=2**32), b"x"), "broken-archive"),
    "another size in pax": (make_pax_tar(size="0"), "broken-archive"),
    "pax that is huge": (make_pax_tar(comment="x" * 70_000), "broken-archive"),
    "pax that claims to be huge": (
        make_raw_tar(make_header(kind=b"x", size=2**33)),
        "broken-archive",
    ),
    "pax with a length that is wrong": (
        make_raw_tar(make_header(kind=b"x", size=9), b"99 a=b\n\n\n", make_header()),
        "broken-archive",
    ),
    "pax without an equals sign": (
        make_raw_tar(make_header(kind=b"x", size=5), b"5 ab\n", make_header()),
        "broken-archive",
    ),
    "pax with a key twice": (
        make_raw_tar(make_header(kind=b"x", size=18), b"9 path=a\n9 path=b\n", make_header()),
        "broken-archive",
    ),
    "pax with a path to the parent": (make_pax_tar(path="../up.json"), "unsafe-path"),
    "pax with an absolute path": (make_pax_tar(path="/up.json"), "unsafe-path"),
    "pax with NUL in a path": (make_pax_tar(path="a\0b"), "unsafe-path"),
    "pax with an empty path": (make_pax_tar(path=""), "unsafe-path"),
    "pax with a path that is too long": (make_pax_tar(path="x" * 1001), "path-too-long"),
    "pax in another encoding": (make_pax_tar(hdrcharset="BINARY"), "unsafe-path"),
    "pax that makes one path of all files": (make_pax_tar(kind=b"g", path="a"), "broken-archive"),
    "pax without a file": (
        make_raw_tar(make_header(kind=b"x", size=9), b"9 path=a\n"),
        "broken-archive",
    ),
    "pax twice for one file": (
        make_raw_tar(
            *(make_header(kind=b"x", size=9), b"9 path=a\n"),
            *(make_header(kind=b"x", size=9), b"9 path=b\n"),
            make_header(),
        ),
        "broken-archive",
    ),
    "a long name that is huge": (
        make_raw_tar(make_header(kind=b"L", size=10**6), b"x" * 10**6, make_header()),
        "broken-archive",
    ),
    "a long name that is too long": (
        make_raw_tar(make_header(kind=b"L", size=2000), b"x" * 1999 + b"\0", make_header()),
        "path-too-long",
    ),
    "a long name to the parent": (
        make_raw_tar(make_header(kind=b"L", size=6), b"../up\0", make_header()),
        "unsafe-path",
    ),
    "a long name with two ends": (
        make_raw_tar(make_header(kind=b"L", size=4), b"a\0b\0", make_header()),
        "broken-archive",
    ),
    "a long name without an end": (
        make_raw_tar(make_header(kind=b"L", size=2), b"abc", make_header()),
        "broken-archive",
    ),
    "a long name without a file": (
        make_raw_tar(make_header(kind=b"L", size=2), b"a\0"),
        "broken-archive",
    ),
}


@pytest.mark.parametrize(("data", "code"), HOSTILE.values(), ids=HOSTILE)
def test_is_refused_with_one_error(data, code):
    with pytest.raises(JSONProblem) as refused:
        read_archive(data, max_bytes=MUCH, max_files=1000)
    assert (refused.value.code, refused.value.path) == (code, ())
    check_message(refused.value.message)


def check_message(message: str) -> None:
    """It says what is wrong, and then what to do, in one line without control characters."""
    assert re.fullmatch(
        r"The archive (is|has) .+\. (Make|Rename|Shorten|Put|Leave|Use|Export) .+\.", message
    )
    assert message.isprintable()


LINKS = {
    "a symbolic link in a zip": make_raw_zip(ONE, RawEntry(name=b"a", mode=stat.S_IFLNK | 0o777)),
    "a symbolic link in a tar": make_tar_of("a", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link in a tar": make_tar_of("a", type=tarfile.LNKTYPE, linkname="ziggy.json"),
    "a long link of pax": make_tar_of("a", type=tarfile.SYMTYPE, linkname="x/" * 80),
    "a long link of GNU": make_tar_of(
        "a", type=tarfile.SYMTYPE, linkname="x/" * 80, tar_format=tarfile.GNU_FORMAT
    ),
    "a link to what is packed": make_raw_zip(
        ONE, RawEntry(name=b"a", content=b"PK\x03\x04", mode=stat.S_IFLNK | 0o777)
    ),
}


def test_a_link_is_told_of_beside_the_files_and_is_not_followed():
    for what, data in LINKS.items():
        read = read_archive(data, max_bytes=MUCH)
        assert (list(read.files), list(read.links)) == (["ziggy.json"], ["a"]), what


def test_what_is_more_than_the_limit_is_refused_before_it_is_unpacked():
    files = {"a": b"x" * 3000, "b": b"y" * 1001}
    assert read_archive(make_zip(files), max_bytes=1001).files == files
    with pytest.raises(FileTooLarge, match="larger than the 1,000 bytes"):
        read_archive(make_zip(files), max_bytes=1000)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_archive_that_is_too_large_itself_is_not_called_broken(make):
    data = make({"a": os.urandom(5000)})
    assert read_archive(data, max_bytes=-(-len(data) // 4))
    with pytest.raises(FileTooLarge):
        read_archive(data[:-900], max_bytes=(len(data) - 904) // 4)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_more_files_than_the_limit_are_refused(make):
    files = {f"{at}": b"" for at in range(11)}
    assert read_archive(make(files), max_bytes=MUCH, max_files=11).files == files
    with pytest.raises(JSONProblem, match="has more than 10 files") as refused:
        read_archive(make(files), max_bytes=MUCH, max_files=10)
    assert refused.value.code == "too-many-files"


def test_what_is_refused_is_many_things():
    assert len(HOSTILE) > 100
    assert len(set(HOSTILE)) == len({data for data, _ in HOSTILE.values()})


def measure_peak(data: bytes, **limits: int) -> int:
    """How many bytes are taken at most while the archive is refused."""
    tracemalloc.start()
    try:
        with pytest.raises((JSONProblem, FileTooLarge)):
            read_archive(data, **limits)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


MEGABYTE = 1024 * 1024


def make_bomb(claimed: int) -> bytes:
    """Some 200 megabytes of zeros in deflate, and what they claim to be."""
    return make_raw_zip(RawEntry(content=bytes(200 * MEGABYTE), size=claimed, crc=0))


@pytest.mark.parametrize(
    "claimed", [200 * MEGABYTE, 3 * MEGABYTE, 1], ids=["the truth", "what is allowed", "little"]
)
def test_a_bomb_takes_no_more_memory_than_it_claims_and_may(claimed):
    bomb = make_bomb(claimed)
    assert len(bomb) < MEGABYTE
    assert measure_peak(bomb, max_bytes=MEGABYTE) < 8 * MEGABYTE


def test_a_bomb_of_many_files_takes_no_more_memory_than_it_may():
    bomb = make_zip({f"{at}": bytes(MEGABYTE) for at in range(50)})
    assert measure_peak(bomb, max_bytes=MEGABYTE) < MEGABYTE
    liars = [RawEntry(name=b"%d" % at, content=bytes(MEGABYTE), size=9) for at in range(50)]
    assert measure_peak(make_raw_zip(*liars), max_bytes=MEGABYTE) < 4 * MEGABYTE


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_files_beyond_the_limit_take_no_memory(make):
    data = make({f"{at}": b"" for at in range(20_000)})
    assert measure_peak(data, max_bytes=MUCH, max_files=100) < MEGABYTE


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
def test_what_extends_a_header_takes_no_memory(kind):
    content = b"x" * (20 * MEGABYTE)
    data = make_raw_tar(make_header(kind=kind, size=len(content)), content, make_header())
    assert measure_peak(data, max_bytes=MUCH) < MEGABYTE
