"""The serializers of an item's warnings."""

from typing import Any

from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
    inline_serializer,
)
from rest_framework import serializers

from flows.content.fields import Kind
from flows.destinations.changes import DESTINATION_CODES
from imports.exportfile.warnings import OTHER, WarningCode, sort_keys
from imports.undo.plans.plan import ConflictCode

_KINDS = [str(kind) for kind in Kind]
# The kinds that send secrets.
SENDER_KINDS = [Kind.CONNECTION.value, Kind.FLOW.value]


class NewDestinationSerializer(serializers.Serializer[Any]):
    """A secret, or all secrets, with a destination to which it is not sent now."""

    secret = serializers.CharField(help_text="Its name, or * for every secret.")
    secretNames = serializers.ListField(child=serializers.CharField())
    secretUuid = serializers.UUIDField(allow_null=True)
    kind = serializers.ChoiceField(SENDER_KINDS)
    uuid = serializers.UUIDField(
        allow_null=True, help_text="Of what sends it. Null: a copy that is yet to be made."
    )
    name = serializers.CharField(help_text="Of what sends it.")
    environments = serializers.ListField(child=serializers.CharField())
    oldDestinations = serializers.ListField(child=serializers.CharField())
    newDestination = serializers.CharField(allow_null=True, help_text="Null: a flow's code.")


class WarnedRowSerializer(serializers.Serializer[Any]):
    """Another row that a warning's text names."""

    kind = serializers.ChoiceField(_KINDS)
    uuid = serializers.CharField(
        allow_null=True, help_text="Null: of a copy that is yet to be made."
    )
    name = serializers.CharField(required=False)


class WarnedPlaceSerializer(serializers.Serializer[Any]):
    """A place of the item whose text has characters that are not seen."""

    path = serializers.CharField(help_text="In the item, as in the file.")
    characters = serializers.ListField(
        child=serializers.CharField(), help_text="Such as U+202E RIGHT-TO-LEFT OVERRIDE."
    )


def _make_optional(field: type[serializers.Field[Any, Any, Any, Any]], **options: Any) -> Any:
    return field(required=False, **options)


# One of its fields is named `from`, which cannot be an attribute of a class.
WarningFactsSerializer = inline_serializer(
    "WarningFacts",
    {
        "kind": _make_optional(serializers.ChoiceField, choices=_KINDS),
        "name": _make_optional(serializers.CharField),
        "from": _make_optional(serializers.CharField),
        "to": _make_optional(serializers.CharField),
        "target": _make_optional(serializers.CharField),
        "key": _make_optional(serializers.CharField),
        "record": _make_optional(serializers.IntegerField),
        "isUndo": _make_optional(serializers.BooleanField),
        "at": _make_optional(serializers.DateTimeField, allow_null=True),
        "by": _make_optional(serializers.CharField, allow_null=True),
        "lastImportAt": _make_optional(serializers.DateTimeField),
        "fileUpdatedAt": _make_optional(serializers.DateTimeField),
        "lastUpdatedAt": _make_optional(serializers.DateTimeField),
        "others": _make_optional(WarnedRowSerializer, many=True),
        "users": _make_optional(WarnedRowSerializer, many=True),
        "places": _make_optional(WarnedPlaceSerializer, many=True),
        "files": _make_optional(serializers.ListField, child=serializers.CharField()),
        "more": _make_optional(serializers.IntegerField, help_text="How many others there are."),
    },
)


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="WarningData",
        serializers=[NewDestinationSerializer(many=True), WarningFactsSerializer],
        resource_type_field_name=None,
        many=False,
    )
)
class WarningDataField(serializers.Field[Any, Any, Any, Any]):
    """The data of a warning, as it was planned."""

    def to_representation(self, value: Any) -> Any:
        return sort_keys(value)


class WarningDetailSerializer(serializers.Serializer[Any]):
    """A warning for programs: its code, its text, and the values in the text as data."""

    code = serializers.ChoiceField(
        [*DESTINATION_CODES, *map(str, ConflictCode), *map(str, WarningCode), OTHER],
        help_text="The codes of secrets that are sent elsewhere, of conflicts of an undo, of other "
        "warnings, and `other` for a warning of an old record, which has only a text.",
    )
    text = serializers.CharField()
    isSerious = serializers.BooleanField(
        help_text="Whether a stored value is concerned, or a text is not what it looks like."
    )
    data = WarningDataField(  # type: ignore[assignment] # a field, which the class takes away
        help_text="Of the first two codes a list of new destinations. Else an object with the "
        "names, uuids, times and numbers of the text, which is empty where it has none."
    )
