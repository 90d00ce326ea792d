"""Counts and lists in messages, with the noun in the singular or the plural. Pure."""

from collections.abc import Sequence, Sized
from typing import Protocol


def format_count(count: int, noun: str) -> str:
    """Return the number with its noun: `1 flow`, `2 flows`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_others(things: Sized, noun: str = "problem") -> str:
    """Return how many there are beside the first: ` (2 more problems)`, or nothing."""
    others = len(things) - 1
    return f" ({format_count(others, f'more {noun}')})" if others > 0 else ""


class PlacedProblem(Protocol):
    """A problem of a file, a plan or a request, with its place."""

    @property
    def path(self) -> str:
        """Return where it is; empty where it is about the whole."""

    @property
    def message(self) -> str:
        """Return what is wrong."""


def format_problems(problems: Sequence[PlacedProblem]) -> str:
    """Return the first problem with its place, and how many there are beside it."""
    first = problems[0]
    place = f"{first.path}: " if first.path else ""
    return f"{place}{first.message}{format_others(problems)}"


def format_list(things: Sequence[str], *, more: int = 0) -> str:
    """Return the things in words, such as `a, b and c` or `a, b and 3 more`."""
    words = [*things, f"{more} more"] if more > 0 else list(things)
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
