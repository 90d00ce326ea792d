"""Documents as they are stored: compressed, and checked against their digest when read."""

from threading import local

import zstandard
from django.db import DatabaseError

from flows.content.documents import compute_document_digest

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


def encode(text: str) -> bytes:
    """Return the text in UTF-8, where a lone surrogate is as any other character."""
    return text.encode(errors="surrogatepass")


def pack(text: str) -> bytes:
    """Return the packed text."""
    if not hasattr(_of_thread, "compressor"):
        _of_thread.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    packed: bytes = _of_thread.compressor.compress(encode(text))
    return packed


def unpack(body: bytes, digest: str) -> str:
    """Return the text of a stored document. Raises DamagedDocumentError."""
    if not hasattr(_of_thread, "decompressor"):
        _of_thread.decompressor = zstandard.ZstdDecompressor()
    try:
        text: str = _of_thread.decompressor.decompress(body).decode(errors="surrogatepass")
    except (zstandard.ZstdError, UnicodeDecodeError) as error:
        raise DamagedDocumentError(digest, "is damaged") from error
    if compute_document_digest(text) != digest:
        raise DamagedDocumentError(digest, "is damaged")
    return text
