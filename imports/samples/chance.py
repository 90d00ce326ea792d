"""Choices that follow from a key alone: the same on every machine and in every Python.

The methods of `random` may choose differently in another version of Python, so that they cannot
give the same bytes for good.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar
from uuid import UUID

T = TypeVar("T")

_NUMBER_SIZE = 8


class Chance:
    """A series of choices; two with one key make the same ones."""

    def __init__(self, *key: object) -> None:
        self._key = "\n".join(map(str, key)).encode()
        self._block = b""
        self._blocks = 0

    def pick_number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int.from_bytes(self._take_bytes(_NUMBER_SIZE)) % (high - low + 1)

    def happens(self, percent: int) -> bool:
        """Return true in so many of 100 cases."""
        return self.pick_number(1, 100) <= percent

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.pick_number(0, len(options) - 1)]

    def pick_weighted(self, options: Sequence[tuple[T, int]]) -> T:
        """Return one of the options, each as often as its weight says."""
        at = self.pick_number(1, sum(weight for _, weight in options))
        for option, weight in options:
            at -= weight
            if at <= 0:
                return option
        raise AssertionError("the weights have another sum")

    def pick_several(self, options: Sequence[T], count: int) -> list[T]:
        """Return so many different options, or all of them, in any order."""
        left = list(options)
        count = min(count, len(left))
        return [left.pop(self.pick_number(0, len(left) - 1)) for _ in range(count)]

    def make_uuid(self) -> str:
        """Return a uuid in text, which looks like a random one."""
        return str(UUID(bytes=self._take_bytes(16), version=4))

    def _take_bytes(self, size: int) -> bytes:
        while len(self._block) < size:
            self._block += blake2b(self._key + b"\n%d" % self._blocks).digest()
            self._blocks += 1
        taken, self._block = self._block[:size], self._block[size:]
        return taken
