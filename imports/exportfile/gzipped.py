"""Unpack a file in gzip, which is known by its first two bytes and never by its name. Pure.

What is unpacked is bounded as the bytes of any file are, however little it is packed in.
"""

import zlib

from flows.strict_json.problems import JSONProblem
from imports.exportfile.archives import refuse_archive
from imports.exportfile.size_limit import GatheredFile, make_too_large_error

_MAGIC = b"\x1f\x8b"
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS
# The end of a member copies the rest of its piece, and each member takes time: many small members
# must not take more than many bytes.
_PIECE = 16 * 1024
_MAX_MEMBERS = 50_000
_UNPACKED_PIECE = 1024 * 1024


def is_gzip(data: bytes) -> bool:
    """Return whether the bytes begin as gzip does. No text in UTF-8 begins so."""
    return data.startswith(_MAGIC)


def unpack(data: bytes, *, max_bytes: int, what: str = "", takes_archives: bool = False) -> bytes:
    """Return the content of a file in gzip, and any other file as it is.

    With `takes_archives`, an archive, also one in gzip, is returned for others to read. Raises
    FileTooLarge, also where the content is larger than `max_bytes`, and JSONProblem (`broken-gzip`,
    or `invalid-encoding` for an archive). `what` names the file in the former, such as "plan".
    """
    if not is_gzip(data):
        refuse_archive(data, takes_archives=takes_archives)
        return data
    if len(data) > max_bytes:  # gzip is hardly ever larger than its content
        raise make_too_large_error(max_bytes, what=what)
    content = _unpack_members(data, max_bytes, what)
    if is_gzip(content):
        raise _make_problem("was packed twice. Unpack it once.")
    refuse_archive(content, takes_archives=takes_archives)
    return content


def _unpack_members(data: bytes, max_bytes: int, what: str) -> bytes:
    """Return the content of all members, of which gzip may have several."""
    content = GatheredFile(max_bytes, what=what)
    start = members = 0
    while start < len(data):
        if data[start : start + len(_MAGIC)] != _MAGIC:
            raise _make_problem("has other bytes after the end of its gzip. Pack it again.")
        members += 1
        if members > _MAX_MEMBERS:
            raise _make_problem(f"has more than {_MAX_MEMBERS:,} parts in gzip. Pack it as one.")
        start = _unpack_member(data, start, content)
    return content.get_bytes()


def _unpack_member(data: bytes, start: int, content: GatheredFile) -> int:
    """Append the content of the member that begins there, and return where it ends."""
    unpacker = zlib.decompressobj(_WITH_GZIP_HEADER)
    while not unpacker.eof:
        piece = data[start : start + _PIECE]
        try:
            unpacked = unpacker.decompress(piece, _UNPACKED_PIECE)
        except zlib.error:
            raise _make_problem("is damaged: its gzip cannot be unpacked. Send it again.") from None
        if not (piece or unpacked or unpacker.eof):
            raise _make_problem("stops before the end of its gzip. Send it again.")
        content.add(unpacked)
        start += len(piece) - len(unpacker.unconsumed_tail) - len(unpacker.unused_data)
    return start


def _make_problem(message: str) -> JSONProblem:
    return JSONProblem("broken-gzip", message, subject="The file")
