"""Wait for what other processes do."""

import time
from collections.abc import Callable

PATIENCE = 60
"""Seconds after which a test gives up."""


def wait_until(is_so: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s: {is_so}"
        time.sleep(0.05)
