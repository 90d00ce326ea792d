"""Move a key between the unknown keys of an item, `extra`, and a column of its own. Pure.

A value that equals the column's default stays in `extra` too, which then still says that the key
was given: an explicit null of an optional field is exported as before, and moving there and back
changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from flows.content import canonical
from flows.content.field_values import FieldProblem, read_field
from flows.content.fields import Field, Kind, Value, split_unknown_of_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A key of one kind's `extra`, with the column that it moves into."""

    kind: Kind
    field: Field
    default: Value
    """The column's default: the value of a row whose item never had the key."""
    fits: Callable[[Value], bool]
    """Whether the column takes a value of the field's shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The unknown keys and the column's value after a move."""

    extra: str
    value: Value


class MisfitError(Exception):
    """The value under the key is none that the column takes."""


class UnkeepableError(Exception):
    """A secret's `extra`, which is stored in clear, may not contain the column's value."""


def move_out(move: Move, extra: str, value: Value) -> Moved | None:
    """Return the state with the key in its column; None where there is nothing to move.

    `value` is the column's present one: what was written there before is not overwritten. Raises
    MisfitError where the value is to stay in `extra`.
    """
    unknown = _read_unknown(extra)
    if move.field.key not in unknown or not _is_same(value, move.default):
        return None
    found = _read_value(move, unknown.pop(move.field.key))
    if _is_same(found, move.default):
        return None
    return Moved(extra=canonical.encode(unknown), value=found)


def move_back(move: Move, extra: str, value: Value) -> Moved | None:
    """Return the state with the column's value in `extra`; None where the column has its default.

    Raises UnkeepableError where `extra` may not contain the value.
    """
    if _is_same(value, move.default):
        return None
    key = move.field.key
    is_document = move.field.shape.is_document and value is not None
    unknown = {**_read_unknown(extra), key: canonical.decode(str(value)) if is_document else value}
    if move.kind is Kind.SECRET and key not in split_unknown_of_secret(unknown)[0]:
        raise UnkeepableError
    return Moved(extra=canonical.encode(unknown), value=move.default)


def _read_unknown(extra: str) -> dict[str, Any]:
    """Return the unknown keys; none where the text is no JSON object."""
    try:
        unknown = canonical.decode(extra)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return unknown if isinstance(unknown, dict) else {}


def _read_value(move: Move, raw: Any) -> Value:
    try:
        value = read_field(move.kind, move.field, raw)
    except FieldProblem:
        raise MisfitError from None
    if not move.fits(value):
        raise MisfitError
    return value


def _is_same(one: Value, other: Value) -> bool:
    # In Python, 1 == True.
    return type(one) is type(other) and one == other
