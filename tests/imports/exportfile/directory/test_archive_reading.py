"""The files of honest archives are read, whatever program made them."""

import gzip
import io
import shutil
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from imports.exportfile.archives import is_tar
from imports.exportfile.directory.archive import MAX_FILES, is_archive, read_archive
from tests.support.archiving import (
    FILES,
    RawEntry,
    add_to_tar,
    deflate,
    make_header,
    make_pax,
    make_raw_tar,
    make_raw_zip,
    make_tar,
    make_zip,
)

MUCH = 10**6
LONG = "flows/" + "long/" * 40 + "name.js"


def read(data: bytes) -> dict[str, bytes]:
    assert is_archive(data)
    return read_archive(data, max_bytes=MUCH).files


def run(*command: str, cwd: Path) -> bytes:
    settings = {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "LC_ALL": "C.UTF-8",
    }
    names = {
        f"GIT_{who}_{what}": "a@b.invalid"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=cwd, check=True, capture_output=True, env=settings | names | path
    ).stdout


def write_files(directory: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_files(tmp_path, TRACKED)
    return tmp_path


UMLAUT = "flows/é/ünï.js"
TRACKED = {**FILES, LONG: b"1", UMLAUT: b"2", "empty.md": b""}


class TestAnArchiveThatGitMade:
    @pytest.fixture
    def repository(self, directory: Path) -> Path:
        run("git", "init", "-q", cwd=directory)
        run("git", "add", ".", cwd=directory)
        run("git", "commit", "-q", "-m", "a", cwd=directory)
        return directory

    @pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
    @pytest.mark.parametrize("prefix", ["", "flows-4ac2b1e/"])
    @pytest.mark.parametrize("tree", ["HEAD", "HEAD^{tree}"])
    def test_has_the_files_of_the_commit(self, repository, form, prefix, tree):
        data = run("git", "archive", f"--format={form}", f"--prefix={prefix}", tree, cwd=repository)
        if form == "tar.gz":
            data = gzip.decompress(data)
        assert read(data) == {prefix + path: content for path, content in TRACKED.items()}

    def test_of_one_directory_has_its_files(self, repository):
        data = run("git", "archive", "HEAD", "flows", cwd=repository)
        assert read(data) == {
            path: content for path, content in TRACKED.items() if path.startswith("flows/")
        }


@pytest.mark.parametrize("form", ["gnu", "ustar", "pax"])
def test_a_tar_of_a_directory_that_tar_made_is_read(directory, tmp_path_factory, form):
    out = tmp_path_factory.mktemp("out") / "x.tar"
    for names in (
        [
            ".",
        ],
        sorted(path.name for path in directory.iterdir()),
    ):
        run("tar", f"--format={form}", "-cf", str(out), *names, cwd=directory)
        assert read(out.read_bytes()) == TRACKED


@pytest.mark.skipif(not shutil.which("zip"), reason="there is no zip")
def test_a_zip_that_zip_made_is_read_also_as_a_stream(directory, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "x.zip"
    (directory / UMLAUT).unlink()
    (directory / UMLAUT).parent.rmdir()  # zip writes such names in an encoding of old
    run("zip", "-q", "-r", str(out), ".", cwd=directory)
    files = {path: content for path, content in TRACKED.items() if path != UMLAUT}
    assert read(out.read_bytes()) == files
    assert read(run("sh", "-c", "zip -q -r - . | cat", cwd=directory)) == files


@pytest.mark.parametrize(
    "data",
    [
        make_zip(),
        make_zip(compression=zipfile.ZIP_STORED),
        make_tar(),
        make_tar(format=tarfile.GNU_FORMAT),
        make_tar(format=tarfile.USTAR_FORMAT),
        make_tar(format=tarfile.PAX_FORMAT, pax_headers={"comment": "a commit"}),
    ],
)
def test_the_files_are_in_the_order_of_the_archive(data):
    assert list(read(data).items()) == list(FILES.items())


def test_directories_are_left_out():
    empty = RawEntry(name=b"flows/", content=b"", mode=stat.S_IFDIR | 0o755)
    assert read(make_raw_zip(empty, RawEntry(name=b"flows/a", content=b"1"))) == {"flows/a": b"1"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in (".", "flows", "flows"):
            add_to_tar(archive, name, type=tarfile.DIRTYPE)
        add_to_tar(archive, "./flows/a", b"1")
    assert read(out.getvalue()) == {"flows/a": b"1"}


@pytest.mark.parametrize("size", [0, 2, 70_000])
@pytest.mark.parametrize("layout", ["PK 4", "PK 8", "4", "8"])
def test_a_zip_that_was_streamed_is_read(layout, size):
    content = b"x" * size
    sizes = [len(deflate(content)), size]
    width = 4 if "4" in layout else 8
    numbers = b"".join(number.to_bytes(width, "little") for number in sizes)
    entry = RawEntry(name=b"a", content=content, flags=8)
    crc = entry.get("crc").to_bytes(4, "little")
    entry.descriptor = (b"PK\x07\x08" if "PK" in layout else b"") + crc + numbers
    assert read(make_raw_zip(entry, RawEntry())) == {"a": content, "a.json": b"{}"}


def test_what_pax_says_of_a_file_is_its_path():
    pax = make_pax(mtime="1.5", path="flows/é.js", size="2")
    data = make_raw_tar(
        *(make_header(b"g", b"g", len(make_pax(comment="x"))), make_pax(comment="x")),
        *(make_header(b"x", b"x", len(pax)), pax, make_header(size=2), b"{}"),
        *(make_header(b"b.json", size=2), b"[]"),
    )
    assert read(data) == {"flows/é.js": b"{}", "b.json": b"[]"}


@pytest.mark.parametrize("path", ["x" * 1000, "é" * 500, "a b", "%2e%2e", "~", "-rf", "..a/b.."])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_unusual_path_is_read_as_it_is(make, path):
    assert read(make({path: b"{}"})) == {path: b"{}"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"PK",
        b"x" * 257 + b"ustar",
        gzip.compress(make_tar()),
        bytes(1024),
        b"7z\xbc\xaf\x27\x1c",
    ],
)
def test_nothing_else_is_an_archive(data):
    assert not is_archive(data)


def test_an_archive_is_known_by_its_bytes():
    assert is_archive(make_zip({}))
    assert is_tar(make_tar())
    assert not is_tar(make_zip())


@pytest.mark.slow
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_as_many_files_as_are_allowed_are_read(make):
    files = {f"flows/{at // 6}/{at}": b"{}" for at in range(MAX_FILES)}
    assert read_archive(make(files), max_bytes=10**9).files == files
