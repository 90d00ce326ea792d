"""Measure how many mutants of a module its own tests kill: `python -m tools.mutants MODULE`.

Each place of the module is changed once, by an operator of Cosmic Ray chosen by the seed, and only
the tests of the module's room are run against it, in a copy of the checkout. Survivors are printed
with their diff. A mutant that is equivalent to the original cannot be killed, but counts as a
survivor.
"""

import argparse
import contextlib
import itertools
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tools import mutation_operators
from tools.mutant_rooms import ROOMS, Room

_ROOT = Path(__file__).parents[1]
_PURE = ["-c", os.devnull, "--rootdir=.", "--noconftest"]
_WITH_DJANGO = ["-p", "pytest_django.plugin"]
_TIMEOUT_FACTOR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The results of a module's mutants."""

    module: str
    places: int
    mutants: int
    survivors: Sequence[str]
    """The diff of each."""

    @property
    def killed(self) -> int:
        """Return how many mutants made a test fail."""
        return self.mutants - len(self.survivors)

    def __str__(self) -> str:
        share = 100 * self.killed / self.mutants if self.mutants else 100
        return f"{self.module}: {self.killed} of {self.mutants} killed, {share:.0f} % " + (
            f"(of {self.places} places)"
        )


def main() -> int:
    """Print the scores; return 1 if a mutant survived."""
    arguments = _make_parser().parse_args()
    mutation_operators.register()
    scores = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copies = [_copy(Path(directory) / str(number)) for number in range(arguments.jobs)]
        for module in arguments.modules or ROOMS:
            score = _measure_score(module, copies, sample=arguments.sample, seed=arguments.seed)
            print(*score.survivors, score, sep="\n", flush=True)
            scores.append(score)
    print("", *_format_table(scores), sep="\n")
    return int(any(score.survivors for score in scores))


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants",
        description="Say how many mutants of a module are killed by its own tests.",
    )
    parser.add_argument("modules", nargs="*", help="such as imports.plans.matching; all, if none")
    parser.add_argument("--sample", type=int, help="change so many places of each; all, if absent")
    parser.add_argument("--seed", type=int, default=1, help="which places, and how; 1 if absent")
    parser.add_argument("--jobs", type=int, default=1, help="so many mutants at a time")
    return parser


def _copy(directory: Path) -> Path:
    """Copy the files that git tracks or would add: the checkout itself is never changed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=_ROOT, check=True, capture_output=True).stdout  # noqa: S603
    for name in filter(None, names.decode().split("\0")):
        source, target = _ROOT / name, directory / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return directory


def _measure_score(module: str, copies: Sequence[Path], *, sample: int | None, seed: int) -> Score:
    if module not in ROOMS:
        sys.exit(f"tools/mutant_rooms.py does not say which tests are those of {module}.")
    room = ROOMS[module]
    path = Path(*module.split(".")).with_suffix(".py")
    command = _make_command(room)
    timeout = _TIMEOUT_FACTOR * _measure_seconds(command, copies[0]) + 1
    places = list(_find_places(copies[0], path))
    chosen = random.Random(seed)  # noqa: S311 - nothing to guess
    drawn = sorted(chosen.sample(places, min(sample or len(places), len(places))), key=_get_start)
    items = [chosen.choice(place) for place in drawn]
    results = _measure_results(items, copies, command, timeout)
    survivors = [
        result.diff or "" for result in results if result.test_outcome is TestOutcome.SURVIVED
    ]
    return Score(module=module, places=len(places), mutants=len(items), survivors=survivors)


def _find_places(copy: Path, path: Path) -> Iterator[list[WorkItem]]:
    """Yield, for each place of the module that can be changed, its mutations."""
    types = mutation_operators.find_annotations((copy / path).read_text())
    places: dict[object, list[WorkItem]] = defaultdict(list)
    with contextlib.chdir(copy), use_db(":memory:") as work:
        init([path], work, {})
        for item in work.work_items:
            [mutation] = item.mutations
            span = tuple(mutation.start_pos), tuple(mutation.end_pos)
            if not any(start <= span[0] and span[1] <= end for start, end in types):
                places[span].append(item)
    # Sorted, so that a seed always draws the same.
    for span in sorted(places, key=repr):
        yield sorted(places[span], key=_get_name)


def _get_start(place: Sequence[WorkItem]) -> tuple[int, int]:
    line, column = place[0].mutations[0].start_pos
    return line, column


def _get_name(item: WorkItem) -> tuple[str, int]:
    return item.mutations[0].operator_name, item.mutations[0].occurrence


def _make_command(room: Room) -> str:
    how = _WITH_DJANGO if room.needs_django else _PURE
    plugins = ["-p", "no:cacheprovider"]
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", *how, *plugins]
    return shlex.join([*pytest, *(f"tests/{name}" for name in room.tests)])


def _measure_seconds(command: str, copy: Path) -> float:
    """Return how long the tests take without a mutation; exit if they fail."""
    begin = datetime.now(UTC)
    with contextlib.chdir(copy):
        done = subprocess.run(  # noqa: S603
            shlex.split(command),
            env=_make_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        sys.exit(f"The tests fail without a mutation:\n{command}\n{done.stdout}{done.stderr}")
    return (datetime.now(UTC) - begin).total_seconds()


def _measure_results(
    items: Sequence[WorkItem], copies: Sequence[Path], command: str, timeout: float
) -> Iterable[WorkResult]:
    """Return the result of each mutant. Each process works in its own copy."""
    shares = [(items[number :: len(copies)], copy) for number, copy in enumerate(copies)]
    with ProcessPoolExecutor(len(copies)) as pool:
        done = [pool.submit(_run, share, copy, command, timeout) for share, copy in shares]
        return itertools.chain.from_iterable(future.result() for future in done)


def _run(items: Sequence[WorkItem], copy: Path, command: str, timeout: float) -> list[WorkResult]:
    mutation_operators.register()
    os.environ |= _make_environment()
    with contextlib.chdir(copy):
        return [_check_result(mutate_and_test(item.mutations, command, timeout)) for item in items]


def _check_result(result: WorkResult) -> WorkResult:
    """Return the result. Raises RuntimeError if the mutant could not be made."""
    if result.worker_outcome is not WorkerOutcome.NORMAL:
        raise RuntimeError(f"A mutant could not be made: {result.output}")
    return result


def _make_environment() -> dict[str, str]:
    # Without automatic plugins, a run starts in half the time. Bytecode could be that of the mutant
    # before.
    return {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": os.devnull,
    }


def _format_table(scores: Iterable[Score]) -> Iterator[str]:
    """Yield the lines of a Markdown table, for docs/mutants.md."""
    yield "| module | places | mutants | killed | score |"
    yield "|---|---|---|---|---|"
    for score in scores:
        share = 100 * score.killed / score.mutants if score.mutants else 100
        numbers = f"{score.places} | {score.mutants} | {score.killed} | {share:.0f} %"
        yield f"| {score.module} | {numbers} |"


if __name__ == "__main__":
    sys.exit(main())
