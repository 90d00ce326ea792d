"""The architecture is a test: who may import whom, and what no module may do with a file's data."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("flows", "imports")

# --- Who may import whom


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--config", config, "--no-cache"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_contract_of_the_project_is_kept():
    run = lint_imports(ROOT / "pyproject.toml")
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_a_contract_that_is_broken_is_found(tmp_path):
    config = tmp_path / "contracts.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["flows", "imports"]\n'
        '[[tool.importlinter.contracts]]\nname = "The cellar"\ntype = "forbidden"\n'
        'source_modules = ["imports"]\nforbidden_modules = ["flows"]\n'
    )
    run = lint_imports(config)
    assert run.returncode == 1
    assert "The cellar BROKEN" in run.stdout


def contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_has_its_layer_by_name(package):
    """A contract that is exhaustive fails where a room has none."""
    (layers,) = [one for one in contracts() if one.get("containers") == [package]]
    assert layers["type"] == "layers"
    assert layers["exhaustive"] is True
    assert layers["exhaustive_ignores"] == ["apps", "migrations"]


def test_no_contract_has_exceptions():
    assert [one["name"] for one in contracts() if one.keys() & {"ignore_imports"}] == []


def test_imports_has_no_more_than_eight_files_beside_its_rooms():
    assert len([*(ROOT / "imports").glob("*.py")]) <= 8


# --- What no module may do

FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    ("yaml", "load"),
    ("yaml", "load_all"),
    ("yaml", "unsafe_load"),
    ("yaml", "full_load"),
    ("os", "system"),
    ("os", "popen"),
}
# With keys from a file, `filter(**keys)` is a way into the SQL: `_connector`, `name__regex`.
QUERYING = {
    "filter",
    "exclude",
    "get",
    "update",
    "create",
    "get_or_create",
    "update_or_create",
    "Q",
}


def faults(source: str) -> list[str]:
    """What a module does that none may do."""
    return [fault for node in ast.walk(ast.parse(source)) for fault in _faults(node)]


def _faults(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from _forbidden(alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from _forbidden([node.module or ""])
        for alias in node.names:
            if (node.module, alias.name) in FORBIDDEN_ATTRIBUTES:
                yield f"{node.module}.{alias.name}"
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if (node.value.id, node.attr) in FORBIDDEN_ATTRIBUTES:
            yield f"{node.value.id}.{node.attr}"
    elif isinstance(node, ast.Call):
        yield from _faults_of_call(node)


def _forbidden(modules: Iterator[str] | list[str]) -> Iterator[str]:
    for module in modules:
        if module.split(".")[0] in FORBIDDEN_MODULES:
            yield f"import {module}"


def _faults_of_call(call: ast.Call) -> Iterator[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if isinstance(call.func, ast.Name) and name in FORBIDDEN_CALLS:
        yield name
    for keyword in call.keywords:
        is_false = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        if keyword.arg == "shell" and not is_false:
            yield "shell=True"
        # A dict that is written out in the call has keys that its author chose.
        if keyword.arg is None and name in QUERYING and not isinstance(keyword.value, ast.Dict):
            yield f"{name}(**"


MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("module", MODULES)
def test_makes_no_code_and_no_query_of_data(module):
    assert faults((ROOT / module).read_text()) == []


def test_the_modules_that_read_a_file_are_among_those_that_are_looked_at():
    assert {
        "imports/exportfile/document.py",
        "imports/importing/apply.py",
        "flows/content/references.py",
    } <= set(MODULES)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", ["import pickle"]),
        ("import os, pickle as p", ["import pickle"]),
        ("from pickle import loads", ["import pickle"]),
        ("def f():\n    import marshal", ["import marshal"]),
        ("eval(text)", ["eval"]),
        ("x = [exec(text) for text in texts]", ["exec"]),
        ("compile(text, '', 'exec')", ["compile"]),
        ("__import__(name)", ["__import__"]),
        ("yaml.load(data)", ["yaml.load"]),
        ("load = yaml.load", ["yaml.load"]),
        ("from yaml import load", ["yaml.load"]),
        ("os.system(text)", ["os.system"]),
        ("subprocess.run(text, shell=True)", ["shell=True"]),
        ("Popen(text, shell=flag)", ["shell=True"]),
        ("Flow.objects.filter(**item)", ["filter(**"]),
        ("Flow.objects.filter(uuid=1).exclude(**item['keys'])", ["exclude(**"]),
        ("Flow.objects.get(pk=1, **item)", ["get(**"]),
        ("Flow.objects.update_or_create(**dict(item))", ["update_or_create(**"]),
        ("wanted = Q(**item) | Q(pk=1)", ["Q(**"]),
    ],
)
def test_a_fault_is_found_in(source, found):
    assert faults(source) == found


@pytest.mark.parametrize(
    "source",
    [
        "import json, yaml",
        "re.compile(text)",
        "yaml.safe_load(data)",
        "subprocess.run([name, text], shell=False)",
        "Flow.objects.filter(uuid__in=uuids, is_deleted=False)",
        "Flow.objects.filter(**{f'{key}__in': batch})",
        "model.objects.filter(Q(uuid=uuid))",
        "Flow(**values)",
        "'eval(text)'",
        "self.eval(text)",
    ],
)
def test_no_fault_is_found_in(source):
    assert faults(source) == []


# Django translates the errors of its own cursors and connections. What goes past them raises the
# driver's, which no handler here knows: it has to stand in `with connection.wrap_database_errors`.
_DRIVERS = {"psycopg", "sqlite3"}
_MAY_USE_DRIVERS = {
    "imports/database/drill.py",  # the restored file, in a connection of its own
    "imports/database/table_digests.py",  # so too
    "imports/database/backup_faults.py",  # what those errors mean
    "imports/database/backup.py",  # SQLite's backup is a connection of its own, whose errors it catches
    "imports/database/restore.py",
    "imports/database/verification.py",
    "imports/database/backup_tables.py",  # likewise, of a backup
    "imports/database/postgresql_tools.py",  # the names of libpq's variables alone
    "flows/database/locks.py",
    "imports/database/errors.py",  # the codes alone
}


def goes_past_django(node: ast.AST) -> bool:
    """Whether it takes the driver's own cursor or connection out of Django's."""
    if not isinstance(node, ast.Attribute):
        return False
    of = getattr(node.value, "attr", getattr(node.value, "id", ""))
    is_raw_cursor = isinstance(node.value, ast.Attribute) and of == "cursor"
    return is_raw_cursor or (node.attr == "connection" and of.endswith("connection"))


def unwrapped(source: str) -> list[int]:
    """The lines that use the driver where its errors are not translated."""
    tree = ast.parse(source)
    wrapped = {
        id(inside)
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        and any(
            isinstance(item.context_expr, ast.Attribute)
            and item.context_expr.attr == "wrap_database_errors"
            for item in node.items[:1]
        )
        for inside in ast.walk(node)
    }
    return [
        node.lineno for node in ast.walk(tree) if goes_past_django(node) and id(node) not in wrapped
    ]


def imported_drivers(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found & _DRIVERS


def test_the_search_for_raw_cursors_finds_them():
    assert unwrapped("with cursor.cursor.copy('x') as copy:\n    copy.write_row(1)") == [1]
    assert unwrapped("connection.connection.execute('x')") == [1]
    assert unwrapped("with c.wrap_database_errors, cursor.cursor.copy('x') as y: pass") == []
    assert unwrapped("with connection.cursor() as cursor:\n    cursor.execute('x')") == []


def test_no_driver_is_used_where_django_does_not_translate_its_errors():
    for package in ("accounts", "flows", "imports", "ziggy_site"):
        for path in (ROOT / package).rglob("*.py"):
            source, name = path.read_text(), str(path.relative_to(ROOT))
            assert unwrapped(source) == [], name
            if name not in _MAY_USE_DRIVERS:
                assert imported_drivers(source) == set(), name
