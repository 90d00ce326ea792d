"""An archive is refused with what it is, at whatever door: JSON is read, or JSON in gzip."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from imports.errors import FileUnreadable
from imports.exportfile.companion import read_object
from imports.exportfile.document import parse
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


def test_text_that_looks_like_an_archive_inside_is_none():
    start = b'{"info": "'
    data = start + b"x" * (257 - len(start)) + b'ustar", "flows": []}'
    assert data[257:262] == b"ustar"
    assert len(parse(data, max_bytes=MUCH)) == 0
    with pytest.raises(FileUnreadable) as refused:
        parse(b"BZhello", max_bytes=MUCH)
    assert "bzip2" not in refused.value.message
