"""A file in gzip is read as its content, within the limit; what is broken is told apart."""

import gzip
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.strict_json.problems import JSONProblem
from imports.errors import FileTooLarge, FileUnreadable, UnableToImport
from imports.exportfile import gzipped
from imports.exportfile.companion import read_object
from imports.exportfile.document import parse
from imports.exportfile.gzipped import unpack
from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE, count_content
from tests.support.importing import export_file, flow

FILE = export_file(flow(1, "Orders"), flow(2, "Invoices", info="é" * 5000))
PACKED = gzip.compress(FILE, mtime=0)
MUCH = 10**6


def make_bomb(size: int, byte: bytes = b"\0") -> bytes:
    """So many bytes in gzip, all the same."""
    packer = zlib.compressobj(9, wbits=31)
    same = byte * 1024 * 1024
    pieces = [packer.compress(same) for _ in range(size // len(same))]
    return b"".join([*pieces, packer.flush()])


def refused(data: bytes, max_bytes: int = MUCH) -> FileUnreadable:
    with pytest.raises(FileUnreadable) as raised:
        parse(data, max_bytes=max_bytes)
    return raised.value


def test_the_document_is_that_of_the_content():
    plain, packed = parse(FILE, max_bytes=MUCH), parse(PACKED, max_bytes=MUCH)
    assert list(packed) == list(plain)
    assert (packed.sha256, packed.size) == (hashlib.sha256(FILE).hexdigest(), len(FILE))


def test_a_file_that_is_not_in_gzip_is_not_copied():
    assert unpack(FILE, max_bytes=1) is FILE


@given(
    st.lists(st.tuples(st.binary(max_size=40_000), st.integers(0, 9)), min_size=1, max_size=5),
    st.integers(0, 10),
)
def test_several_members_are_one_content(members, spare):
    content = b"{" + b"".join(data for data, _ in members)
    packed = gzip.compress(b"{") + b"".join(gzip.compress(*member) for member in members)
    most = max(len(content), len(packed)) + spare
    assert unpack(packed, max_bytes=most) == content


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found_or_is_none_of_the_content(at, change):
    damaged = bytearray(PACKED)
    damaged[at] ^= change
    try:
        document = parse(bytes(damaged), max_bytes=MUCH)
    except FileUnreadable:
        return
    assert document.sha256 == hashlib.sha256(FILE).hexdigest()  # of the header's time or system


@given(st.integers(2, len(PACKED) - 1))
def test_a_file_that_was_cut_off_is_refused(length):
    error = refused(PACKED[:length])
    assert error.message == "The file stops before the end of its gzip. Send it again."


BROKEN = {
    "damaged": (
        PACKED[:-8] + bytes(8),
        "The file is damaged: its gzip cannot be unpacked. Send it again.",
    ),
    "no deflate": (
        b"\x1f\x8b\x07" + PACKED[3:],
        "The file is damaged: its gzip cannot be unpacked. Send it again.",
    ),
    "two bytes": (b"\x1f\x8b", "The file stops before the end of its gzip. Send it again."),
    "a second member that is cut off": (
        PACKED + PACKED[:20],
        "The file stops before the end of its gzip. Send it again.",
    ),
    "garbage": (
        PACKED + b"garbage",
        "The file has other bytes after the end of its gzip. Pack it again.",
    ),
    "zeros": (
        PACKED + bytes(512),
        "The file has other bytes after the end of its gzip. Pack it again.",
    ),
    "twice": (gzip.compress(PACKED), "The file was packed twice. Unpack it once."),
}


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_gzip_has_a_code_of_its_own(data, message):
    error = refused(data)
    assert (error.code, error.status, error.exit_code) == ("broken-gzip", 400, 3)
    assert error.message == message
    assert [(issue.code, issue.path) for issue in error.issues] == [("broken-gzip", "")]


def test_many_small_members_are_refused(monkeypatch):
    monkeypatch.setattr(gzipped, "_MAX_MEMBERS", 3)
    assert unpack(gzip.compress(b"x") * 3, max_bytes=MUCH) == b"xxx"
    with pytest.raises(JSONProblem, match=r"^The file has more than 3 parts in gzip\."):
        unpack(gzip.compress(b"x") * 4, max_bytes=MUCH)


def test_what_is_no_json_is_refused_as_the_same_without_gzip():
    for data in (b"", b"{", b"\xff", b"[1]", b"\xef\xbb\xbf{}"):
        plain, packed = refused_as(data), refused_as(gzip.compress(data))
        assert packed == plain


def refused_as(data: bytes) -> tuple[str, str]:
    with pytest.raises(UnableToImport) as raised:
        parse(data, max_bytes=MUCH)
    return raised.value.code, raised.value.message


def test_the_content_may_have_exactly_the_size_that_is_allowed():
    content = count_content(FILE)
    assert parse(PACKED, max_bytes=content).size == len(FILE)
    with pytest.raises(FileTooLarge) as raised:
        parse(PACKED, max_bytes=content - 1)
    assert raised.value.message == (
        f"The file is larger than the {content - 1:,} bytes that this server takes. "
        "Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES."
    )


def test_packed_bytes_beyond_the_limit_are_not_unpacked():
    with pytest.raises(FileTooLarge):
        parse(b"\x1f\x8b" + bytes(100), max_bytes=100)


def test_a_file_beside_an_export_may_be_in_gzip_too():
    values = read_object(gzip.compress(b'{"decisions": {}}'), max_bytes=MUCH, what="decisions")
    assert list(values) == ["decisions"]
    with pytest.raises(FileUnreadable) as raised:
        read_object(gzip.compress(b"{}")[:-1], max_bytes=MUCH, what="plan")
    assert raised.value.message == (
        "The plan file cannot be read. The file stops before the end of its gzip. Send it again."
    )
    with pytest.raises(FileTooLarge, match=r"^The plan file is larger than the 40 bytes"):
        read_object(gzip.compress(b"{" + b"x" * 40), max_bytes=40, what="plan")


@pytest.mark.parametrize("byte", [b"\0", b" "], ids=["zeros", "white space"])
def test_of_a_bomb_no_more_is_unpacked_than_a_file_may_have_bytes(byte, monkeypatch):
    """What is made of it ends with the limit."""
    unpacked = 0
    make = zlib.decompressobj

    class Counting:
        def __init__(self, wbits):
            self.inner = make(wbits)

        def decompress(self, data, most):
            nonlocal unpacked
            piece = self.inner.decompress(data, most)
            unpacked += len(piece)
            return piece

        def __getattr__(self, name):
            return getattr(self.inner, name)

    monkeypatch.setattr("imports.exportfile.gzipped.zlib.decompressobj", Counting)
    limit = 4 * 1024 * 1024
    with pytest.raises(FileTooLarge):
        parse(make_bomb(128 * 1024**2, byte), max_bytes=limit)
    assert 0 < unpacked < (MOST_WITH_WHITE_SPACE + 1) * limit
