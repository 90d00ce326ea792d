"""Documents as they are stored: compressed, and checked against their digest when read."""

from hashlib import sha256
from threading import local

import zstandard
from django.db import DatabaseError

_LEVEL = 1  # higher ones pack a tenth more in thrice the time


class DamagedDocumentError(DatabaseError):
    """A stored document is not the one that its digest is of, or is no longer there."""

    code = "damaged-document"

    def __init__(self, digest: str, why: str) -> None:
        super().__init__(
            f"The stored document {digest} {why}. Rows and named saves that have it cannot be "
            "read: restore a backup from before, or import the flow again."
        )
        self.digest = digest


# One each for a thread: they are not made for use by several at once.
_of_thread = local()


def pack(utf8: bytes) -> bytes:
    """Return the packed text, which is given in UTF-8."""
    if not hasattr(_of_thread, "compressor"):
        _of_thread.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    packed: bytes = _of_thread.compressor.compress(utf8)
    return packed


def unpack(body: bytes, digest: str) -> bytes:
    """Return the text of a stored document, in UTF-8. Raises DamagedDocumentError."""
    if not hasattr(_of_thread, "decompressor"):
        _of_thread.decompressor = zstandard.ZstdDecompressor()
    try:
        utf8: bytes = _of_thread.decompressor.decompress(body)
    except zstandard.ZstdError as error:
        raise DamagedDocumentError(digest, "is damaged") from error
    if sha256(utf8).hexdigest() != digest:
        raise DamagedDocumentError(digest, "is damaged")
    return utf8
