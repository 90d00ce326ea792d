"""The limit on the size of a file, held while its bytes come in. Pure."""

from io import BytesIO

from imports.errors import FileTooLarge


class GatheredFile:
    """The bytes of a file, put together from pieces up to a limit; `what` names it: "plan"."""

    def __init__(self, limit: int, *, what: str = "") -> None:
        self._limit = limit
        self._what = what
        self._bytes = BytesIO()

    def add(self, piece: bytes) -> None:
        """Append the piece. Raises FileTooLarge, after appending it, beyond the limit."""
        self._bytes.write(piece)
        if self._bytes.tell() > self._limit:
            raise make_too_large_error(self._limit, what=self._what)

    def get_bytes(self) -> bytes:
        """Return what was appended."""
        return self._bytes.getvalue()  # of a buffer that is not written to again: no copy


def check_size(data: bytes, limit: int, *, what: str = "") -> None:
    """Raise FileTooLarge for a file beyond the limit; `what` names it, such as "plan"."""
    if len(data) > limit:
        raise make_too_large_error(limit, what=what)


def make_too_large_error(limit: int, *, what: str = "") -> FileTooLarge:
    """Return the refusal of a file that is larger than `limit` bytes."""
    return FileTooLarge(
        "too-large",
        f"The {what}{' ' if what else ''}file is larger than the {limit:,} bytes that this server "
        "takes. Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES.",
    )
