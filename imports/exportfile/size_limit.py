"""The limit on the size of a file, held while its bytes come in. Pure.

It counts content, and no white space between the values of JSON: a file is not too large because it
is indented. Nothing is counted of a file whose bytes are within the limit as they are. With white
space, a file may have some times as many bytes; so may a zip or a tar, of which much is no content.
"""

from io import BytesIO

from imports.errors import FileTooLarge
from imports.exportfile.archives import is_archive

MOST_WITH_WHITE_SPACE = 4
"""How many times the limit the bytes of a file may be, with all white space.

An export is up to one and a half times its content, and twice that of four spaces for a level.
"""

_HEADER = 512
_STEP = 1024 * 1024
_WHITE_SPACE = b" \t\r\n"


class ContentCounter:
    """Counts the bytes of a JSON text, in pieces, that are no white space between values."""

    def __init__(self) -> None:
        self._size = 0
        self._is_in_string = False
        self._rest = b""
        """A backslash at the end, of which it is not known yet what it escapes."""

    @property
    def size(self) -> int:
        """The bytes of content so far."""
        return self._size + len(self._rest)

    def add(self, piece: bytes | memoryview) -> None:
        """Count the next bytes."""
        for start in range(0, len(piece), _STEP):
            self._add_step(self._rest + bytes(piece[start : start + _STEP]))

    def _add_step(self, text: bytes) -> None:
        backslashes = len(text) - len(text.rstrip(b"\\"))
        self._rest = b"\\" * (backslashes % 2)
        text = text.removesuffix(self._rest)
        # Of a run of backslashes each pair is one, so that what is left escapes what follows it.
        quoted = text.replace(rb"\\", b"xx").replace(rb"\"", b"xx").split(b'"')
        outside = b"".join(quoted[self._is_in_string :: 2])
        self._size += len(text) - len(outside) + len(outside.translate(None, _WHITE_SPACE))
        self._is_in_string ^= len(quoted) % 2 == 0


class GatheredFile:
    """The bytes of a file, put together from pieces up to a limit; `what` names it: "plan".

    Where files come one after the other and the limit is for all of them, each has the one before.
    """

    def __init__(self, limit: int, *, what: str = "", before: "GatheredFile | None" = None) -> None:
        self._limit = limit
        self._what = what
        self._before = before
        self._bytes = BytesIO()
        self._counter = ContentCounter()
        self._counted = 0

    @property
    def size(self) -> int:
        """The bytes of this file and of those before."""
        return self._bytes.tell() + (self._before.size if self._before else 0)

    def add(self, piece: bytes) -> None:
        """Append the piece. Raises FileTooLarge, after appending it, beyond the limit."""
        self._bytes.write(piece)
        size = self.size
        if size > self._limit and (
            size > MOST_WITH_WHITE_SPACE * self._limit or self.count_content() > self._limit
        ):
            raise make_too_large_error(self._limit, what=self._what)

    def count_content(self) -> int:
        """Return how many bytes are content, of this file and of those before.

        Of an archive it is the least part of its bytes that could be.
        """
        before = self._before.count_content() if self._before else 0
        with self._bytes.getbuffer() as view:
            if is_archive(bytes(view[:_HEADER])):
                return -(-len(view) // MOST_WITH_WHITE_SPACE) + before
        if self._counted < self._bytes.tell():
            with self._bytes.getbuffer() as view:
                self._counter.add(view[self._counted :])
            self._counted = self._bytes.tell()
        return self._counter.size + before

    def get_bytes(self) -> bytes:
        """Return what was appended."""
        return self._bytes.getvalue()  # of a buffer that is not written to again: no copy


def count_content(data: bytes) -> int:
    """Return how many bytes of a JSON text are no white space between values."""
    counter = ContentCounter()
    counter.add(data)
    return counter.size


def check_size(data: bytes, limit: int, *, what: str = "") -> None:
    """Raise FileTooLarge for a file beyond the limit; `what` names it, such as "plan"."""
    if len(data) > limit and (
        len(data) > MOST_WITH_WHITE_SPACE * limit or count_content(data) > limit
    ):
        raise make_too_large_error(limit, what=what)


def make_too_large_error(limit: int, *, what: str = "") -> FileTooLarge:
    """Return the refusal of a file that is larger than `limit` bytes."""
    return FileTooLarge(
        "too-large",
        f"The {what}{' ' if what else ''}file is larger than the {limit:,} bytes that this server "
        "takes. Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES.",
    )
