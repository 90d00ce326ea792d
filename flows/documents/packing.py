"""Documents as they are stored: compressed, and checked against their digest when read."""

from collections.abc import Sequence
from hashlib import sha256
from threading import local

import zstandard
from django.db import DatabaseError

from flows.counting import format_list
from flows.texts import quote

_NAMES_SHOWN = 3
_LEVEL = 1  # higher ones pack a tenth more in thrice the time


class DamagedDocumentError(DatabaseError):
    """A stored document is not the one that its digest is of, or is no longer there."""

    code = "damaged-document"

    def __init__(self, digest: str, why: str, *, flows: Sequence[str] = ()) -> None:
        """`flows` has the names of flows that have it, as far as they are known."""
        named = f" It belongs to {_format_flows(flows)}." if flows else ""
        super().__init__(
            f"The stored document {digest} {why}.{named} database_check names all flows and named "
            "saves that have it. Mend it from an export or a backup with database_check --mend "
            "FILE, or restore a backup from before."
        )
        self.digest = digest
        self.log_text = f"The stored document {digest} {why}."
        """What a log may have of it: no names."""
        self.why = why


def _format_flows(names: Sequence[str]) -> str:
    shown = [f"the flow {quote(name)}" for name in names[:_NAMES_SHOWN]]
    return format_list(shown, more=len(names) - len(shown))


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


def is_whole(body: bytes, digest: str) -> bool:
    """Return whether it is the packed text that the digest is of."""
    try:
        unpack(body, digest)
    except DamagedDocumentError:
        return False
    return True
