"""Convert one value of a file into one column's value, by the shape of the field.

Strict: nothing is guessed or converted. `str({"a": 1})` as a name would be stored and matched.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flows.content import canonical
from flows.content.documents import Document
from flows.content.fields import (
    EXECUTION_HISTORY_LEVELS,
    NAME_MAX_LENGTH,
    Field,
    Kind,
    Shape,
    Value,
)
from flows.content.references import is_identifier

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_INTEGERS = (-(2**63), 2**63 - 1)


class FieldProblem(Exception):  # noqa: N818 - one of the problems of a file, not yet a refusal
    """A value that does not fit its field: a stable code, what to do, and the path inside it."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


def read_field(kind: Kind, field: Field, value: Any) -> Value:
    """Return the column's value. Raises FieldProblem where the value has another shape."""
    if field.shape is Shape.NAME:
        return _read_name(kind, value)
    if value is None:
        if not field.shape.is_document or field.optional:
            return None
        text = canonical.encode(None)
        return Document(text) if field.stored_once else text
    read = _READERS[field.shape](value)
    return Document(str(read)) if field.stored_once else read


def read_uuid(value: Any) -> str:
    """Return the uuid in lower case. Raises FieldProblem."""
    if not _is_uuid(value):
        raise FieldProblem(
            "invalid-uuid",
            "This must be a uuid in text, such as c4492541-118e-4e23-9450-f2d28204ebee.",
        )
    return str(value).lower()


def read_time(value: Any) -> datetime | None:
    """Return a time, in UTC where the text has no zone; None for null. Raises FieldProblem."""
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise FieldProblem(
            "invalid-time", "This must be a time in ISO 8601, such as 2026-03-16T17:10:06.000Z."
        ) from None


def _read_name(kind: Kind, value: Any) -> str:
    name = _read_text(value)
    if len(name) > NAME_MAX_LENGTH:
        raise FieldProblem(
            "name-too-long",
            f"A name may have at most {NAME_MAX_LENGTH} characters, this one has {len(name)}.",
        )
    if kind is Kind.SECRET and not is_identifier(name):
        raise FieldProblem(
            "invalid-name",
            "A secret's name must be a JavaScript identifier: letters, digits, _ and $, "
            "not beginning with a digit.",
        )
    return name


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise FieldProblem("wrong-type", "This must be text.")
    return value


def _read_choice(value: Any) -> str:
    if value not in EXECUTION_HISTORY_LEVELS:
        raise FieldProblem(
            "invalid-choice", f"This must be one of {', '.join(EXECUTION_HISTORY_LEVELS)}."
        )
    return str(value)


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FieldProblem("wrong-type", "This must be true or false.")
    return value


def _read_integer(value: Any) -> int:
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (whole or isinstance(value, int)):
        raise FieldProblem("wrong-type", "This must be a whole number.")
    least, most = _INTEGERS
    if not least <= value <= most:
        raise FieldProblem("out-of-range", f"This must be between {least} and {most}.")
    return int(value)


def _read_list(value: Any, is_right: Callable[[Any], bool], elements: str) -> str:
    if not isinstance(value, list):
        raise FieldProblem("wrong-type", f"This must be a list of {elements}.")
    for index, element in enumerate(value):
        if not is_right(element):
            raise FieldProblem("wrong-type", f"This must be a list of {elements}.", f"[{index}]")
    return canonical.encode(value)


def _read_strings(value: Any) -> str:
    return _read_list(value, lambda element: isinstance(element, str), "texts")


def _read_objects(value: Any) -> str:
    return _read_list(value, lambda element: isinstance(element, dict), "objects")


def _read_uses(value: Any) -> str:
    return _read_list(value, _is_use, "uuids, or of objects with a uuid")


def _is_use(value: Any) -> bool:
    return _is_uuid(value.get("uuid") if isinstance(value, dict) else value)


def _is_uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _read_object(value: Any) -> str:
    if not isinstance(value, dict):
        raise FieldProblem("wrong-type", "This must be an object.")
    return canonical.encode(value)


_READERS: dict[Shape, Callable[[Any], Value]] = {
    Shape.TEXT: _read_text,
    Shape.CHOICE: _read_choice,
    Shape.BOOLEAN: _read_boolean,
    Shape.INTEGER: _read_integer,
    Shape.STRINGS: _read_strings,
    Shape.OBJECTS: _read_objects,
    Shape.OBJECT: _read_object,
    Shape.USES: _read_uses,
}
