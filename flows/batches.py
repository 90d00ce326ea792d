"""Split what one query takes into batches. Pure."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def split_batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the values in lists of at most that size."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
