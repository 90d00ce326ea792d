"""Which values of the setting `ZIGGY` are of a wrong type, as messages that show no key."""

import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from flows.conf import Ziggy
from flows.encryption import FERNET_KEYS, check_keys

_TYPES: Mapping[str, Any] = get_type_hints(Ziggy)
_WORDS: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    int | None: "a whole number or None",
    float: "a number",
    float | None: "a number or None",
    bool: "True or False",
    str | Path: "a path, as a text or a Path",
    Mapping[str, Any]: "a dict whose keys are names",
    Mapping[str, tuple[int, int]]: "a dict of names, each with two whole numbers",
    Sequence[str]: "a list of texts",
}

_SECRETS = {"METRICS_TOKEN"}
"""Keys whose values are never shown."""


def find_wrong_settings() -> list[str]:
    """Return a message for each wrong value: its key, what it must be, and what it is."""
    given = getattr(settings, "ZIGGY", {})
    if not isinstance(given, Mapping):
        return [f"The setting ZIGGY must be a dict, and {_describe(given, Mapping[str, Any])}."]
    wrong = [
        _explain(name, given[name])
        for name, kind in _TYPES.items()
        if name in given and not _fits(given[name], kind)
    ]
    return wrong or _find_wrong_keys()


def refuse_wrong_settings() -> None:
    """Raise ImproperlyConfigured, with the messages, where a value is wrong."""
    if wrong := find_wrong_settings():
        raise ImproperlyConfigured(" ".join(wrong))


def _find_wrong_keys() -> list[str]:
    try:
        check_keys()
    except ImproperlyConfigured as error:
        return [str(error)]
    return []


def _fits(value: Any, kind: Any) -> bool:
    if Path in get_args(kind):  # which msgspec has no union of
        return isinstance(value, get_args(kind))
    if kind == Sequence[str] and not isinstance(value, Sequence):
        return False  # a set has no first key, and msgspec takes it
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _explain(name: str, value: Any) -> str:
    kind = _TYPES[name]
    if name == "ENCRYPTION_KEYS":
        return f"{FERNET_KEYS} It {_describe(value, kind)}."
    if name in _SECRETS:
        return f"{name} in the setting ZIGGY must be {_WORDS[kind]}, and is none."
    return f"{name} in the setting ZIGGY must be {_WORDS[kind]}, and {_describe(value, kind)}."


def _describe(value: Any, kind: Any) -> str:
    """Return what the value is. One where a dict or list must be may hold a password or a key."""
    if value is None:
        return "is None"
    container = get_origin(kind)
    if container not in (Mapping, Sequence) and isinstance(value, str | bool | int | float):
        return f"is {reprlib.repr(value)}"
    is_right = container in (Mapping, Sequence) and isinstance(value, container)
    if is_right and not isinstance(value, str | bytes):
        return "holds something else"
    return f"is of the type {type(value).__name__}"
