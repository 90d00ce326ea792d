"""What the commands share: options, JSON alone on stdout, text for people on stderr."""

import getpass
import json
import logging
import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFault
from rich.console import Console
from rich.text import Text

from flows.conf import Ziggy
from flows.servers import explain_unusable_database, list_server_names, target_server
from flows.texts import get_first_line, make_storable, quote
from flows.users import User, find_active_user
from flows.wrong_settings import find_wrong_settings
from imports.database.errors import NOT_MIGRATED, find_trouble, format_for_log, make_failure
from imports.errors import ImportFailed, UnableToImport, WrongServer
from imports.report import make_answer, make_refusal_data

USAGE_ERROR = 2
NOTHING_TO_DO = 10

_LONGEST_WAIT = 86400
# A command prints itself what these log.
_TELLING_LOGGERS = (
    "imports.runs.run",
    "imports.runs.recorder",
    "imports.database.restored_access",
    "imports.purging.service",
)


def add_server_argument(parser: CommandParser, *, has_default: bool = True) -> None:
    """Add the option that names the server; the default is this instance.

    Without a default, a command requires the name if more than one server is known, so that it
    never undoes a run of the wrong server.
    """
    # Where the setting has no names, the checks refuse the call when its options were read.
    this, *registered = [Ziggy.SERVER_NAME] if find_wrong_settings() else list_server_names()
    is_required = bool(registered) and not has_default
    known = "this instance" if is_required else "this instance, the default"
    parser.add_argument(
        "-s",
        "--server",
        default=None if is_required else this,
        required=is_required,
        metavar="NAME",
        help=f"the friendly name of the server: {this} ({known}) or one that is registered in "
        "ZIGGY_SERVERS",
    )


def make_help_options(epilog: str, *, allow_abbrev: bool = False) -> dict[str, Any]:
    """Return the options of a parser whose help ends with examples.

    Options may not be abbreviated: `--over` must never be taken for a mode.
    """
    return {
        "epilog": epilog,
        "formatter_class": RawDescriptionHelpFormatter,
        "allow_abbrev": allow_abbrev,
    }


def add_prompt_argument(parser: ArgumentParser) -> None:
    """Add the option of a command that asks first, for runs where nobody can answer."""
    parser.add_argument(
        "--no-prompt", action="store_true", help="do not ask for confirmation (automation)"
    )


def add_run_arguments(parser: ArgumentParser, *, verb: str) -> None:
    """Add the options of every run that writes; `verb` is "import" or "undo"."""
    add_prompt_argument(parser)
    parser.add_argument(
        "--no-backup", action="store_true", help="do not back the database up first"
    )
    parser.add_argument(
        "--wait", dest="lock_wait", type=_read_seconds, metavar="SECONDS",
        help="how long to wait while another import is running; without it, as long as the "
        "server's ZIGGY_LOCK_WAIT says, and 0 does not wait at all",
    )  # fmt: skip
    parser.add_argument(
        "--user", metavar="NAME",
        help=f"{verb} as this user of the server: with their rights, and under their name in "
        "the record; without it, as the account of this shell, which may do everything",
    )  # fmt: skip
    parser.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help=f"exit with {NOTHING_TO_DO} when there was nothing to do",
    )


def read_number(
    text: str, what: str, *, of: type[float] | type[int] = float, most: float | None = None
) -> float:
    """Return the number of an option, from 0 on; `what` is needed, such as "a number of days".

    Raises ArgumentTypeError, whose message quotes the text.
    """
    number = math.nan
    with suppress(ValueError):
        number = of(text)
    if not 0 <= number <= (math.inf if most is None else most):  # false for nan too
        up_to = "or more" if most is None else f"to {most:g}"
        raise ArgumentTypeError(f"{quote(text)} is not {what}, 0 {up_to}")
    return number


def _read_seconds(text: str) -> float:
    return read_number(text, "a number of seconds", most=_LONGEST_WAIT)


@contextmanager
def target_known_server(name: str) -> Iterator[None]:
    """Send every query to the named server. Raises WrongServer for an unknown name."""
    if name not in list_server_names():
        known = ", ".join(list_server_names())
        message = f"There is no server {quote(name)} here. The servers are: {known}."
        raise WrongServer("wrong-server", message)
    with target_server(name):
        yield


def print_json(command: BaseCommand, result: dict[str, Any]) -> None:
    """Print the one JSON object of a command on stdout."""
    # ASCII only, so that no terminal or pipe rejects the answer of a run that is done.
    command.stdout.write(json.dumps(result, indent=2))


def print_text(command: BaseCommand, text: str) -> None:
    """Print a text that is the answer of a command on stdout."""
    # What a terminal or a pipe cannot take is written out: it rejects no answer.
    encoding = getattr(command.stdout, "encoding", None) or "utf-8"
    command.stdout.write(text.encode(encoding, errors="backslashreplace").decode(encoding))


def print_end(command: BaseCommand, last_line: str, result: dict[str, Any]) -> None:
    """Print the last line of a run, for people, and its JSON.

    The line comes first, so that it is printed even if stdout is closed; on a terminal it comes
    last, where it stays visible after pages of JSON.
    """
    if command.stdout.isatty():
        print_json(command, result)
        print_line(command, last_line)
    else:
        print_line(command, last_line)
        print_json(command, result)


def print_cancelled(command: BaseCommand) -> None:
    """Print the answer to a question that was declined."""
    print_json(command, make_answer(HTTPStatus.OK, {"message": "Operation cancelled by user"}))


PrintRefusal = Callable[[UnableToImport], None]
"""Prints a refusal on stdout."""


def refuse(
    command: BaseCommand, error: UnableToImport, print_refusal: PrintRefusal | None = None
) -> NoReturn:
    """Print the refusal, and raise CommandError with the error's exit code and message.

    Without `print_refusal` it is printed as JSON.
    """
    if print_refusal:
        print_refusal(error)
    else:
        data = {**make_refusal_data(error), "message": _format_refusal(error)}
        print_json(command, make_answer(error.status, data))
    raise_refusal(error)


def raise_refusal(error: UnableToImport) -> NoReturn:
    """Raise CommandError with the error's exit code and message; print nothing on stdout."""
    raise CommandError(_format_refusal(error), returncode=error.exit_code) from error


def _format_refusal(error: UnableToImport) -> str:
    return f"{error.message} {error.cause}".rstrip()


@contextmanager
def refuse_errors(
    command: BaseCommand, server: str, print_refusal: PrintRefusal | None = None
) -> Iterator[None]:
    """End the command as `refuse` does for an UnableToImport that the block raises.

    So too for an error of the server's database, such as an unreachable or unmigrated one.
    """
    try:
        with _silence_log():
            yield
    except UnableToImport as error:
        refuse(command, error, print_refusal)
    except DatabaseFault as error:
        # An error for a missing table quotes only its name, which is no secret.
        is_migrated = find_trouble(error) is not NOT_MIGRATED
        reason = format_for_log(error) if is_migrated else get_first_line(error).rstrip(".")
        failure = ImportFailed("database-error", explain_unusable_database(reason, server))
        refuse(command, make_failure(error) or failure, print_refusal)


@contextmanager
def _silence_log() -> Iterator[None]:
    """Keep out of the log, which is written to stderr, what the command prints there itself."""
    loggers = [logging.getLogger(name) for name in _TELLING_LOGGERS]
    for logger in loggers:
        logger.addFilter(_drop_record)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(_drop_record)


def _drop_record(_record: logging.LogRecord) -> bool:
    return False


def print_line(command: BaseCommand, text: str, *, ending: str = "\n") -> None:
    """Write a line for people to stderr."""
    command.stderr.write(text, style_func=str, ending=ending)


def require_terminal() -> None:
    """Raise CommandError if stdin is no terminal, since nobody can answer a question there."""
    if not sys.stdin.isatty():
        raise CommandError(
            "Standard input is no terminal, so there is nobody to ask. "
            "Say --no-prompt to go on without being asked.",
            returncode=USAGE_ERROR,
        )


def confirm(command: BaseCommand, question: str) -> bool:
    """Return whether the person at the terminal answers yes. Enter, Ctrl-C and Ctrl-D mean no."""
    print_line(command, f"{question} [y/N] ", ending="")
    command.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        print_line(command, "")
        return False


def find_user(name: str | None, server: str) -> User | None:
    """Return the active user of that name on the server; None if no name is given.

    Raises CommandError if there is no such user.
    """
    if name is None:
        return None
    with target_server(server):
        user = find_active_user(make_storable(name))
    if user is None:
        raise CommandError(
            f"There is no active user {quote(name)} on the server {quote(server)}.",
            returncode=USAGE_ERROR,
        )
    return user


def get_user_name(user: User | None) -> str:
    """Return the name to record for a command: the user's, or the shell account's."""
    return user.get_username() if user else make_storable(getpass.getuser())


def show(text: Text) -> None:
    """Print a plan for people, in colours if the terminal has them."""
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)
