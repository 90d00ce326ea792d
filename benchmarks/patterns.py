"""Whether every regular expression of the product takes time in proportion to its text.

`python -m benchmarks.patterns` runs each the way the source runs it, over texts made from its own
parts, and names those that take more. What was never seen to take 2.6 times as long for twice the
text is linear.
"""

import ast
import gc
import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from re import _constants, _parser
from time import process_time
from typing import Any

import django
from django.conf import settings

from flows.garbage import pause_garbage_collection

PER_DOUBLING = 2.6
"""What twice the input may cost: 2 is linear, 4 is a square."""

_ENOUGH = 0.005  # seconds: less than that says nothing on a machine that does other things too
_LARGEST = 4_000_000
# Sizes to try where it seems too much: one of them is where linear work leaves a cache.
_RETRIES = (2, 0.5, 4, 1)
_RUNS = 3
_LONG = 0.1  # seconds: what takes longer is not measured again with more


def seconds(work: Callable[[Any], object], data: Any, *, runs: int = 1) -> float:
    """The least processor time that the work took."""
    times = []
    for _ in range(runs):
        start = process_time()
        work(data)
        times.append(process_time() - start)
    return min(times)


def growth(
    work: Callable[[Any], object], build: Callable[[int], Any], size: int
) -> tuple[float, str]:
    """How much more twice the input costs, from `size` to four times that, and the times in words.

    Where it seems to be too much, it is measured again, with other sizes too: the machine's own
    doings may double milliseconds, and a step of its caches looks like more. What is a square stays
    one at every size. No garbage is collected meanwhile: walking over all that thousands of tests
    left costs more than the work does, at moments that are no one's choice.
    """
    gc.collect()
    with pause_garbage_collection():
        return _measure_growth(work, build, size)


def _measure_growth(
    work: Callable[[Any], object], build: Callable[[int], Any], size: int
) -> tuple[float, str]:
    size, times = _find_size(work, build, size, runs=1)
    if (ratio := _compute_ratio(times)) < PER_DOUBLING:
        return ratio, _describe(size, times)
    size, times = _find_size(work, build, size, runs=_RUNS)
    ratio, told = _compute_ratio(times), _describe(size, times)
    for factor in _RETRIES:
        if ratio < PER_DOUBLING:
            break
        at = int(size * (factor if times[-1] < _LONG else min(factor, 1)))
        again = _measure(work, build, at, runs=_RUNS)
        if again[-1] >= _ENOUGH:  # else it says nothing, and the ratio stays what it is
            ratio, told = _compute_ratio(again), _describe(at, again)
    return ratio, told


def _find_size(
    work: Callable[[Any], object], build: Callable[[int], Any], size: int, *, runs: int
) -> tuple[int, list[float]]:
    """The size or a larger one at which the work takes long enough, and the times it takes."""
    times = _measure(work, build, size, runs=runs)
    while times[-1] < _ENOUGH and size * 4 < _LARGEST:
        size *= 4
        times = _measure(work, build, size, runs=runs)
    return size, times


def _measure(
    work: Callable[[Any], object], build: Callable[[int], Any], size: int, *, runs: int
) -> list[float]:
    data = [build(size * factor) for factor in (1, 2, 4)]
    return [seconds(work, each, runs=runs) for each in data]


def _compute_ratio(times: list[float]) -> float:
    return (times[2] / max(times[0], 1e-6)) ** 0.5 if times[2] >= _ENOUGH else 0.0


def _describe(size: int, times: list[float]) -> str:
    shown = ", ".join(f"{1000 * each:.1f} ms" for each in times)
    return f"{size:,} and its double and quadruple: {shown}"


# --- Texts that are made from a regular expression


_CATEGORIES = {
    _constants.CATEGORY_DIGIT: "0",
    _constants.CATEGORY_NOT_DIGIT: "a ",
    _constants.CATEGORY_SPACE: " \n",
    _constants.CATEGORY_NOT_SPACE: "a.",
    _constants.CATEGORY_WORD: "a0",
    _constants.CATEGORY_NOT_WORD: " -",
}


_MOST_ATOMS = 8


def alphabet_of(pattern: re.Pattern[Any]) -> list[str]:
    """Some literal words of a pattern, and some characters of each of its classes."""
    source = pattern.pattern
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    flags = pattern.flags & ~re.UNICODE if isinstance(source, bytes) else pattern.flags
    found: dict[str, None] = {}
    _collect(_parser.parse(text, flags & ~re.DEBUG), found)
    words = [atom for atom in found if len(atom) > 1]
    characters = [atom for atom in found if len(atom) == 1]
    return [*words[:_MOST_ATOMS], *characters[:_MOST_ATOMS], "!"]


def _collect(parsed: Any, found: dict[str, None]) -> None:
    word = ""
    for operator, argument in parsed:
        if operator is _constants.LITERAL:
            word += chr(argument)
            continue
        if word:
            found[word] = None
        word = ""
        for char in _characters(operator, argument):
            found[char] = None
        for inner in _inner(operator, argument):
            _collect(inner, found)
    if word:
        found[word] = None


def _characters(operator: Any, argument: Any) -> Iterator[str]:
    if operator is _constants.IN:
        negated = bool(argument) and argument[0][0] is _constants.NEGATE
        if negated:
            yield from "aA0 .\n\\\"'"
        for each, value in argument:
            if each is _constants.LITERAL:
                yield chr(value)
            elif each is _constants.RANGE:
                yield chr(value[0])
            elif each is _constants.CATEGORY:
                yield from _CATEGORIES.get(value, "a")
    elif operator in (_constants.ANY, _constants.NOT_LITERAL):
        yield from "a \n\\"


def _inner(operator: Any, argument: Any) -> Iterator[Any]:
    """The parsed parts of a group, a repetition, a choice or an assertion."""
    values = argument if isinstance(argument, tuple | list) else (argument,)
    for value in values:
        if isinstance(value, _parser.SubPattern):
            yield value
        elif isinstance(value, list) and operator is _constants.BRANCH:
            yield from value


def texts_of(pattern: re.Pattern[Any]) -> Iterator[tuple[str, Callable[[int], Any]]]:
    """Runs of each part of the pattern's alphabet, pairs in turn, and a run behind a run."""
    atoms = alphabet_of(pattern)
    as_given = (
        (lambda text: text.encode("latin-1", "replace"))
        if isinstance(pattern.pattern, bytes)
        else (lambda text: text)
    )

    def repeated(unit: str, size: int) -> str:
        return (unit * (size // len(unit) + 1))[:size]

    for first, second in product(atoms, atoms):
        yield (
            f"{first + second!r} on end",
            lambda size, unit=first + second: as_given(repeated(unit, size)),
        )
        yield (
            f"{first!r} and then {second!r} on end",
            lambda size, one=first, two=second: as_given(one + repeated(two, size) + "!"),
        )
        yield (
            f"{first!r} on end and then {second!r}",
            lambda size, one=first, two=second: as_given(repeated(one, size) + two),
        )
        yield (
            f"{first!r} and {second!r}, each on end",
            lambda size, one=first, two=second: as_given(
                repeated(one, size // 2) + repeated(two, size // 2)
            ),
        )


# --- The patterns of the product

PACKAGES = ("flows", "imports", "accounts", "ziggy_site")
# A run over so much text that takes longer than this is measured: it has to grow.
SIZE, SUSPICIOUS = 8_000, 0.025

METHODS = ("match", "fullmatch", "search", "finditer", "findall", "sub", "split")
# A pattern that is handed on is taken to be looked for everywhere.
HANDED_ON = ("finditer",)


def modules() -> Iterator[str]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages([str(settings.BASE_DIR / package)], f"{package}."):
            # What a web server loads has no code of its own, and asks the database as it starts.
            is_started = found.name.endswith((".settings", ".wsgi", ".asgi"))
            if ".migrations" not in found.name and not is_started:
                yield found.name


def source_of(module: str) -> ast.Module:
    path = Path(settings.BASE_DIR, *module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text())


def patterns() -> Iterator[tuple[str, "re.Pattern[str]", tuple[str, ...]]]:
    """The name, the pattern and how it is used, of each that there is."""
    for name in modules():
        tree = source_of(name)
        for key, value in vars(importlib.import_module(name)).items():
            for at, pattern in enumerate(value if isinstance(value, tuple) else (value,)):
                if isinstance(pattern, re.Pattern) and defines(tree, key):
                    label = f"{name}.{key}" + (f"[{at}]" if isinstance(value, tuple) else "")
                    yield label, pattern, used_as(tree, key)
        yield from inline(name, tree)


def defines(tree: ast.Module, key: str) -> bool:
    return any(
        isinstance(target, ast.Name) and target.id == key
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
    )


def used_as(tree: ast.Module, key: str) -> tuple[str, ...]:
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == key
        and node.attr in METHODS
    }
    reads = sum(
        isinstance(node, ast.Name) and node.id == key and isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )
    attributes = sum(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == key
        for node in ast.walk(tree)
    )
    return tuple(sorted(used | {*(HANDED_ON if reads > attributes else ())}))


def inline(name: str, tree: ast.Module) -> Iterator[tuple[str, "re.Pattern[str]", tuple[str, ...]]]:
    """Those in a call of `re` with a text: compiled in a function, or used at once."""
    at_module_level = {id(node.value) for node in tree.body if isinstance(node, ast.Assign)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and id(node) not in at_module_level
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            method = node.func.attr
            yield (
                f"{name}:{node.args[0].value}",
                re.compile(node.args[0].value),
                HANDED_ON if method == "compile" else (method,),
            )


def runs_of(pattern, uses):
    def run(text):
        for use in uses:
            if use in ("sub", "finditer", "findall", "split"):
                for _ in pattern.finditer(text):
                    pass
            else:
                getattr(pattern, use)(text)

    return run


def find_slow(pattern: "re.Pattern[Any]", uses: tuple[str, ...]) -> str:
    """In words, the first text for which the pattern takes more than in proportion; "" for none."""
    run = runs_of(pattern, uses)
    for what, build in texts_of(pattern):
        text = build(SIZE)
        if seconds(run, text) < SUSPICIOUS or seconds(run, text) < SUSPICIOUS:
            continue
        ratio, told = growth(run, build, SIZE // 4)
        if ratio >= PER_DOUBLING:
            return f"{what}, {told}"
    return ""


def main() -> int:
    """Print each pattern that is too slow; return how many there are."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ziggy_site.settings")
    django.setup()
    # A square is seen: else nothing that is printed says anything.
    if not find_slow(re.compile(r"key\w*\s*=\w*\s*!"), ("finditer",)):
        raise AssertionError("A pattern that takes a square of time was not seen.")
    found = list(patterns())
    slow = {name: told for name, pattern, uses in found if (told := find_slow(pattern, uses))}
    for name, told in slow.items():
        print(f"{name}: {told}")
    print(f"{len(found)} patterns, of which {len(slow)} take more than in proportion to a text.")
    return len(slow)


if __name__ == "__main__":
    sys.exit(main())
