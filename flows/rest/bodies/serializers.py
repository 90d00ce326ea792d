"""The bodies and answers of the API for its documentation.

flows.rest.bodies.item_body decides what a body may contain; the serializers here are made for
drf-spectacular from the same table, so that a new field is documented by itself.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers

from flows.content.fields import (
    CREATED_KEY,
    DELETED_KEY,
    EXECUTION_HISTORY_LEVELS,
    FIELDS,
    NAME_MAX_LENGTH,
    SECRET_VALUE_KEYS,
    UPDATED_KEY,
    UUID_KEY,
    Kind,
    Shape,
)
from flows.rest.bodies.item_body import HAS_VALUE_KEYS

_Fields = Mapping[str, Any]
_SerializerClass = type[serializers.Serializer[Any]]


def _text(**more: Any) -> Any:
    return serializers.CharField(**{"allow_null": True, "allow_blank": True, **more})


def _name(**more: Any) -> Any:
    return _text(allow_null=False, max_length=NAME_MAX_LENGTH, **more)


def _choice(**more: Any) -> Any:
    return serializers.ChoiceField(EXECUTION_HISTORY_LEVELS, allow_null=True, **more)


def _boolean(**more: Any) -> Any:
    return serializers.BooleanField(allow_null=True, **more)


def _integer(**more: Any) -> Any:
    return serializers.IntegerField(
        allow_null=True, min_value=-(2**63), max_value=2**63 - 1, **more
    )


def _strings(**more: Any) -> Any:
    return serializers.ListField(child=_text(allow_null=False), **{"allow_null": True, **more})


def _objects(**more: Any) -> Any:
    return serializers.ListField(child=serializers.DictField(), allow_null=True, **more)


def _object(**more: Any) -> Any:
    return serializers.DictField(allow_null=True, **more)


def _uses(**more: Any) -> Any:
    what = f"{Shape.USES.value.capitalize()}."
    return serializers.ListField(
        child=serializers.JSONField(), allow_null=True, help_text=what, **more
    )


_SHAPES: dict[Shape, Callable[..., Any]] = {
    Shape.NAME: _name,
    Shape.TEXT: _text,
    Shape.CHOICE: _choice,
    Shape.BOOLEAN: _boolean,
    Shape.INTEGER: _integer,
    Shape.STRINGS: _strings,
    Shape.OBJECTS: _objects,
    Shape.OBJECT: _object,
    Shape.USES: _uses,
}


def _serializer(name: str, fields: _Fields) -> _SerializerClass:
    return type(name, (serializers.Serializer,), dict(fields))


def _whole(kind: Kind) -> _SerializerClass:
    fields: dict[str, Any] = {UUID_KEY: serializers.UUIDField()}
    fields |= {spec.key: _SHAPES[spec.shape](required=not spec.optional) for spec in FIELDS[kind]}
    if kind is Kind.SECRET:
        null = "Always null: a value is never told."
        fields |= {key: _text(help_text=null) for key in SECRET_VALUE_KEYS}
        fields |= {key: serializers.BooleanField() for key in HAS_VALUE_KEYS}
    fields |= {key: serializers.DateTimeField() for key in (CREATED_KEY, UPDATED_KEY)}
    fields |= {DELETED_KEY: serializers.BooleanField()}
    return _serializer(kind.capitalize(), fields)


def _body(kind: Kind, *, new: bool) -> _SerializerClass:
    fields: dict[str, Any] = {UUID_KEY: serializers.UUIDField(required=False)} if new else {}
    for spec in FIELDS[kind]:
        fields[spec.key] = _SHAPES[spec.shape](required=new and spec.shape is Shape.NAME)
    if kind is Kind.SECRET:
        told = "Text sets the value, empty text clears it; null or no such key keeps it."
        fields |= {key: _text(required=False, help_text=told) for key in SECRET_VALUE_KEYS}
    return _serializer(f"{'New' if new else 'Changed'}{kind.capitalize()}", fields)


ITEMS = {kind: _whole(kind) for kind in Kind}
"""The serializer of a whole item, for answers."""
NEW_ITEMS = {kind: _body(kind, new=True) for kind in (Kind.CONNECTION, Kind.SECRET)}
"""The serializer of the body that makes an item."""
CHANGED_ITEMS = {kind: _body(kind, new=False) for kind in Kind}
"""The serializer of the body that changes an item: every key may be left out."""

LISTED_FLOW = _serializer(
    "ListedFlow",
    {
        "uuid": serializers.UUIDField(),
        "isSubflow": _boolean(),
        "name": _name(),
        "listenerType": _text(),
        "tags": _strings(allow_null=False),
        "updatedAt": serializers.DateTimeField(),
    },
)
CLONED_FLOW = _serializer("ClonedFlow", {"uuid": serializers.UUIDField()})
NAMED_SAVE = _serializer(
    "NamedSave",
    {
        "uuid": serializers.UUIDField(),
        "saveName": _text(allow_null=False),
        "flowName": _text(allow_null=False, help_text="What the flow was called then."),
        "createdAt": serializers.DateTimeField(),
        "isNamedSave": serializers.BooleanField(),
        "createdBy": _text(help_text="Null: nobody, or somebody who is gone."),
    },
)
SECRET_VALUE = _serializer(
    "SecretValue",
    {
        "executionEnvironmentMode": serializers.ChoiceField(["DEV", "PROD"]),
        "uuid": serializers.UUIDField(),
        "secret": _text(allow_null=False, help_text="Empty text clears the value."),
    },
)
MASKED_SECRET = _serializer(
    "MaskedSecret",
    {
        "uuid": serializers.UUIDField(),
        "value": _text(help_text="A mask; null where there is no value."),
    },
)
