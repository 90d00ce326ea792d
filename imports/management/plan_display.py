"""Show the plan of a run: on stderr as far as a person reads it there, and whole in a file."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from flows.batches import split_batches
from imports.management.compared_changes import ComparedChange, compare_changes
from imports.management.files import replace_file
from imports.management.largest_changes import LargestChanges
from imports.management.plan_lines import (
    PlanWords,
    ShownChange,
    describe_briefly,
    describe_differences,
    format_large_plan,
    format_plan,
)
from imports.rows.states import RowStates

MOST_LISTED = 50
"""The most changes of rows that exist which are listed on stderr, with all their differences."""
MOST_WRITTEN = 200
"""The most rows that are listed where some are new, which take a line each."""

_LINES_AT_ONCE = 200

C = TypeVar("C", bound=ShownChange)
ReadStates = Callable[[], Iterable[tuple[C, RowStates | None]]]
"""Reads the states of all changes of a plan, in its order, in batches."""


def add_plan_text_argument(parser: ArgumentParser) -> None:
    """Add the option that writes a plan as text."""
    parser.add_argument(
        "--plan-text", metavar="F", type=check_file_to_write,
        help="write the plan to this file as text as well, whole, with all that every item would "
        "change",
    )  # fmt: skip


def check_file_to_write(path: str) -> str:
    """Return the name of a file to write. Raises ArgumentTypeError for none, and for `-`."""
    if path == "-":
        raise ArgumentTypeError("standard output has the answer: give the name of a file")
    return check_file_name(path)


def check_file_name(path: str) -> str:
    """Return the name of a file. Raises ArgumentTypeError where it is empty."""
    # An unset variable of a script must not have the effect of a missing option.
    if not path:
        raise ArgumentTypeError("the name of the file is empty")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDisplay:
    """How the plan of a command is shown.

    With verbosity 0 it has no values of what is long. With 1 it has all differences of rows that
    exist, or the counts and the largest of them where they are many. With more it is whole.
    """

    verbosity: int
    file: Path | None = None
    """The file that it is written to, whole."""

    def show(self, words: PlanWords[C], read_states: ReadStates[C]) -> None:
        """Write the plan to the file, if any, and print it on stderr."""
        largest = self.write(words, read_states)
        if self.verbosity == 0:
            _print_lines(format_plan(words, describe_briefly(words)))
        elif self.verbosity > 1:
            _print_lines(_format_whole(words, _compare(words, read_states, with_new=True)))
        elif not _is_large(words):
            compared = _compare(words, read_states, with_new=False)
            _print_lines(format_plan(words, describe_differences(compared, whole=False)))
        else:
            _print_lines(
                format_large_plan(
                    words,
                    largest or _find_largest(words, read_states),
                    hint="-v 2 lists all of them here, --plan-text F in a file",
                )
            )

    def write(self, words: PlanWords[C], read_states: ReadStates[C]) -> LargestChanges[C] | None:
        """Write the plan to the file, if any; return its largest changes then."""
        if self.file is None:
            return None
        largest: LargestChanges[C] = LargestChanges()
        compared = largest.watch(_compare(words, read_states, with_new=True))
        with replace_file(self.file) as file:
            for line in _format_whole(words, compared):
                file.write(f"{line.plain}\n".encode(errors="backslashreplace"))
        return largest


def _is_large(words: PlanWords[C]) -> bool:
    """Return whether the plan is too long to be read on a terminal."""
    counts = words.plan.counts
    written = sum(change.writes for change in words.plan)
    return counts[words.changing] > MOST_LISTED or written > MOST_WRITTEN


def _compare(
    words: PlanWords[C], read_states: ReadStates[C], *, with_new: bool
) -> Iterator[ComparedChange[C]]:
    states = ((words.get_kind(change), change, states) for change, states in read_states())
    return compare_changes(states, with_new=with_new)


def _format_whole(words: PlanWords[C], compared: Iterable[ComparedChange[C]]) -> Iterator[Text]:
    return format_plan(words, describe_differences(compared, whole=True), lists_all=True)


def _find_largest(words: PlanWords[C], read_states: ReadStates[C]) -> LargestChanges[C]:
    largest: LargestChanges[C] = LargestChanges()
    for _ in largest.watch(_compare(words, read_states, with_new=False)):
        pass
    return largest


def _print_lines(lines: Iterable[Text]) -> None:
    """Print lines for people on stderr, in colours if the terminal has them."""
    console = Console(stderr=True, highlight=False)
    for batch in split_batches(lines, _LINES_AT_ONCE):
        console.print(Text("\n").join(batch), soft_wrap=True)
