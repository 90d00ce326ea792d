"""The architecture is a test: who may import whom, and what no module may do with a file's data."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
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


def test_every_module_of_imports_has_its_layer():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [one["layers"] for one in contracts["contracts"] if one["type"] == "layers"]
    layered = {module.strip() for layer in layers for module in layer.split("|")}
    modules = {f"imports.{path.stem}" for path in (ROOT / "imports").glob("[!_]*.py")}
    assert modules - layered == {"imports.apps"}, "a new module: give it a layer in pyproject.toml"


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
    assert {"imports/document.py", "imports/apply.py", "flows/references.py"} <= set(MODULES)


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
