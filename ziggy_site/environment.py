"""Variables of the environment as values: a wrong one is refused by its name, in plain words."""

import logging
import math
import os
import reprlib
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError

_NONE = "none"
_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")


class Environment:
    """The variables. Each method raises ImproperlyConfigured where the value is not of its type.

    Without the variable, the value is the default.
    """

    def __init__(self) -> None:
        self._env = Env()

    def read_text(self, name: str, *, default: str) -> str:
        """Return the text of the variable."""
        return str(self._env.str(name, default=default))

    def read_texts(self, name: str, *, default: Sequence[str]) -> list[str]:
        """Return the texts of the variable, which are separated by commas."""
        return [str(text).strip() for text in self._env.list(name, default=default)]

    def read_switch(self, name: str, *, default: bool) -> bool:
        """Return whether the variable says yes."""
        return bool(_read(self._env.bool, name, default, "1 or 0"))

    def read_whole_number(self, name: str, *, default: int) -> int:
        """Return the whole number of the variable."""
        return int(_read(self._env.int, name, default, "a whole number"))

    def read_number(self, name: str, *, default: float) -> float:
        """Return the number of the variable, which is never infinite."""
        return float(_read(self._read_finite, name, default, "a number"))

    def read_whole_number_or_none(self, name: str, *, default: int | None) -> int | None:
        """Return the whole number of the variable; None where it says `none`."""
        if _is_none(name):
            return None
        what = f"a whole number, or {_NONE}"
        found: int | None = _read(self._env.int, name, default, what)
        return found

    def read_number_or_none(self, name: str, *, default: float | None) -> float | None:
        """Return the number of the variable; None where it says `none`."""
        if _is_none(name):
            return None
        found: float | None = _read(self._read_finite, name, default, f"a number, or {_NONE}")
        return found

    def read_log_level(self, name: str, *, default: str) -> str:
        """Return the name of a level of the log."""
        level = self.read_text(name, default=default)
        if level not in logging.getLevelNamesMapping():  # a project may have added some
            raise _make_error(name, f"one of {', '.join(_LEVELS)}")
        return level

    def _read_finite(self, name: str, *, default: Any) -> Any:
        number = self._env.float(name, default=default)
        if number is not None and not math.isfinite(number):
            raise EnvError
        return number


def _read(read: Callable[..., Any], name: str, default: Any, what: str) -> Any:
    try:
        return read(name, default=default)
    except (EnvError, ValueError, OverflowError):
        raise _make_error(name, what) from None


def _is_none(name: str) -> bool:
    return os.environ.get(name, "").strip().casefold() == _NONE


def _make_error(name: str, what: str) -> ImproperlyConfigured:
    value = os.environ[name]
    found = reprlib.repr(value) if value else "empty"
    return ImproperlyConfigured(
        f"The variable {name} must be {what}, and is {found}. Leave it out for the default."
    )
