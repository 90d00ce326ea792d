"""Pause the collection of garbage while very many objects are made, and give their memory back.

A collection looks at all objects of the process: while a large file is read and planned it would
take a third of the time, and find nothing, as no cycles are made. Pure.
"""

import ctypes
import gc
import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PAGE = mmap.PAGESIZE


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Collect no garbage in the block, in any thread of the process."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_resident_bytes() -> int:
    """Return how much memory the process occupies; 0 where the system does not say."""
    with suppress(OSError):
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * _PAGE
    return 0


def give_memory_back() -> None:
    """Collect garbage, and give the memory that is free then back to the system.

    glibc keeps what was freed between two objects that are still used, whatever its settings are:
    after a file of 200 MB, several hundred megabytes. Where the C library is another one, only
    garbage is collected.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
