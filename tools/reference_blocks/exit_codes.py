"""The block of the errors, with their exit codes and HTTP statuses."""

import inspect
from http import HTTPStatus
from typing import Any

from imports import errors
from imports.management.console import NOTHING_TO_DO, USAGE_ERROR
from tools.reference_blocks.markdown import format_table, put_on_one_line


def list_exit_codes() -> str:
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
        (str(one.exit_code), _format_status(one.status), _get_first_line(one))
        for one in _list_errors()
        if one is not errors.UnableToImport
    )
    rows.sort(key=lambda row: int(row[0]))
    return format_table(["exit code", "HTTP status", "meaning"], rows)


def _list_errors() -> list[type[errors.UnableToImport]]:
    family = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    found = [one for one in family if issubclass(one, errors.UnableToImport)]
    return sorted(found, key=lambda one: (one.exit_code, one.status, one.__name__))


def _format_status(status: HTTPStatus) -> str:
    return str(status.value)  # a phrase differs between releases of Python


def _get_first_line(documented: Any) -> str:
    return put_on_one_line((inspect.getdoc(documented) or "").partition("\n\n")[0])
