"""The blocks of the variables of the environment, by the modules that read them."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.conf import Ziggy
from tools.reference_blocks.markdown import format_table
from tools.reference_words import SETTING_DEFAULTS, SETTINGS

_ROOT = Path(__file__).resolve().parents[2]
_SITE = _ROOT / "ziggy_site" / "settings.py"
_GUNICORN = _ROOT / "deploy" / "gunicorn.conf.py"


def list_settings() -> str:
    """Return the table of the variables that the settings read."""
    return _format_variables(_SITE)


def list_server_settings() -> str:
    """Return the table of the variables that the shipped configuration of gunicorn reads."""
    return _format_variables(_GUNICORN)


def _format_variables(source: Path) -> str:
    found = _find_variables(source)
    ordered = [name for name in SETTINGS if name in found]
    if unknown := SETTINGS.keys() ^ (
        _find_variables(_SITE).keys() | _find_variables(_GUNICORN).keys()
    ):
        raise LookupError(f"Say in tools/reference_words.py what these mean: {sorted(unknown)}")
    rows = [(f"`{name}`", _format_default(name, found[name]), SETTINGS[name]) for name in ordered]
    return format_table(["variable", "default", "meaning"], rows)


def _find_variables(source: Path) -> dict[str, ast.expr | None]:
    """Return each variable of the environment that a module reads, with its default."""
    return dict(_find_reads(ast.parse(source.read_text())))


def _find_reads(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.args[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            continue
        called = ast.unparse(node.func)
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if called.startswith("env.") or called == "_require_in_production":
            yield name.value, keywords.get("default")
        elif called == "os.environ.get":
            yield name.value, node.args[1] if len(node.args) > 1 else None


def _format_default(name: str, node: ast.expr | None) -> str:
    if name in SETTING_DEFAULTS:
        return SETTING_DEFAULTS[name]
    value = _evaluate(node) if node else None
    if value is None or value in ("", []):
        return "none"
    return f"`{int(value) if isinstance(value, bool | float) else value}`"


def _evaluate(node: ast.expr) -> Any:
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == Ziggy.__name__:
        return getattr(Ziggy, node.attr)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _evaluate(node.left) * _evaluate(node.right)
    return ast.literal_eval(node)
