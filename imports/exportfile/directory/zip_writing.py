"""Write a zip of which every byte follows from the files alone. Pure.

No time, no user and no system is in it: the same files are the same bytes wherever the same zlib
packs them.
"""

import stat
import zipfile
from collections.abc import Iterable, Iterator
from io import RawIOBase
from typing import Any, cast

_FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_UNIX = 3
_ORDINARY_FILE = (stat.S_IFREG | 0o644) << 16
_LEVEL = 6


class _Pieces(RawIOBase):
    """Keeps what is written until it is taken. It cannot seek: a zip is written straight on."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def write_zip(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the bytes of a zip of these files, paths with contents, in their order.

    One file is packed at a time: only the list of all files, which ends the zip, is kept.
    """
    pieces = _Pieces()
    out = cast(Any, pieces)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for path, content in files:
            info = zipfile.ZipInfo(path, _FIRST_TIME)
            info.create_system = _UNIX
            info.external_attr = _ORDINARY_FILE
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, _LEVEL)
            yield pieces.take()
    yield pieces.take()
