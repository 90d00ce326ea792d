"""One import at a time on a database."""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.locks import Lock, LockHeld, LockUnusable, hold_lock
from flows.statement_timeout import limit_statements
from imports.errors import ImportFailed

__all__ = ["LockHeld", "import_lock", "is_lock_held"]

_IMPORT = Lock(number=int.from_bytes(b"ziggyimp", "big"), file_suffix="import-lock")


@contextmanager
def import_lock(*, wait: float) -> Iterator[None]:
    """Hold the import lock of the current database while the block runs.

    Raises LockHeld where another holder, in whatever process, keeps it for longer than `wait`
    seconds. A block inside a block is another holder too: it waits, and raises.

    Whoever holds it may take long over each statement, in a request as well.
    """
    try:
        with limit_statements(0), hold_lock(_IMPORT, wait=wait):
            yield
    except LockUnusable as error:
        raise ImportFailed(
            "no-lock",
            f"{error}. Let this process write it, or remove it while no import is running.",
        ) from error


def is_lock_held() -> bool:
    """Whether somebody holds the import lock of the current database now."""
    try:
        with import_lock(wait=0):
            return False
    except LockHeld:
        return True
