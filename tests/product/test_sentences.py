"""Sentences are for people: no code decides by one, and none is cut or mended.

What code needs is a field: a code, data, a remedy, a subject. Found by what things are called, so
that text of files and of other programs, which is read, is called something else, or is allowed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "flows", "imports", "ziggy_site")

NAMES = {
    *("advice", "explanation", "message", "note", "question", "reason", "refusal", "remedy"),
    *("sentence", "summary", "told", "warning", "why"),
}
"""What sentences are called, in the singular, as a whole name or as the last word of one."""

METHODS = {
    *("startswith", "endswith", "removeprefix", "removesuffix", "replace", "find", "index"),
    *("partition", "rpartition", "split", "rsplit", "splitlines", "count"),
}
CALLS = {"match", "fullmatch", "search", "sub", "split", "findall", "finditer"}
"""Of a regular expression."""

ALLOWED = {
    "imports.database.postgresql_tools": {
        "run_postgresql_tool": "what pg_dump writes to stderr, which has no codes",
    },
    "flows.strict_json.problems": {
        "raise_problem": "the parser's errors, which have no codes",
        "_find_lone_surrogate": "the parser's errors, which have no codes",
    },
}
"""By module and function, why what looks like it is none."""


def is_sentence(node: ast.expr) -> bool:
    """Whether the name of what is there is that of a sentence for people."""
    match node:
        case ast.Attribute(attr="text"):
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            last = name.rpartition("_")[2].lower()
            return last in NAMES or last.removesuffix("s") in NAMES
        case ast.Call(func=ast.Attribute(attr=method, value=inner)) if method in METHODS:
            return is_sentence(inner)  # what the one before it has left
        case ast.Call(func=func):
            return is_str_of_a_refusal(node) or is_sentence(func)
        case ast.Subscript(value=value):
            return is_sentence(value)
    return False


def is_str_of_a_refusal(node: ast.Call) -> bool:
    is_str = isinstance(node.func, ast.Name) and node.func.id == "str"
    return is_str and any(is_sentence(argument) for argument in node.args)


def is_cut(node: ast.AST) -> bool:
    """Whether the node looks into a sentence, or changes it."""
    match node:
        case ast.Call(func=ast.Attribute(attr=method, value=value), args=args):
            is_looked_at = method in METHODS and is_sentence(value)
            return is_looked_at or (method in CALLS and any(map(is_sentence, args)))
        case ast.Subscript(value=value, slice=ast.Slice()):
            return is_sentence(value) and not is_plural(value)  # a list's first few
        case ast.Compare(ops=[ast.In() | ast.NotIn()], left=left, comparators=[inside]):
            is_text = isinstance(left, ast.Constant | ast.JoinedStr | ast.Name)
            return is_text and is_sentence(inside) and not is_plural(inside)
        case ast.Compare(ops=[ast.Eq() | ast.NotEq()], left=left, comparators=[other]):
            is_worded = isinstance(other, ast.Constant) and isinstance(other.value, str)
            return is_worded and bool(other.value) and is_sentence(left)
    return False


def is_plural(node: ast.expr) -> bool:
    name = getattr(node, "attr", getattr(node, "id", ""))
    return name.lower().endswith("s")


def cuts_in(source: str) -> Iterator[tuple[str, int]]:
    """The function and the line of each place where a sentence is cut or looked into."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if is_cut(node):
            yield function, getattr(node, "lineno", 0)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function)

    yield from walk(ast.parse(source), "")


def modules() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path.read_text()


def test_no_code_cuts_or_reads_a_sentence():
    found = [
        f"{name}, line {line}, in {function}"
        for name, source in modules()
        for function, line in cuts_in(source)
        if function not in ALLOWED.get(name, {})
    ]
    assert found == []


def test_what_is_allowed_is_there():
    sources = dict(modules())
    for name, functions in ALLOWED.items():
        assert {function for function, _ in cuts_in(sources[name])} >= {*functions}, name


@pytest.mark.parametrize(
    "source",
    [
        'any(warning.startswith("dangling reference ") for warning in warnings)',
        'problem.message.replace("The file", "The body").replace("A file", "The body")',
        'summary(plan).removeprefix("Plan: ").removesuffix(".")',
        'undo_summary(plan).removeprefix("Plan: ")',
        'error.message.partition(" Nothing was written.")[0]',
        'message.partition(" Nothing was written.")[0]',
        'why = str(refusal).split(". ")[0]',
        "short = warning.text[:20]",
        "first = change.warnings[0][1:]",
        'is_hidden = "host" in error.message',
        'is_same = issue.message == "It is gone."',
        "_SENDS.match(warning.text)",
        're.sub("file", "body", message)',
        'own_message.endswith(".")',
    ],
)
def test_it_finds(source):
    assert [*cuts_in(source)] != []


@pytest.mark.parametrize(
    "source",
    [
        "first = issues[0].message",
        "shown = warnings[:5]",
        'is_coded = warning.code == "renames"',
        'line = f"{error.reason} {remedy}"',
        'name = path.rpartition("/")[2]',
        'known = "text" in item',
        'if message == "": pass',
        "if code in warnings: pass",
    ],
)
def test_it_leaves_alone(source):
    assert [*cuts_in(source)] == []
