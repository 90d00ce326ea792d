"""How the processor's time for some work grows with its input, and inputs that are made to be slow."""

import gc
import re
from collections.abc import Callable, Iterator
from itertools import product
from re import _constants, _parser
from time import process_time
from typing import Any

from flows.garbage import pause_garbage_collection

PER_DOUBLING = 2.6
"""What twice the input may cost: 2 is linear, 4 is a square."""

_ENOUGH = 0.005  # seconds: less than that says nothing on a machine that does other things too
_LARGEST = 4_000_000
# Where it seems to be too much: at one of these sizes what is linear leaves a cache of the processor.
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


# --- Texts

UNITS = (
    *('"', "'", "`", "\\", "[", "]", "{", "}", "(", ")", "<", "-", "=", ":", ",", ";", ".", "@"),
    *(
        " ",
        "\t",
        "\n",
        "\r\n",
        " \n",
        "\n ",
        "/",
        "/*",
        "*/",
        "//",
        "://",
        "://a:",
        "${",
        "|\n ",
        "*",
    ),
    *(
        "a",
        "A",
        "Aa0",
        "0",
        "é",
        "日",
        "\u200d",
        "\ufe0f",
        "\u202e",
        "\x00",
        "_",
        "$",
        "x",
        "e9-",
        "a_",
    ),
    *("secrets.", "secrets.A ", "secrets.\u200d", "-secrets.A", "secret", "password", "password:"),
    *("pwd:'", 'pwd="', "pwd: [", "key=a,", "k:'v',", "pass ", "token\\", "--pass ", "--pass-"),
    *("timeout", "time", "host:", "user:p@", "bearer ", "bearer\t", "-----BEGIN", "-----END"),
    *(
        "-----BEGIN-----END",
        "\\u0041",
        "\\u0000",
        "\\n",
        "\\\\",
        "\\ud800",
        "eyJ",
        "sk-",
        "ab12CD34",
    ),
    *(
        "c4492541-118e-4e23-9450-f2d28204ebee",
        "c4492541-118e-4e23-",
        "-118e-4e23-9450-f2d28204ebee",
    ),
    *(
        '{"a":',
        '{name:"password",value:"x"},',
        '{name:"x",',
        "x\n",
        "a: 1,\n",
        "a: b\n",
        '"a":"b",',
    ),
    *(
        "[hidden 1]",
        "; ",
        "boundary=",
        "[REDACTED",
        "**",
        "{_",
        "{{",
        "<( ",
        "masked",
        "a=b&",
        "%41",
    ),
)
"""What a text can hold very much of, on end."""

FRAMES = (
    ("", ""),
    ("", "-"),
    ("{a: '", ""),
    ("password: ", "\n"),
    ("secrets.", "!"),
    ("{a: {", "}}"),
)
"""What stands before it and after it."""


def texts() -> Iterator[tuple[str, Callable[[int], str]]]:
    """A name and a builder by size for every text that is made to be slow."""
    for unit, (before, after) in product(UNITS, FRAMES):
        yield (
            f"{before}{unit}...{after}",
            lambda size, unit=unit, before=before, after=after: (
                before + (unit * (size // len(unit) + 1))[:size] + after
            ),
        )
    yield "lines of a word", lambda size: "".join(f"word{at}\n" for at in range(size // 8))
    yield (
        "keys of an object",
        lambda size: "{" + "".join(f"key{at}: '{at}',\n" for at in range(size // 14)) + "}",
    )
    yield (
        "credentials",
        lambda size: "{" + "".join(f"password{at}: 'p{at}',\n" for at in range(size // 20)) + "}",
    )
    yield "nested", lambda size: "{a:" * (size // 4) + "1" + "}" * (size // 4)


def slowest_growth(work: Callable[[str], object], size: int) -> tuple[float, str]:
    """The worst growth over all texts, and of which text it is.

    Each is tried at one size and at four times that first, and measured where that seems slow.
    """
    worst = (0.0, "")
    for name, build in texts():
        four = seconds(work, build(size * 4))
        if four < _ENOUGH or four < 6 * seconds(work, build(size)):
            continue
        ratio, told = growth(work, build, size)
        if ratio > worst[0]:
            worst = (ratio, f"{name!r} of {told}")
    return worst


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
