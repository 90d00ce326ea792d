"""An entry of an archive as its headers have it, and its content, unpacked up to a limit. Pure."""

import zlib
from dataclasses import dataclass
from io import BytesIO

from flows.strict_json.problems import JSONProblem
from flows.texts import quote

_RAW_DEFLATE = -zlib.MAX_WBITS
_PIECE = 16 * 1024
_UNPACKED_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEntry:
    """A file or a directory of an archive, and where its bytes lie in the archive."""

    path: str
    """As in the archive. That of a directory ends with "/"."""
    start: int
    packed_size: int
    size: int
    """The size of the content that the archive claims."""
    is_packed: bool = False
    """Whether the content is in deflate."""
    crc: int | None = None
    """The checksum of the content; None where the archive has none."""
    is_link: bool = False
    """Whether it is a symbolic or a hard link."""

    @property
    def is_directory(self) -> bool:
        """Return whether it is a directory."""
        return self.path.endswith("/")


def read_entry(data: bytes, entry: ArchiveEntry) -> bytes:
    """Return the content of an entry, of whose claimed size no byte more is unpacked.

    Raises JSONProblem (`broken-archive`) where the content is not what the archive claims.
    """
    packed = memoryview(data)[entry.start : entry.start + entry.packed_size]
    content = _inflate(packed, entry) if entry.is_packed else bytes(packed)
    if len(content) != entry.size or entry.crc not in (None, zlib.crc32(content)):
        raise _make_damaged_problem(entry)
    return content


def _inflate(packed: memoryview, entry: ArchiveEntry) -> bytes:
    unpacker = zlib.decompressobj(_RAW_DEFLATE)
    content = BytesIO()
    try:
        for start in range(0, len(packed), _PIECE):
            rest: bytes | memoryview = packed[start : start + _PIECE]
            while rest:
                content.write(unpacker.decompress(rest, _UNPACKED_PIECE))
                if content.tell() > entry.size or unpacker.unused_data:
                    raise _make_damaged_problem(entry)
                rest = unpacker.unconsumed_tail
        # What the last piece gave is kept back until there is room for it.
        while content.tell() <= entry.size and (more := unpacker.decompress(b"", _UNPACKED_PIECE)):
            content.write(more)
    except zlib.error:
        raise _make_damaged_problem(entry) from None
    if not unpacker.eof:
        raise _make_damaged_problem(entry)
    return content.getvalue()


def make_problem(code: str, message: str) -> JSONProblem:
    """Return the refusal of an archive; the message goes on after "The archive"."""
    return JSONProblem(code, message, subject="The archive")


def make_broken_problem(what: str) -> JSONProblem:
    """Return the refusal of an archive that contradicts itself."""
    return make_problem("broken-archive", f"is broken: {what}. Make it again.")


def make_special_problem(path: str) -> JSONProblem:
    """Return the refusal of a device, a pipe or the like."""
    return make_problem(
        "special-file", f"has {quote(path)}, which is no file and no directory. Leave it out."
    )


def make_too_many_problem(max_files: int) -> JSONProblem:
    """Return the refusal of an archive with more files and directories than that."""
    return make_problem(
        "too-many-files", f"has more than {max_files:,} files. Export fewer flows at a time."
    )


def _make_damaged_problem(entry: ArchiveEntry) -> JSONProblem:
    return make_broken_problem(f"{quote(entry.path)} is not as long as it says, or was changed")
