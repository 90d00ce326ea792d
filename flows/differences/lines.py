"""Compare two texts line by line for people to read, in bounded time for any texts. Pure.

Unchanged stretches are folded, changed words inside a changed line are marked, invisible characters
are written out. difflib takes quadratic time, so texts that are too long are not compared, and
reported as such.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from enum import StrEnum
from itertools import accumulate

import msgspec

LONGEST_TEXT = 200_000
MOST_LINES = 5_000
# The most comparisons for the lines that remain without the equal ones at both ends.
_MOST_COMPARISONS = 1_000_000
# The most comparisons for all texts of one difference, and what showing a line adds to them.
_BUDGET = 6_000_000
_LINE_COST = 6
_CONTEXT = 3
_MOST_ROWS = 400
# Longer changed stretches are not compared word by word: which lines belong together is a guess.
_MOST_PAIRS = 40
_MOST_WORDS = 50
# A line longer than this is shown in excerpts.
_LONG_LINE = 600
_EXCERPT = 120
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class RowKind(StrEnum):
    """The kind of a row of a comparison."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    FOLD = "fold"
    """A row for `count` unchanged lines."""
    CUT = "cut"
    """A row for `count` further rows that are not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a line; `marked` where it differs from the line before or after the change."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRow:
    """A line, with its number on each side that has it; or a stretch that is left out."""

    kind: RowKind
    before: int | None = None
    after: int | None = None
    pieces: tuple[Piece, ...] = ()
    count: int = 0

    @property
    def sign(self) -> str:
        """Return a sign for the row's kind, besides its colour."""
        return {RowKind.ADDED: "+", RowKind.REMOVED: "\N{MINUS SIGN}"}.get(self.kind, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDiff:
    """The rows of a comparison; none where the texts are equal or were too long to compare."""

    rows: tuple[DiffRow, ...] = ()
    too_long: bool = False
    before_size: int = 0
    after_size: int = 0
    """In characters."""


class TooLongError(Exception):
    """The budget of comparisons is too small."""


@dataclass(slots=True)
class Budget:
    """How many comparisons are left for the texts that are compared for one page."""

    left: int = _BUDGET

    def take(self, comparisons: int) -> None:
        """Take so many. Raises TooLongError, and takes none, where fewer are left."""
        if comparisons > self.left:
            raise TooLongError
        self.left -= comparisons


class _Matcher(SequenceMatcher[str]):
    """A matcher that takes from the budget for each pass over its lines, repeated ones too."""

    def __init__(self, old: Sequence[str], new: Sequence[str], budget: Budget, *, autojunk: bool):
        counts = Counter(new)
        self._costs = list(accumulate((1 + counts[line] for line in old), initial=0))
        self._budget = budget
        super().__init__(None, old, new, autojunk=autojunk)

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self._budget.take(self._costs[-1 if ahi is None else ahi] - self._costs[alo])
        return super().find_longest_match(alo, ahi, blo, bhi)


def compare_lines(before: str, after: str, budget: Budget | None = None) -> LineDiff:
    """Return the differences between two texts; an empty text has no lines.

    Texts for which the budget is too small are too long; without `budget` they have their own.
    """
    budget = budget or Budget()
    sizes = LineDiff(too_long=True, before_size=len(before), after_size=len(after))
    if max(len(before), len(after)) > LONGEST_TEXT:
        return sizes
    old, new = _split_lines(before), _split_lines(after)
    if max(len(old), len(new)) > MOST_LINES:
        return sizes
    start, end = _count_equal_ends(old, new)
    if (len(old) - start - end) * (len(new) - start - end) > _MOST_COMPARISONS:
        return sizes
    try:
        budget.take((len(old) + len(new)) * _LINE_COST)
        rows = _limit_rows(_fold_rows(list(_make_rows(old, new, (start, end), budget))))
    except TooLongError:
        return sizes
    return LineDiff(rows=tuple(rows), before_size=len(before), after_size=len(after))


def compare_documents(
    before: str | None, after: str | None, budget: Budget | None = None
) -> LineDiff:
    """Return the differences of two documents of canonical JSON, with a line for each value."""
    old, new = (format_document(document) if document else "" for document in (before, after))
    return compare_lines(old, new, budget)


def format_document(document: str) -> str:
    """Return canonical JSON with a line for each value; unchanged if it is too long to compare."""
    if len(document) > LONGEST_TEXT:
        return document
    return msgspec.json.format(document, indent=2)


def make_visible(text: str) -> str:
    """Return the text with every invisible character written out, such as `\\u200b`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _escape(char) for char in text)


def make_excerpt(text: str) -> str:
    """Return the text on one line, cut in the middle where it is very long."""
    return text if len(text) <= _LONG_LINE else _shorten(text, _EXCERPT)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def _split_lines(text: str) -> list[str]:
    """Return the lines with their ends, of which only `\\n` is not shown: CRLF differs from LF."""
    return text.split("\n") if text else []


def _count_equal_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end


def _make_rows(
    old: Sequence[str], new: Sequence[str], equal_ends: tuple[int, int], budget: Budget
) -> Iterator[DiffRow]:
    start, end = equal_ends
    last_old, last_new = len(old) - end, len(new) - end
    yield from (_make_same_row(old[at], at, at) for at in range(start))
    matcher = _Matcher(old[start:last_old], new[start:last_new], budget, autojunk=True)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        old_range, new_range = range(start + i1, start + i2), range(start + j1, start + j2)
        if tag == "equal":
            yield from (
                _make_same_row(old[i], i, j) for i, j in zip(old_range, new_range, strict=True)
            )
        else:
            yield from _make_replaced_rows(old, new, old_range, new_range, budget)
    yield from (
        _make_same_row(old[last_old + at], last_old + at, last_new + at) for at in range(end)
    )


def _make_replaced_rows(
    old: Sequence[str], new: Sequence[str], old_range: range, new_range: range, budget: Budget
) -> Iterator[DiffRow]:
    """Yield removed lines, then added ones, compared in pairs if there are as many of both."""
    if len(old_range) == len(new_range) <= _MOST_PAIRS:
        pairs = [
            _mark_words(old[i], new[j], budget) for i, j in zip(old_range, new_range, strict=True)
        ]
    else:
        pairs = []
    for number, i in enumerate(old_range):
        pieces = pairs[number][0] if pairs else _make_plain_pieces(old[i])
        yield DiffRow(kind=RowKind.REMOVED, before=i + 1, pieces=pieces)
    for number, j in enumerate(new_range):
        pieces = pairs[number][1] if pairs else _make_plain_pieces(new[j])
        yield DiffRow(kind=RowKind.ADDED, after=j + 1, pieces=pieces)


def _make_same_row(line: str, old: int, new: int) -> DiffRow:
    return DiffRow(
        kind=RowKind.SAME, before=old + 1, after=new + 1, pieces=_make_plain_pieces(line)
    )


def _make_plain_pieces(line: str) -> tuple[Piece, ...]:
    return (Piece(text=make_excerpt(make_visible(line))),) if line else ()


def _mark_words(old: str, new: str, budget: Budget) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Return the pieces of two lines, with the words that differ marked."""
    old_words, new_words = _WORD.findall(old), _WORD.findall(new)
    start, end = _count_equal_ends(old_words, new_words)
    middle_old, middle_new = (
        old_words[start : len(old_words) - end],
        new_words[start : len(new_words) - end],
    )
    if max(len(middle_old), len(middle_new)) > _MOST_WORDS:
        parts = [(True, [0, len(middle_old), 0, len(middle_new)])]
    else:
        matcher = _Matcher(middle_old, middle_new, budget, autojunk=False)
        parts = [(tag != "equal", at) for tag, *at in matcher.get_opcodes()]
    head, tail = (old_words[:start], False), (old_words[len(old_words) - end :], False)
    return (
        _make_pieces(
            [head, *((middle_old[i1:i2], marked) for marked, (i1, i2, _, _) in parts), tail]
        ),
        _make_pieces(
            [head, *((middle_new[j1:j2], marked) for marked, (_, _, j1, j2) in parts), tail]
        ),
    )


def _make_pieces(parts: Iterable[tuple[Sequence[str], bool]]) -> tuple[Piece, ...]:
    texts = [(make_visible("".join(words)), marked) for words, marked in parts if words]
    if sum(len(text) for text, _ in texts) > _LONG_LINE:
        texts = [(_shorten(text, _EXCERPT), marked) for text, marked in texts]
    return tuple(Piece(text=text, marked=marked) for text, marked in texts)


def _shorten(text: str, length: int) -> str:
    left_out = len(text) - 2 * length
    if left_out <= length:
        return text
    return f"{text[:length]} \N{HORIZONTAL ELLIPSIS} {left_out:,} characters " + (
        f"\N{HORIZONTAL ELLIPSIS} {text[-length:]}"
    )


def _fold_rows(rows: Sequence[DiffRow]) -> Iterator[DiffRow]:
    """Yield the rows without unchanged ones far from any change; nothing if all are."""
    changed = [at for at, row in enumerate(rows) if row.kind is not RowKind.SAME]
    near = {at for change in changed for at in range(change - _CONTEXT, change + _CONTEXT + 1)}
    left_out: list[DiffRow] = []
    for at, row in enumerate(rows if changed else ()):
        if at not in near:
            left_out.append(row)
            continue
        yield from _shorten_fold(left_out)
        left_out = []
        yield row
    yield from _shorten_fold(left_out)


def _shorten_fold(rows: Sequence[DiffRow]) -> Sequence[DiffRow]:
    return [DiffRow(kind=RowKind.FOLD, count=len(rows))] if len(rows) > 1 else rows


def _limit_rows(rows: Iterable[DiffRow]) -> list[DiffRow]:
    every = list(rows)
    if len(every) <= _MOST_ROWS:
        return every
    return [*every[:_MOST_ROWS], DiffRow(kind=RowKind.CUT, count=len(every) - _MOST_ROWS)]
