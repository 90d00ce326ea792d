"""Every regular expression of the product takes time in proportion to its text, whatever that is.

Those of a module are found in the modules; those that stand in a call, in their source. Each is run
the way the source runs it, over texts made from its own parts.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.growing import PER_DOUBLING, growth, seconds, texts_of

PACKAGES = ("flows", "imports", "accounts", "ziggy_site")
# A run over so much text that takes longer than this is measured: it has to grow.
SIZE, SUSPICIOUS = 8_000, 0.025

# By name: why the pattern may take long. Such a pattern is run over short texts only.
EXEMPT: dict[str, str] = {}

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


PATTERNS = list(patterns())


def runs_of(pattern, uses):
    def run(text):
        for use in uses:
            if use in ("sub", "finditer", "findall", "split"):
                for _ in pattern.finditer(text):
                    pass
            else:
                getattr(pattern, use)(text)

    return run


@pytest.mark.parametrize(
    ("name", "pattern", "uses"),
    [
        pytest.param(
            *each,
            id=each[0],
            marks=[pytest.mark.xfail(reason=EXEMPT[each[0]])] if each[0] in EXEMPT else [],
        )
        for each in PATTERNS
    ],
)
def test_a_pattern_takes_time_in_proportion_to_its_text(name, pattern, uses):
    run = runs_of(pattern, uses)
    for what, build in texts_of(pattern):
        text = build(SIZE)
        if seconds(run, text) < SUSPICIOUS or seconds(run, text) < SUSPICIOUS:
            continue
        ratio, told = growth(run, build, SIZE // 4)
        assert ratio < PER_DOUBLING, f"{name}: {what}, {told}"


def test_the_patterns_are_found():
    names = {name for name, _, _ in PATTERNS}
    assert len(names) > 50
    assert names >= {
        "flows.differences.masking._KEYED",
        "flows.differences.masking._LONG_WORDS[1]",
        "flows.strict_json.read._STRING",
        "flows.differences.masking:[a-z]+|[A-Z]+|[0-9]+",
        "ziggy_site.content_type._BOUNDARY",
        *EXEMPT,
    }


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        (r"(?:a|a\w)*!", "match"),
        (r"\w*end\w*", "fullmatch"),
        (r"key\w*\s*=", "finditer"),
        (r"\s+$", "search"),
    ],
)
def test_a_square_would_be_seen(pattern, use):
    pattern = re.compile(pattern)
    run = runs_of(pattern, (use,))

    def is_slow(build):
        if use == "match":  # takes for ever
            return seconds(run, build(24)) > 10 * seconds(run, build(12))
        if seconds(run, build(SIZE)) < SUSPICIOUS:
            return False
        return growth(run, build, SIZE // 4)[0] >= PER_DOUBLING

    assert any(is_slow(build) for _, build in texts_of(pattern))
