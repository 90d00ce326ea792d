"""What a machine can hold of the rules for names and sizes: see CONTRIBUTING.md, Style."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "flows", "imports", "ziggy_site")
TOOLS = ("benchmarks", "tools")

PREPOSITIONS = {
    *("after", "as", "at", "before", "behind", "beside", "beyond", "by", "for", "from", "in"),
    *("into", "not", "of", "on", "only", "since", "to", "under", "with", "without"),
}
PARTICIPLES = {
    *("found", "given", "gone", "held", "hidden", "kept", "known", "left", "lost", "made", "said"),
    *("seen", "sent", "shown", "stood", "taken", "told", "written"),
}
"""Irregular ones: the others end in -ed or -ing."""
OTHERS = {
    *("bears", "beneath", "lives", "news", "now", "plain", "same", "short", "stale", "stands"),
    *("tell", "tells", "unfit", "visible", "whole"),
}
VERBS = {
    *("bring", "embed", "exceed", "feed", "need", "proceed", "read", "shed", "spread", "string"),
    "succeed",
}
"""Verbs that look like participles."""

FRAMEWORKS = {
    "from_db_value",  # a model field
    *("to_internal_value", "to_representation"),  # a serializer's field
    *("to_python", "to_url"),  # a converter of addresses, a model field
    "as_view",  # a view
}
"""Names that Django and its packages call."""
CONVENTIONS = {"as_dict", "as_json"}
EXPECTED = FRAMEWORKS | CONVENTIONS

LONGEST_FUNCTION = 40
LONGEST_FILE = 300
NESTED_BY_DJANGO = {"Command", "Media", "Meta"}


def is_verb(name: str) -> bool:
    """Whether the first word of a function's name may be a verb."""
    first = name.strip("_").split("_")[0]
    if first in PREPOSITIONS | PARTICIPLES | OTHERS:
        return False
    return first in VERBS or not first.endswith(("ed", "ing"))


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = (ast.unparse(decorator).split("(")[0] for decorator in function.decorator_list)
    return any(
        name.rpartition(".")[2] in {"cached_property", "display", "property"} for name in names
    )


def sources(*packages: str) -> Iterator[tuple[str, str]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_named_by_a_participle_or_a_preposition():
    found = [
        f"{name}:{function.lineno} {function.name}"
        for name, source in sources(*PACKAGES)
        for function in functions(source)
        if not (is_verb(function.name) or is_property(function)) and function.name not in EXPECTED
    ]
    assert found == []


def test_what_is_expected_is_there():
    names = {function.name for _, source in sources(*PACKAGES) for function in functions(source)}
    assert names >= EXPECTED


@pytest.mark.parametrize(
    "name",
    [
        *("_told", "_named", "_shown", "_saved", "_beside_names", "_of_value", "bears", "told_of"),
        *("listed", "saved_row", "_explaining", "with_notices", "not_found", "_without_hosts"),
    ],
)
def test_it_finds(name):
    assert not is_verb(name)


@pytest.mark.parametrize(
    "name", ["read_row", "_find_names", "__init__", "is_known", "need", "_embed", "format_list"]
)
def test_it_leaves_alone(name):
    assert is_verb(name)


def test_no_two_classes_have_one_name():
    names = Counter(
        node.name
        for _, source in sources(*PACKAGES, *TOOLS)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and node.name not in NESTED_BY_DJANGO
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_function_is_too_long():
    found = [
        f"{name}:{function.lineno} {function.name}"
        for name, source in sources(*PACKAGES)
        for function in functions(source)
        if (function.end_lineno or 0) - function.lineno >= LONGEST_FUNCTION
    ]
    assert found == []


def test_no_file_is_too_long():
    found = [name for name, source in sources(*PACKAGES) if source.count("\n") > LONGEST_FILE]
    assert found == []
