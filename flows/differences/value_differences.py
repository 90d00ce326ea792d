"""Compare two JSON values for people to read: a row for each value that differs, by its path. Pure.

All that differs has a row, and no row leaves anything out: from one value and the rows the other
can be put together. How JSON is written (white space, the order of keys) is no difference.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.content import canonical
from flows.content.invisible import is_invisible
from flows.differences.lines import LineDiff, compare_lines
from flows.differences.matching import Budget, match
from flows.differences.pieces import Pieces, make_pieces, mark_words

Step = str | tuple[int | None, int | None]
"""A key, or the places of an element of a list before and after; None where it is not there."""

_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]*")
_JSON_START = re.compile(r'["\[{\-0-9tfn]')
_EDGES = re.compile(r"\A\s|\s\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueDifference:
    """A value that differs; a side is None where there is none.

    A text is shown as it is, unless it would be taken for another JSON value; then it is quoted.
    Texts of several lines are compared by `lines`, and are in full there.
    """

    steps: tuple[Step, ...]
    before: Pieces | None = None
    after: Pieces | None = None
    lines: LineDiff | None = None
    is_layout: bool = False
    """Whether it says where or how a node is shown, and not what it does."""
    is_lost: bool = False
    """Whether a change that was made here since the last import would be lost."""

    @property
    def path(self) -> str:
        """Return the path, such as `data.headers[2].value`; "" for the whole value.

        An element of a list that is new is `[+2]`, one that is gone `[-2]`, one that has another
        place now `[1\N{RIGHTWARDS ARROW}2]`.
        """
        return "".join(map(_format_step, self.steps)).removeprefix(".")

    @property
    def status(self) -> str:
        """Return what happened to the value: `added`, `removed` or `changed`."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def compare_values(before: Any, after: Any, budget: Budget) -> list[ValueDifference]:
    """Return the differences of two JSON values, keys in order of the alphabet."""
    return list(_compare(before, after, (), budget))


def find_values(value: Any, budget: Budget, *, is_new: bool) -> list[ValueDifference]:
    """Return all of a value that is there after the change (`is_new`), or before it, alone."""
    sides = (_MISSING, value) if is_new else (value, _MISSING)
    return list(_compare(*sides, (), budget))


_MISSING: Any = object()


def _compare(
    before: Any, after: Any, steps: tuple[Step, ...], budget: Budget
) -> Iterator[ValueDifference]:
    if _is_kept_whole(before) and _is_kept_whole(after):
        yield from _compare_scalars(before, after, steps, budget)
    elif _may_be(dict, before, after):
        yield from _compare_objects(before, after, steps, budget)
    elif _may_be(list, before, after):
        yield from _compare_lists(before, after, steps, budget)
    else:  # of two types: what was is gone, and something else is there
        yield from _compare(before, _MISSING, steps, budget)
        yield from _compare(_MISSING, after, steps, budget)


def _is_kept_whole(value: Any) -> bool:
    return not (isinstance(value, dict | list) and value)


def _may_be(kind: type, *sides: Any) -> bool:
    return all(isinstance(side, kind) or side is _MISSING for side in sides)


def _compare_objects(
    before: Any, after: Any, steps: tuple[Step, ...], budget: Budget
) -> Iterator[ValueDifference]:
    yield from _find_emptied(before, after, steps)
    old, new = (side if isinstance(side, dict) else {} for side in (before, after))
    for key in sorted(old.keys() | new.keys()):
        yield from _compare(old.get(key, _MISSING), new.get(key, _MISSING), (*steps, key), budget)


def _compare_lists(
    before: Any, after: Any, steps: tuple[Step, ...], budget: Budget
) -> Iterator[ValueDifference]:
    yield from _find_emptied(before, after, steps)
    old, new = (side if isinstance(side, list) else [] for side in (before, after))
    for block in match(list(map(canonical.encode, old)), list(map(canonical.encode, new)), budget):
        if not block.differs:
            continue
        if len(block.old) == len(block.new):
            for i, j in zip(block.old, block.new, strict=True):
                yield from _compare(old[i], new[j], (*steps, (i, j)), budget)
            continue
        for i in block.old:
            yield from _compare(old[i], _MISSING, (*steps, (i, None)), budget)
        for j in block.new:
            yield from _compare(_MISSING, new[j], (*steps, (None, j)), budget)


def _find_emptied(before: Any, after: Any, steps: tuple[Step, ...]) -> Iterator[ValueDifference]:
    """Yield an object or a list that is empty on one side: the other is told by its values."""
    if before is not _MISSING and after is not _MISSING and not (before and after):
        yield ValueDifference(
            steps=steps,
            before=None if before else make_pieces(_present(before)),
            after=None if after else make_pieces(_present(after)),
        )


def _compare_scalars(
    before: Any, after: Any, steps: tuple[Step, ...], budget: Budget
) -> Iterator[ValueDifference]:
    if before is _MISSING or after is _MISSING:
        value = after if before is _MISSING else before
        if isinstance(value, str) and "\n" in value:
            yield _compare_texts(before, after, steps, budget)
        else:
            pieces = make_pieces(_present(value))
            old, new = (None, pieces) if before is _MISSING else (pieces, None)
            yield ValueDifference(steps=steps, before=old, after=new)
    elif isinstance(before, str) and isinstance(after, str) and ("\n" in before or "\n" in after):
        if before != after:
            yield _compare_texts(before, after, steps, budget)
    elif any(isinstance(side, str) and "\n" in side for side in (before, after)):
        # A text of several lines, and something else.
        yield from _compare_scalars(before, _MISSING, steps, budget)
        yield from _compare_scalars(_MISSING, after, steps, budget)
    elif not _is_same(before, after):
        old, new = mark_words(_present(before), _present(after), budget)
        yield ValueDifference(steps=steps, before=old, after=new)


def _compare_texts(
    before: Any, after: Any, steps: tuple[Step, ...], budget: Budget
) -> ValueDifference:
    """Return the difference of two texts, one of which has several lines; one may be missing."""
    old, new = ("" if side is _MISSING else side for side in (before, after))
    return ValueDifference(
        steps=steps,
        before=None if before is _MISSING else (),
        after=None if after is _MISSING else (),
        lines=compare_lines(old, new, budget),
    )


def _is_same(before: Any, after: Any) -> bool:
    """Return whether they are one JSON value, as 1 and 1.0 are."""
    return canonical.encode(before) == canonical.encode(after)


def _present(value: Any) -> str:
    """Return a value as it is shown: JSON, or a text that nobody could take for JSON."""
    if not isinstance(value, str):
        return canonical.encode(value)
    if not value or _EDGES.search(value) or (_JSON_START.match(value) and _is_json(value)):
        return canonical.encode(value)
    return value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def _format_step(step: Step) -> str:
    if isinstance(step, str):
        return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{_quote_key(step)}]"
    before, after = step
    if before is None or after is None:  # the element itself is new, or gone
        return f"[+{after}]" if before is None else f"[-{before}]"
    if before == after:
        return f"[{after}]"
    return f"[{before}\N{RIGHTWARDS ARROW}{after}]"


def _quote_key(key: str) -> str:
    """Return the key as JSON, with what cannot be seen as its escapes."""
    quoted = json.dumps(key, ensure_ascii=False)
    return "".join(json.dumps(char)[1:-1] if is_invisible(char) else char for char in quoted)
