"""Compare two texts line by line for people to read. Pure.

Unchanged stretches are folded, but not left out; of what changed nothing is folded, cut or
shortened, whatever the size of the texts. Changed words inside a changed line are marked. The texts
can be put together again from the rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from flows.differences.matching import Block, Budget, match
from flows.differences.pieces import Pieces, make_pieces, mark_words

_CONTEXT = 3
# Longer changed stretches are not compared word by word: which lines belong together is a guess.
_MOST_PAIRS = 40
MOST_CHANGED = 2_000
"""The most changed lines of a part of the rows: see LineDiff.parts."""


class RowKind(StrEnum):
    """The kind of a row of a comparison."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    FOLD = "fold"
    """A row for `count` unchanged lines, which are all in its pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRow:
    """A line, or folded ones, with its number on each side that has it."""

    kind: RowKind
    before: int | None = None
    after: int | None = None
    pieces: Pieces = ()
    count: int = 1

    @property
    def sign(self) -> str:
        """Return a sign for the row's kind, besides its colour."""
        return {RowKind.ADDED: "+", RowKind.REMOVED: "\N{MINUS SIGN}"}.get(self.kind, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPart:
    """Some of the rows of a comparison, with the numbers of the first and last changed line."""

    rows: tuple[DiffRow, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDiff:
    """The rows of a comparison; none where the texts are equal."""

    rows: tuple[DiffRow, ...] = ()

    @property
    def changed(self) -> int:
        """Return how many lines were removed and added."""
        return sum(_is_changed(row) for row in self.rows)

    @property
    def parts(self) -> list[RowsPart]:
        """Return the rows in parts of at most MOST_CHANGED changed lines."""
        parts: list[RowsPart] = []
        start = count = 0
        for at, row in enumerate(self.rows):
            if _is_changed(row) and count and count % MOST_CHANGED == 0:
                first = len(parts) * MOST_CHANGED + 1
                parts.append(RowsPart(rows=self.rows[start:at], first=first, last=count))
                start = at
            count += _is_changed(row)
        first = len(parts) * MOST_CHANGED + 1
        return [*parts, RowsPart(rows=self.rows[start:], first=first, last=count)]


def _is_changed(row: DiffRow) -> bool:
    return row.kind in {RowKind.ADDED, RowKind.REMOVED}


def compare_lines(before: str, after: str, budget: Budget | None = None) -> LineDiff:
    """Return the differences between two texts; an empty text has no lines.

    Where the budget is too small, which lines belong together is told less exactly; without
    `budget` they have their own.
    """
    budget = budget or Budget()
    old, new = _split_lines(before), _split_lines(after)
    blocks = list(match(old, new, budget))
    if not any(block.differs for block in blocks):
        return LineDiff()
    return LineDiff(rows=tuple(_make_rows(old, new, blocks, budget)))


def format_document(document: str) -> str:
    """Return canonical JSON with a line for each value."""
    return msgspec.json.format(document, indent=2)


def format_line_numbers(rows: Sequence[DiffRow]) -> str:
    """Return where the rows are before and after, as in a unified diff: `@@ -12,7 +12,8 @@`."""
    before = [row.before for row in rows if row.before is not None]
    after = [row.after for row in rows if row.after is not None]
    return f"@@ -{_format_span(before)} +{_format_span(after)} @@"


def _format_span(numbers: Sequence[int]) -> str:
    return f"{numbers[0] if numbers else 0},{len(numbers)}"


def _split_lines(text: str) -> list[str]:
    """Return the lines with their ends, of which only `\\n` is not shown: CRLF differs from LF."""
    return text.split("\n") if text else []


def _make_rows(
    old: Sequence[str], new: Sequence[str], blocks: Sequence[Block], budget: Budget
) -> Iterator[DiffRow]:
    for number, block in enumerate(blocks):
        if block.differs:
            yield from _make_changed_rows(old, new, block, budget)
            continue
        before = _CONTEXT if number else 0
        after = _CONTEXT if number < len(blocks) - 1 else 0
        yield from _make_same_rows(old, block, before, after)


def _make_same_rows(old: Sequence[str], block: Block, first: int, last: int) -> Iterator[DiffRow]:
    """Yield the unchanged lines, all but the first and the last of them in one row."""
    folded = len(block.old) - first - last
    shown = range(len(block.old))
    if folded > 1:
        yield from (_make_same_row(old, block, at) for at in shown[:first])
        start = block.old.start + first
        text = "\n".join(old[start : start + folded])
        yield DiffRow(
            kind=RowKind.FOLD,
            before=start + 1,
            after=block.new.start + first + 1,
            pieces=make_pieces(text),
            count=folded,
        )
        shown = shown[first + folded :]
    yield from (_make_same_row(old, block, at) for at in shown)


def _make_same_row(old: Sequence[str], block: Block, at: int) -> DiffRow:
    return DiffRow(
        kind=RowKind.SAME,
        before=block.old[at] + 1,
        after=block.new[at] + 1,
        pieces=make_pieces(old[block.old[at]]),
    )


def _make_changed_rows(
    old: Sequence[str], new: Sequence[str], block: Block, budget: Budget
) -> Iterator[DiffRow]:
    """Yield removed lines, then added ones, compared in pairs if there are as many of both."""
    removed = [make_pieces(old[i]) for i in block.old]
    added = [make_pieces(new[j]) for j in block.new]
    if len(block.old) == len(block.new) <= _MOST_PAIRS:
        for at, (i, j) in enumerate(zip(block.old, block.new, strict=True)):
            removed[at], added[at] = mark_words(old[i], new[j], budget)
    for i, pieces in zip(block.old, removed, strict=True):
        yield DiffRow(kind=RowKind.REMOVED, before=i + 1, pieces=pieces)
    for j, pieces in zip(block.new, added, strict=True):
        yield DiffRow(kind=RowKind.ADDED, after=j + 1, pieces=pieces)
