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


def _make_text(**more: Any) -> Any:
    return serializers.CharField(**{"allow_null": True, "allow_blank": True, **more})


def _make_name(**more: Any) -> Any:
    return _make_text(allow_null=False, max_length=NAME_MAX_LENGTH, **more)


def _make_choice(**more: Any) -> Any:
    return serializers.ChoiceField(EXECUTION_HISTORY_LEVELS, allow_null=True, **more)


def _make_boolean(**more: Any) -> Any:
    return serializers.BooleanField(allow_null=True, **more)


def _make_integer(**more: Any) -> Any:
    return serializers.IntegerField(
        allow_null=True, min_value=-(2**63), max_value=2**63 - 1, **more
    )


def _make_strings(**more: Any) -> Any:
    return serializers.ListField(child=_make_text(allow_null=False), **{"allow_null": True, **more})


def _make_objects(**more: Any) -> Any:
    return serializers.ListField(child=serializers.DictField(), allow_null=True, **more)


def _make_object(**more: Any) -> Any:
    return serializers.DictField(allow_null=True, **more)


def _make_uses(**more: Any) -> Any:
    what = f"{Shape.USES.value.capitalize()}."
    return serializers.ListField(
        child=serializers.JSONField(), allow_null=True, help_text=what, **more
    )


_SHAPES: dict[Shape, Callable[..., Any]] = {
    Shape.NAME: _make_name,
    Shape.TEXT: _make_text,
    Shape.CHOICE: _make_choice,
    Shape.BOOLEAN: _make_boolean,
    Shape.INTEGER: _make_integer,
    Shape.STRINGS: _make_strings,
    Shape.OBJECTS: _make_objects,
    Shape.OBJECT: _make_object,
    Shape.USES: _make_uses,
}


def _make_serializer(name: str, fields: _Fields) -> _SerializerClass:
    return type(name, (serializers.Serializer,), dict(fields))


def _make_whole_item(kind: Kind) -> _SerializerClass:
    fields: dict[str, Any] = {UUID_KEY: serializers.UUIDField()}
    fields |= {spec.key: _SHAPES[spec.shape](required=not spec.optional) for spec in FIELDS[kind]}
    if kind is Kind.SECRET:
        always_null = "Always null: a value is never returned."
        fields |= {key: _make_text(help_text=always_null) for key in SECRET_VALUE_KEYS}
        fields |= {key: serializers.BooleanField() for key in HAS_VALUE_KEYS}
    fields |= {key: serializers.DateTimeField() for key in (CREATED_KEY, UPDATED_KEY)}
    fields |= {DELETED_KEY: serializers.BooleanField()}
    return _make_serializer(kind.capitalize(), fields)


def _make_body(kind: Kind, *, new: bool) -> _SerializerClass:
    fields: dict[str, Any] = {UUID_KEY: serializers.UUIDField(required=False)} if new else {}
    for spec in FIELDS[kind]:
        fields[spec.key] = _SHAPES[spec.shape](required=new and spec.shape is Shape.NAME)
    if kind is Kind.SECRET:
        help_text = "Text sets the value, empty text clears it; null or no such key keeps it."
        fields |= {
            key: _make_text(required=False, help_text=help_text) for key in SECRET_VALUE_KEYS
        }
    return _make_serializer(f"{'New' if new else 'Changed'}{kind.capitalize()}", fields)


ITEMS = {kind: _make_whole_item(kind) for kind in Kind}
"""The serializer of a whole item, for answers."""
NEW_ITEMS = {kind: _make_body(kind, new=True) for kind in (Kind.CONNECTION, Kind.SECRET)}
"""The serializer of the body that makes an item."""
CHANGED_ITEMS = {kind: _make_body(kind, new=False) for kind in Kind}
"""The serializer of the body that changes an item: every key may be left out."""

LISTED_FLOW = _make_serializer(
    "ListedFlow",
    {
        "uuid": serializers.UUIDField(),
        "isSubflow": _make_boolean(),
        "name": _make_name(),
        "listenerType": _make_text(),
        "tags": _make_strings(allow_null=False),
        "updatedAt": serializers.DateTimeField(),
    },
)
CLONED_FLOW = _make_serializer("ClonedFlow", {"uuid": serializers.UUIDField()})
NAMED_SAVE = _make_serializer(
    "NamedSave",
    {
        "uuid": serializers.UUIDField(),
        "saveName": _make_text(allow_null=False),
        "flowName": _make_text(allow_null=False, help_text="What the flow was called then."),
        "createdAt": serializers.DateTimeField(),
        "isNamedSave": serializers.BooleanField(),
        "createdBy": _make_text(help_text="Null: nobody, or somebody who is gone."),
    },
)
SECRET_VALUE = _make_serializer(
    "SecretValue",
    {
        "executionEnvironmentMode": serializers.ChoiceField(["DEV", "PROD"]),
        "uuid": serializers.UUIDField(),
        "secret": _make_text(allow_null=False, help_text="Empty text clears the value."),
    },
)
MASKED_SECRET = _make_serializer(
    "MaskedSecret",
    {
        "uuid": serializers.UUIDField(),
        "value": _make_text(help_text="A mask; null where there is no value."),
    },
)
