"""What every line of the log is about: the request, its user, the run that goes on.

Whoever begins something adds values here, as functions that are called when a line is written; how
lines are written is up to the project. The values are numbers and ids, never texts of files.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Value = str | int | None

_values: ContextVar[Mapping[str, Callable[[], Value]] | None] = ContextVar(
    "log_context", default=None
)


@contextmanager
def add_to_log(**values: Callable[[], Value]) -> Iterator[None]:
    """Add these values to the context of the block, beside those of the blocks around it."""
    token = _values.set({**(_values.get() or {}), **values})
    try:
        yield
    finally:
        _values.reset(token)


def read_log_context() -> dict[str, Value]:
    """Return the values of now by their names, without those that are not known yet."""
    found = {name: read() for name, read in (_values.get() or {}).items()}
    return {name: value for name, value in found.items() if value is not None}
