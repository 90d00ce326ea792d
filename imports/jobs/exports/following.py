"""How far an export is, while it is built; and whether it is still wanted."""

import time

from imports.models import ExportStatus
from imports.runs.beside import BesideWriter

_EVERY = 0.5
_KEEP = """
    UPDATE imports_backgroundexport SET done = %s, total = %s, size = %s
    WHERE id = %s AND status = %s AND attempts = %s
"""


class ExportUnwanted(Exception):  # noqa: N818 - the name says what happened
    """The export was called off, or another worker builds it by now."""


class ExportFollower:
    """Keeps the numbers, every half second, by a connection of its own: the export only reads.

    Raises ExportUnwanted from a call after the row is gone, or is another worker's.
    """

    def __init__(self, number: int, attempt: int) -> None:
        self._row = (number, str(ExportStatus.RUNNING), attempt)
        self._writer = BesideWriter()
        self._next = time.monotonic() + _EVERY

    def __call__(self, done: int, total: int, size: int) -> None:
        if time.monotonic() < self._next:
            return
        if self._writer.execute(_KEEP, [done, total, size, *self._row]) == 0:
            raise ExportUnwanted
        self._next = time.monotonic() + _EVERY

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._writer.close()
