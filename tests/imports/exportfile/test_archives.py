"""An archive is refused with what it is, but for a zip and a tar where a directory is taken."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from flows.strict_json.problems import JSONProblem
from imports.errors import FileTooLarge, FileUnreadable
from imports.exportfile.archives import is_archive
from imports.exportfile.companion import read_object
from imports.exportfile.document import parse
from imports.exportfile.gzipped import unpack
from tests.support.importing import export_file, flow

FILE = export_file(flow(1, "Orders"))
MUCH = 10**6


def make_zip(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, FILE)
    return out.getvalue()


def make_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("export.json")
        entry.size = len(FILE)
        archive.addfile(entry, io.BytesIO(FILE))
    return out.getvalue()


ARCHIVES = [
    (make_zip("export.json"), "a ZIP archive"),
    (make_zip(), "a ZIP archive"),
    (bz2.compress(FILE), "a file in bzip2"),
    (bz2.compress(FILE, 1), "a file in bzip2"),
    (lzma.compress(FILE), "a file in xz"),
    (b"7z\xbc\xaf\x27\x1c" + bytes(99), "a 7z archive"),
    (b"Rar!\x1a\x07\x01\x00" + bytes(99), "a RAR archive"),
    (b"\x28\xb5\x2f\xfd" + bytes(99), "a file in zstd"),
    (make_tar(), "a tar archive"),
    (gzip.compress(make_tar()), "a tar archive"),
    (gzip.compress(make_zip("export.json")), "a ZIP archive"),
]


# A file that is one export is imported unpacked: in these an import looks for a directory.
OF_FILES = [make_zip("export.json"), make_tar(), gzip.compress(make_tar())]


@pytest.mark.parametrize(("data", "what"), ARCHIVES)
def test_an_archive_is_refused_with_what_it_is(data, what):
    told = f"The file is {what}. Unpack it: what is read is JSON, or JSON in gzip"
    with pytest.raises(FileUnreadable) as refused:
        parse(data, max_bytes=MUCH)
    code, message = refused.value.code, refused.value.message
    if data in OF_FILES:
        assert code == "no-directory"
        assert message.startswith("The archive has no ziggy.json: ")
    elif data == make_zip():
        assert code == "empty-archive"
    else:
        more = "" if "ZIP" in what else ", or a directory in zip or tar"
        assert (code, message) == ("invalid-encoding", f"{told}{more}.")
    with pytest.raises(FileUnreadable) as refused:
        read_object(data, max_bytes=MUCH, what="plan")
    assert refused.value.code == "invalid-encoding"
    assert what in refused.value.message


READ = {
    "zip": make_zip("export.json"),
    "empty zip": make_zip(),
    "tar": make_tar(),
}


@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_where_archives_are_taken_a_zip_and_a_tar_are_none_to_unpack(data):
    assert is_archive(data)
    assert unpack(data, max_bytes=1, takes_archives=True) is data


def test_where_archives_are_taken_a_tar_in_gzip_is_unpacked_within_four_times_the_limit():
    tar = make_tar()
    assert unpack(gzip.compress(tar), max_bytes=len(tar) // 4, takes_archives=True) == tar
    with pytest.raises(FileTooLarge):
        unpack(gzip.compress(tar), max_bytes=len(tar) // 4 - 1, takes_archives=True)


OTHERS = [
    (data, what) for data, what in ARCHIVES if not is_archive(data) and data[:2] != b"\x1f\x8b"
]


@pytest.mark.parametrize(("data", "what"), OTHERS)
def test_other_archives_are_refused_everywhere(data, what):
    told = f"is {what}. Unpack it: what is read is JSON, or JSON in gzip, or a directory in zip or tar."
    for given in (data, gzip.compress(data)):
        with pytest.raises(JSONProblem) as refused:
            unpack(given, max_bytes=MUCH, takes_archives=True)
        assert (refused.value.code, refused.value.message) == (
            "invalid-encoding",
            f"The file {told}",
        )


def test_text_that_looks_like_an_archive_inside_is_none():
    start = b'{"info": "'
    data = start + b"x" * (257 - len(start)) + b'ustar", "flows": []}'
    assert data[257:262] == b"ustar"
    assert len(parse(data, max_bytes=MUCH)) == 0
    with pytest.raises(FileUnreadable) as refused:
        parse(b"BZhello", max_bytes=MUCH)
    assert "bzip2" not in refused.value.message
