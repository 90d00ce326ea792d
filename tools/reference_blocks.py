"""The generated blocks of docs/reference, by name: Markdown tables, from the code."""

import ast
import inspect
import json
from argparse import SUPPRESS, Action, ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.db.models import NOT_PROVIDED
from drf_spectacular.generators import SchemaGenerator

from accounts.roles import ROLES
from flows.content.fields import EXECUTION_HISTORY_LEVELS, FIELDS, Kind
from flows.models import MODELS
from imports import errors
from imports.exportfile.warnings import WarningCode
from imports.management.console import NOTHING_TO_DO, USAGE_ERROR
from tools.reference_words import (
    FIELD_NOTES,
    SETTING_DEFAULTS,
    SETTINGS,
    WARNINGS,
)

ROOT = Path(__file__).resolve().parents[1]
OWN_APPS = ("accounts", "flows", "imports")
# Options that every command of Django has.
_DJANGO_OPTIONS = {
    *("help", "version", "verbosity", "settings", "pythonpath", "traceback"),
    *("no_color", "force_color", "skip_checks"),
}


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


# --- Commands


def commands() -> str:
    """Return a section for each of the project's commands."""
    names = sorted(name for name, app in get_commands().items() if app in OWN_APPS)
    return "\n\n".join(_command(name) for name in names)


def _command(name: str) -> str:
    command: Any = load_command_class(get_commands()[name], name)
    parser: ArgumentParser = command.create_parser("manage.py", name)
    parts = [f"## {name}", _sentences(command.help), _options(parser)]
    for word, sub in _subcommands(parser):
        parts += [f"### {name} {word}", _sentences(sub.description or ""), _options(sub)]
    if parser.epilog:
        parts.append(f"```text\n{parser.epilog.rstrip()}\n```")
    return "\n\n".join(part for part in parts if part)


def _subcommands(parser: ArgumentParser) -> Iterator[tuple[str, ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            yield from action.choices.items()


def _sentences(text: str) -> str:
    return " ".join(text.split())


def _options(parser: ArgumentParser) -> str:
    shown = [
        action
        for action in parser._actions
        if action.dest not in _DJANGO_OPTIONS
        and action.help != SUPPRESS
        and not isinstance(action, _SubParsersAction)
    ]
    rows = [(_spelling(one), _needed(parser, one), _help(one)) for one in shown]
    return table(["option", "needed", "meaning"], rows) if rows else ""


def _spelling(action: Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = ""
    if action.nargs != 0:
        words = "|".join(map(str, action.choices)) if action.choices else ""
        value = f" {words or action.metavar or action.dest.upper()}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings[::-1])


def _needed(parser: ArgumentParser, action: Action) -> str:
    for group in parser._mutually_exclusive_groups:
        if action in group._group_actions:
            others = [one.option_strings[-1] for one in group._group_actions if one is not action]
            if group.required:
                return f"this or {_code(others)}"
            return f"not with {_code(others)}"
    return "yes" if action.required else ""


def _help(action: Action) -> str:
    return (action.help or "") % {"default": action.default}


# --- Settings

_SITE = ROOT / "ziggy_site" / "settings.py"
_GUNICORN = ROOT / "deploy" / "gunicorn.conf.py"


def settings() -> str:
    """Return the table of the variables that the settings read."""
    return _variables(_SITE)


def server_settings() -> str:
    """Return the table of the variables that the shipped configuration of gunicorn reads."""
    return _variables(_GUNICORN)


def _variables(source: Path) -> str:
    found = _reads(source)
    ordered = [name for name in SETTINGS if name in found]
    if unknown := SETTINGS.keys() ^ (_reads(_SITE).keys() | _reads(_GUNICORN).keys()):
        raise LookupError(f"Say in tools/reference_words.py what these mean: {sorted(unknown)}")
    rows = [(f"`{name}`", _default(name, found[name]), SETTINGS[name]) for name in ordered]
    return table(["variable", "default", "meaning"], rows)


def _reads(source: Path) -> dict[str, ast.expr | None]:
    """Return each variable of the environment that a module reads, with its default."""
    return dict(_reads_of(ast.parse(source.read_text())))


def _reads_of(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.args[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            continue
        called = ast.unparse(node.func)
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if called.startswith("env.") or called == "_required_in_production":
            yield name.value, keywords.get("default")
        elif called == "os.environ.get":
            yield name.value, node.args[1] if len(node.args) > 1 else None


def _default(name: str, node: ast.expr | None) -> str:
    if name in SETTING_DEFAULTS:
        return SETTING_DEFAULTS[name]
    value = _value(node) if node else None
    if value is None or value in ("", []):
        return "none"
    return f"`{int(value) if isinstance(value, bool | float) else value}`"


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _value(node.left) * _value(node.right)
    return ast.literal_eval(node)


# --- The API


def endpoints() -> str:
    """Return a table of the endpoints for each part of the API."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    parts: dict[str, list[Sequence[str]]] = {}
    for path, methods in schema["paths"].items():
        rows = parts.setdefault(path.split("/")[2], [])
        rows += (
            _endpoint(path, method, operation)
            for method, operation in methods.items()
            if method != "parameters"
        )
    headings = ["request", "what it does", "takes", "answers"]
    return "\n\n".join(f"### /api/{part}\n\n{table(headings, parts[part])}" for part in parts)


def _endpoint(path: str, method: str, operation: dict[str, Any]) -> Sequence[str]:
    parameters = operation.get("parameters", ())
    takes = [
        *(f"`?{one['name']}`" for one in parameters if one["in"] == "query"),
        *(f"`{one['name']}`" for one in parameters if one["in"] == "header"),
        *operation.get("requestBody", {}).get("content", {}),
    ]
    answers = [code for code in operation["responses"] if code < "400"]
    what = str(operation.get("summary", "")).rstrip(".")
    return f"`{method.upper()} {path}`", what, ", ".join(takes), ", ".join(answers)


# --- Exit codes and statuses


def exit_codes() -> str:
    """Return the table of the errors: class by class, with exit code and HTTP status."""
    rows = [
        ("0", "", "Done, or declined at the question."),
        (
            str(USAGE_ERROR),
            "",
            "Usage: an option, a file that cannot be read, an unknown user, nobody to ask.",
        ),
        (str(NOTHING_TO_DO), "", "Nothing to do, with `--detailed-exitcode`."),
    ]
    rows += (
        (str(one.exit_code), _status(one.status), _first_line(one))
        for one in _errors()
        if one is not errors.UnableToImport
    )
    rows.sort(key=lambda row: int(row[0]))
    return table(["exit code", "HTTP status", "meaning"], rows)


def _errors() -> list[type[errors.UnableToImport]]:
    family = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    found = [one for one in family if issubclass(one, errors.UnableToImport)]
    return sorted(found, key=lambda one: (one.exit_code, one.status, one.__name__))


def _status(status: HTTPStatus) -> str:
    return str(status.value)  # a phrase differs between releases of Python


def _first_line(documented: Any) -> str:
    return _sentences((inspect.getdoc(documented) or "").partition("\n\n")[0])


# --- Roles


def roles() -> str:
    """Return the table of the roles: which permission each of them has."""
    every = sorted({name for role in ROLES.values() for name in role.permissions}, key=_by_model)
    names = _permission_names()
    headings = ["permission", "", *(role.group for role in ROLES.values())]
    rows = [[f"`{name}`", names[name], *map(_yes, _holders(name))] for name in every]
    return table(headings, rows)


def _holders(permission: str) -> list[bool]:
    return [permission in role.permissions for role in ROLES.values()]


def _yes(is_so: bool) -> str:
    return "yes" if is_so else ""


def _by_model(name: str) -> tuple[str, str, str]:
    app, _, codename = name.partition(".")
    verb, _, model = codename.partition("_")
    return app, model, verb


def _permission_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for model in apps.get_models():
        meta = model._meta
        for verb in meta.default_permissions:
            names[f"{meta.app_label}.{verb}_{meta.model_name}"] = (
                f"Can {verb} {meta.verbose_name_plural}"
            )
        names |= {f"{meta.app_label}.{codename}": str(name) for codename, name in meta.permissions}
    return names


# --- The export file


def _fields(kind: Kind) -> str:
    model = MODELS[kind]
    rows = []
    for field in FIELDS[kind]:
        column: Any = model._meta.get_field(field.column)
        default = "" if field.key == "name" or column.default is NOT_PROVIDED else column.default
        notes = [FIELD_NOTES.get((kind, field.key), column.help_text)]
        notes += ["Left out of an export where it is null."] if field.optional else []
        shown = "" if default == "" else f"`{_json_word(default)}`"
        rows.append((f"`{field.key}`", field.shape.value, shown, " ".join(filter(None, notes))))
    return table(["key", "value", "default of a new row", "notes"], rows)


def _json_word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def history_levels() -> str:
    """Return the words that `executionHistoryLevel` takes."""
    return f"`executionHistoryLevel` takes {_code(EXECUTION_HISTORY_LEVELS)}."


# --- Warnings


# The codes of warnings about destinations, which are not members of WarningCode.
_DESTINATION_CODES = ("secret-to-new-destination", "code-uses-secret")


def warnings() -> str:
    """Return the table of the codes of warnings, the most severe first."""
    sources = "".join(source.read_text() for source in (ROOT / "flows").rglob("*.py"))
    codes = [code for code in _DESTINATION_CODES if f'"{code}"' in sources]
    codes += [code.value for code in WarningCode]
    if unknown := set(codes) ^ WARNINGS.keys():
        raise LookupError(f"Say in tools/reference_words.py what these mean: {sorted(unknown)}")
    return table(["code", "meaning"], [(f"`{code}`", WARNINGS[code]) for code in codes])


BLOCKS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "server-settings": server_settings,
    "endpoints": endpoints,
    "exit-codes": exit_codes,
    "roles": roles,
    "flow-fields": lambda: _fields(Kind.FLOW),
    "connection-fields": lambda: _fields(Kind.CONNECTION),
    "secret-fields": lambda: _fields(Kind.SECRET),
    "history-levels": history_levels,
    "warnings": warnings,
}
