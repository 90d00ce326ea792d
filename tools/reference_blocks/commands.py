"""The block of the commands: a section for each, with its options."""

from argparse import SUPPRESS, Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from typing import Any

from django.core.management import get_commands, load_command_class

from tools.reference_blocks.markdown import format_code, format_table, put_on_one_line

_OWN_APPS = ("accounts", "flows", "imports")
# Options that every command of Django has.
_DJANGO_OPTIONS = {
    *("help", "version", "verbosity", "settings", "pythonpath", "traceback"),
    *("no_color", "force_color", "skip_checks"),
}


def list_commands() -> str:
    """Return a section for each of the project's commands."""
    names = sorted(name for name, app in get_commands().items() if app in _OWN_APPS)
    return "\n\n".join(_format_command(name) for name in names)


def _format_command(name: str) -> str:
    command: Any = load_command_class(get_commands()[name], name)
    parser: ArgumentParser = command.create_parser("manage.py", name)
    parts = [f"## {name}", put_on_one_line(command.help), _format_options(parser)]
    for word, sub in _find_subcommands(parser):
        parts += [
            f"### {name} {word}",
            put_on_one_line(sub.description or ""),
            _format_options(sub),
        ]
    if parser.epilog:
        parts.append(f"```text\n{parser.epilog.rstrip()}\n```")
    return "\n\n".join(part for part in parts if part)


def _find_subcommands(parser: ArgumentParser) -> Iterator[tuple[str, ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            yield from action.choices.items()


def _format_options(parser: ArgumentParser) -> str:
    shown = [
        action
        for action in parser._actions
        if action.dest not in _DJANGO_OPTIONS
        and action.help != SUPPRESS
        and not isinstance(action, _SubParsersAction)
    ]
    rows = [(_format_spelling(one), _format_need(parser, one), _get_help(one)) for one in shown]
    return format_table(["option", "needed", "meaning"], rows) if rows else ""


def _format_spelling(action: Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = ""
    if action.nargs != 0:
        words = "|".join(map(str, action.choices)) if action.choices else ""
        value = f" {words or action.metavar or action.dest.upper()}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings[::-1])


def _format_need(parser: ArgumentParser, action: Action) -> str:
    for group in parser._mutually_exclusive_groups:
        if action in group._group_actions:
            others = [one.option_strings[-1] for one in group._group_actions if one is not action]
            if group.required:
                return f"this or {format_code(others)}"
            return f"not with {format_code(others)}"
    return "yes" if action.required else ""


def _get_help(action: Action) -> str:
    return (action.help or "") % {"default": action.default}
