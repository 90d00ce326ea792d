"""Variables of the environment as values: a wrong one is refused by its name, in plain words."""

import logging
import math
import os
import reprlib
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError

from ziggy_site.variables import VARIABLES, Holds, Variable

FILE_SUFFIX = "_FILE"
_NONE = "none"
_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
_LARGEST_SECRET = 64 * 1024


class Environment:
    """The variables, which are read as they are declared in `variables`."""

    def __init__(self) -> None:
        self._env = Env()

    def read(self, name: str) -> Any:
        """Return the value of a variable, of its kind; its default where it is not set.

        A secret one may be in a file, whose path is in NAME_FILE. Raises ImproperlyConfigured where
        the value is not of the kind or the file cannot be used, and KeyError for a variable that
        is not declared.
        """
        variable = VARIABLES[name]
        if variable.is_secret and (content := _read_file(name)) is not None:
            return content
        return self._read(variable)

    def _read(self, variable: Variable) -> Any:
        name, default = variable.name, variable.default
        match variable.kind:
            case Holds.TEXT:
                return self._env.str(name, default=default)
            case Holds.TEXTS:
                return [str(text).strip() for text in self._env.list(name, default=default)]
            case Holds.LOG_LEVEL:
                return self._read_log_level(name, default)
        if variable.kind in (
            Holds.WHOLE_NUMBER_OR_NONE,
            Holds.NUMBER_OR_NONE,
        ) and _is_none(name):
            return None
        read: Mapping[Holds, Callable[..., Any]] = {
            Holds.SWITCH: self._env.bool,
            Holds.WHOLE_NUMBER: self._env.int,
            Holds.WHOLE_NUMBER_OR_NONE: self._env.int,
            Holds.NUMBER: self._read_finite,
            Holds.NUMBER_OR_NONE: self._read_finite,
        }
        try:
            return read[variable.kind](name, default=default)
        except (EnvError, ValueError, OverflowError):
            raise _make_error(name, variable.kind) from None

    def _read_log_level(self, name: str, default: str) -> str:
        level = str(self._env.str(name, default=default))
        if level not in logging.getLevelNamesMapping():  # a project may have added some
            raise _make_error(name, f"one of {', '.join(_LEVELS)}")
        return level

    def _read_finite(self, name: str, *, default: Any) -> Any:
        number = self._env.float(name, default=default)
        if number is not None and not math.isfinite(number):
            raise EnvError
        return number


def find_open_files() -> Iterator[str]:
    """Yield each NAME_FILE whose file may be read by every user of the machine."""
    for variable in VARIABLES.values():
        path = os.environ.get(f"{variable.name}{FILE_SUFFIX}") if variable.is_secret else None
        if path and Path(path).stat().st_mode & stat.S_IROTH:
            yield f"{variable.name}{FILE_SUFFIX}"


def _read_file(name: str) -> str | None:
    """Return the secret in the file of the variable; None where there is no NAME_FILE.

    A line break at its end is not part of it. Errors never have its content.
    """
    file_name = f"{name}{FILE_SUFFIX}"
    path = os.environ.get(file_name)
    if path is None:
        return None
    if name in os.environ:
        raise ImproperlyConfigured(f"Both {name} and {file_name} are set. Leave one of them out.")
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST_SECRET + 1)
        content = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise _make_file_error(file_name, path, "is no text in UTF-8") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise _make_file_error(file_name, path, f"cannot be read: {reason}") from None
    if len(data) > _LARGEST_SECRET:
        raise _make_file_error(file_name, path, f"has more than {_LARGEST_SECRET} bytes")
    if not content.strip():
        raise _make_file_error(file_name, path, "is empty")
    return content


def _make_file_error(file_name: str, path: str, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{file_name}: the file {path!r} {what}.")


def _is_none(name: str) -> bool:
    return os.environ.get(name, "").strip().casefold() == _NONE


def _make_error(name: str, what: str) -> ImproperlyConfigured:
    value = os.environ[name]
    found = reprlib.repr(value) if value else "empty"
    return ImproperlyConfigured(
        f"The variable {name} must be {what}, and is {found}. Leave it out for the default."
    )
