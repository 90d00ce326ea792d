"""Read the JSON object that makes or changes an item, as strictly as a file's item.

Pure. Unknown keys of flows and connections are kept, as those of a file are. Under an unknown key
a secret's value would be stored in clear: a key that is named for a value is refused, and of the
others only what cannot be a value is kept.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from flows.content.field_values import FieldProblem, read_field, read_time, read_uuid
from flows.content.fields import (
    CREATED_KEY,
    DELETED_KEY,
    FIELDS,
    SECRET_VALUE_KEYS,
    UPDATED_KEY,
    UUID_KEY,
    Kind,
    Value,
    is_value_like,
    split_unknown_of_secret,
)
from flows.rest.bodies.placeholders import is_placeholder
from flows.rest.requests.refusals import Problem, make_invalid_refusal

HAS_VALUE_KEYS = ("hasDevValue", "hasProdValue")
"""Whether a secret has its values: read-only, and ignored in a body."""
DESTINATIONS_KEY = "destinations"
"""Where a secret's value is sent: read-only, and ignored in a body."""

Reader = Callable[[Any], Any]

_NAME_KEY = "name"
_ENVIRONMENT_KEY = "executionEnvironmentMode"
_ENVIRONMENTS = {"DEV": "dev_value", "PROD": "prod_value"}
_VALUE_COLUMNS = dict(zip(SECRET_VALUE_KEYS, _ENVIRONMENTS.values(), strict=True))
_LONGEST_PATH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBody:
    """The content of a body. A missing column stays as it is, or has the model's default."""

    uuid: str | None
    content: Mapping[str, Value]
    """Column to value, for the known keys."""
    unknown: Mapping[str, Any]
    """The unknown keys to keep."""
    secret_values: Mapping[str, str] = field(repr=False)
    """Column to the new value in clear, for the values to set; empty text clears one."""


def read_item_body(kind: Kind, body: Any, *, of: UUID | None = None) -> ItemBody:
    """Return the body for a new item, or for the existing one with the uuid `of`.

    Raises Refused with every problem at once.
    """
    keys = _read_object(body)
    readers = _get_readers(kind, of, keys)
    values = _read_keys(keys, readers, required=() if of else (_NAME_KEY,))
    return ItemBody(
        uuid=values.get(UUID_KEY),
        content={spec.column: values[spec.key] for spec in FIELDS[kind] if spec.key in values},
        unknown=_filter_unknown(kind, {key: keys[key] for key in keys if key not in readers}),
        secret_values={
            column: values[key]
            for key, column in _VALUE_COLUMNS.items()
            if kind is Kind.SECRET and values.get(key) is not None
        },
    )


def _filter_unknown(kind: Kind, unknown: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the unknown keys to keep: of a secret, those that cannot contain its value.

    Clients may send keys that are unknown here, so the request is not refused.
    """
    return split_unknown_of_secret(unknown)[0] if kind is Kind.SECRET else unknown


def read_value_body(body: Any) -> tuple[UUID, ItemBody]:
    """Return the uuid of the secret, and the change, of a body for one value. Raises Refused."""
    readers: dict[str, Reader] = {
        UUID_KEY: read_uuid,
        _ENVIRONMENT_KEY: _read_environment,
        "secret": read_secret_value,
    }
    values = _read_keys(_read_object(body), readers, required=readers)
    value = {values[_ENVIRONMENT_KEY]: values["secret"]}
    return UUID(values[UUID_KEY]), ItemBody(uuid=None, content={}, unknown={}, secret_values=value)


def _read_object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise make_invalid_refusal(
            [Problem(code="wrong-type", message="The body must be an object.")]
        )
    return body


def _read_keys(
    keys: Mapping[str, Any], readers: Mapping[str, Reader], *, required: Collection[str]
) -> dict[str, Any]:
    """Return the values of the keys that are present, read by the readers. Raises Refused."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, read in readers.items():
        if key not in keys and key not in required:
            continue
        try:
            if key not in keys:
                raise FieldProblem("missing-key", "This is missing.")
            values[key] = read(keys[key])
        except FieldProblem as problem:
            path = f"{key}{problem.path}"[:_LONGEST_PATH]
            problems.append(Problem(code=problem.code, message=problem.message, path=path))
    if problems:
        raise make_invalid_refusal(problems)
    return values


def read_secret_value(value: Any) -> str:
    """Return a new secret value; empty for none. Raises FieldProblem, which never quotes it."""
    if not isinstance(value, str):
        raise FieldProblem("wrong-type", "This must be text.")
    if is_placeholder(value):
        raise FieldProblem(
            "placeholder-value",
            "This is a placeholder, not a value. Leave the key out to keep the stored value.",
        )
    return value


def _get_readers(kind: Kind, of: UUID | None, keys: Mapping[str, Any]) -> dict[str, Reader]:
    """Return the reader of each known key."""
    readers: dict[str, Reader] = {UUID_KEY: partial(_read_uuid, of)}
    readers |= {spec.key: partial(read_field, kind, spec) for spec in FIELDS[kind]}
    readers |= {CREATED_KEY: read_time, UPDATED_KEY: read_time, DELETED_KEY: _read_deleted}
    if kind is Kind.SECRET:
        readers |= dict.fromkeys(SECRET_VALUE_KEYS, _read_value_or_keep)
        readers |= dict.fromkeys((*HAS_VALUE_KEYS, DESTINATIONS_KEY), _ignore)
        unknown = {key: keys[key] for key in keys if key not in readers}
        readers |= {key: _refuse_key for key in unknown if is_value_like(key)}
    return readers


def _refuse_key(_value: Any) -> None:
    raise FieldProblem(
        "unknown-key",
        f"A secret has no such key. Its values go into {' and '.join(SECRET_VALUE_KEYS)}.",
    )


def _read_value_or_keep(value: Any) -> str | None:
    return None if value is None else read_secret_value(value)


def _read_environment(value: Any) -> str:
    if not isinstance(value, str) or value not in _ENVIRONMENTS:
        raise FieldProblem("invalid-choice", f"This must be {' or '.join(_ENVIRONMENTS)}.")
    return _ENVIRONMENTS[value]


def _ignore(_value: Any) -> None:
    return None


def _read_uuid(of: UUID | None, value: Any) -> str:
    uuid = read_uuid(value)
    if of is not None and uuid != str(of):
        raise FieldProblem("read-only", "This is the uuid of another item. Leave the key out.")
    return uuid


def _read_deleted(value: Any) -> None:
    if value:
        raise FieldProblem("read-only", "An item is deleted by the method DELETE only.")
