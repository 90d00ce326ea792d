"""How many passwords a process hashes at once.

A hash takes a processor for a good part of a second, on purpose. Without a limit, as many logins at
once as there are threads keep every other request waiting.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flows.conf import ziggy
from flows.counting import format_count

RETRY_AFTER = 1
"""After how many seconds a refused caller may try again."""

_lock = threading.Lock()
_held_by: dict[int, int] = {}
"""How many blocks each thread is in, of those that hold a place."""


class TooManyHashesError(Exception):
    """As many passwords are hashed as may be at once. The text is for people."""

    def __init__(self) -> None:
        super().__init__(
            "Too many people log in at this moment, and nothing was checked. "
            f"Try again in {format_count(RETRY_AFTER, 'second')}."
        )
        self.wait = RETRY_AFTER


@contextmanager
def hold_place_for_hash() -> Iterator[None]:
    """Hold one of the places for hashes. Raises TooManyHashesError at once if all are held.

    Nobody waits for a place, as waiting would occupy a thread. A thread that holds one may hold it
    again.
    """
    thread = threading.get_ident()
    with _lock:
        if thread not in _held_by and len(_held_by) >= max(1, ziggy.HASHES_AT_ONCE):
            raise TooManyHashesError
        _held_by[thread] = _held_by.get(thread, 0) + 1
    try:
        yield
    finally:
        with _lock:
            _held_by[thread] -= 1
            if not _held_by[thread]:
                del _held_by[thread]
