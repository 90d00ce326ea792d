"""Which parts of two sequences are equal, and which differ, in bounded time for any. Pure.

difflib takes quadratic time. What is too much for it is split at the elements that both sides have
once; and what then is too much still counts as replaced as a whole. So the answer is coarser for
very long sequences, but nothing that differs is ever left out of it.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from itertools import accumulate

# The most comparisons of one call of difflib.
_MOST_COMPARISONS = 1_000_000
# The most comparisons for all that one page compares.
_BUDGET = 6_000_000


class TooLongError(Exception):
    """The budget of comparisons is too small."""


@dataclass(slots=True)
class Budget:
    """How many comparisons are left for what is compared for one page."""

    left: int = _BUDGET

    def take(self, comparisons: int) -> None:
        """Take so many. Raises TooLongError, and takes none, where fewer are left."""
        if comparisons > self.left:
            raise TooLongError
        self.left -= comparisons


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring elements of the old sequence, and those of the new one that stand for them."""

    differs: bool
    old: range
    new: range


def match(old: Sequence[str], new: Sequence[str], budget: Budget) -> Iterator[Block]:
    """Yield the blocks of two sequences in order: together they are all elements of both."""
    yield from _merge(_match(old, new, (range(len(old)), range(len(new))), budget))


def match_closely(
    old: Sequence[str], new: Sequence[str], budget: Budget, *, most: int
) -> Iterator[Block]:
    """Yield blocks as `match` does; of over `most` elements that may differ, all differ."""
    ends = _EqualEnds.find(old, new, (range(len(old)), range(len(new))))
    if max(map(len, ends.middle)) > most:
        yield from _merge(ends.surround([Block(True, *ends.middle)]))
    else:
        yield from match(old, new, budget)


Spans = tuple[range, range]


def _match(
    old: Sequence[str], new: Sequence[str], spans: Spans, budget: Budget, *, splits: bool = True
) -> Iterator[Block]:
    ends = _EqualEnds.find(old, new, spans)
    first, second = ends.middle
    blocks: Iterable[Block] | None = None
    if first and second:
        blocks = _match_all(old, new, ends.middle, budget)
        if blocks is None and splits and (anchors := _find_anchors(old, new, ends.middle)):
            blocks = _match_between(old, new, ends.middle, anchors, budget)
    return ends.surround([Block(True, first, second)] if blocks is None else blocks)


@dataclass(frozen=True, slots=True)
class _EqualEnds:
    """Two spans, and how many of their elements are equal at the start, and at the end."""

    spans: Spans
    start: int
    end: int

    @classmethod
    def find(cls, old: Sequence[str], new: Sequence[str], spans: Spans) -> "_EqualEnds":
        first, second = spans
        shorter = min(len(first), len(second))
        start = 0
        while start < shorter and old[first[start]] == new[second[start]]:
            start += 1
        end = 0
        while end < shorter - start and old[first[-1 - end]] == new[second[-1 - end]]:
            end += 1
        return cls(spans, start, end)

    @property
    def middle(self) -> Spans:
        """Return the spans between the equal ends."""
        first, second = self.spans
        return (
            first[self.start : len(first) - self.end],
            second[self.start : len(second) - self.end],
        )

    def surround(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield the blocks of the middle, between those of the ends."""
        first, second = self.spans
        yield Block(False, first[: self.start], second[: self.start])
        yield from blocks
        yield Block(False, first[len(first) - self.end :], second[len(second) - self.end :])


def _match_all(
    old: Sequence[str], new: Sequence[str], spans: Spans, budget: Budget
) -> list[Block] | None:
    """Return the blocks as difflib finds them; None where that would take too long."""
    first, second = spans
    if len(first) * len(second) > _MOST_COMPARISONS:
        return None
    matcher = _Matcher(old[first.start : first.stop], new[second.start : second.stop], budget)
    try:
        return [
            Block(tag != "equal", first[i1:i2], second[j1:j2])
            for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        ]
    except TooLongError:
        return None


def _match_between(
    old: Sequence[str],
    new: Sequence[str],
    spans: Spans,
    anchors: Sequence[tuple[int, int]],
    budget: Budget,
) -> Iterator[Block]:
    first, second = spans
    at, to = first.start, second.start
    for i, j in anchors:
        yield from _match(old, new, (range(at, i), range(to, j)), budget, splits=False)
        yield Block(False, range(i, i + 1), range(j, j + 1))
        at, to = i + 1, j + 1
    rest = range(at, first.stop), range(to, second.stop)
    yield from _match(old, new, rest, budget, splits=False)


def _find_anchors(old: Sequence[str], new: Sequence[str], spans: Spans) -> list[tuple[int, int]]:
    """Return the places of elements that both have once, as many as stand in one order in both."""
    first, second = spans
    counts = Counter(old[i] for i in first), Counter(new[j] for j in second)
    places = {new[j]: j for j in second if counts[1][new[j]] == 1}
    pairs = [(i, places[old[i]]) for i in first if counts[0][old[i]] == 1 and old[i] in places]
    return _find_longest_rise(pairs)


def _find_longest_rise(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the most pairs, in their order, whose second numbers rise (patience sorting)."""
    ends: list[int] = []  # the least second number that ends a rise of each length
    at: list[int] = []  # which pair that is
    before: list[int | None] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(at[length - 1] if length else None)
        if length == len(ends):
            ends.append(j)
            at.append(number)
        else:
            ends[length] = j
            at[length] = number
    found: list[tuple[int, int]] = []
    step = at[-1] if at else None
    while step is not None:
        found.append(pairs[step])
        step = before[step]
    return found[::-1]


def _merge(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks without empty ones, neighbours of one kind as one."""
    last: Block | None = None
    for block in blocks:
        if not (block.old or block.new):
            continue
        if last and last.differs == block.differs:
            last = Block(
                last.differs,
                range(last.old.start, block.old.stop),
                range(last.new.start, block.new.stop),
            )
            continue
        if last:
            yield last
        last = block
    if last:
        yield last


class _Matcher(SequenceMatcher[str]):
    """A matcher that takes from the budget for each pass over its lines, repeated ones too."""

    def __init__(self, old: Sequence[str], new: Sequence[str], budget: Budget):
        counts = Counter(new)
        self._costs = list(accumulate((1 + counts[line] for line in old), initial=0))
        self._budget = budget
        super().__init__(None, old, new)

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self._budget.take(self._costs[-1 if ahi is None else ahi] - self._costs[alo])
        return super().find_longest_match(alo, ahi, blo, bhi)
