"""Writing an export in gzip: the same export gives the same bytes."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

GZIP_SUFFIX = ".gz"
FASTEST = 1
"""The level of compression: it packs flows to a tenth, and slower ones hardly better."""


@contextmanager
def open_gzip(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Open a stream that writes gzip into the other one, which stays open.

    The gzip has neither the time nor the name of a file.
    """
    with gzip.GzipFile(
        filename="", fileobj=stream, mode="wb", compresslevel=FASTEST, mtime=0
    ) as packed:
        yield cast(BinaryIO, packed)
