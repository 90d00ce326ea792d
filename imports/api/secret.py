"""One secret in the REST API, with the destinations of its value, even if it has none yet."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from flows.content.fields import Kind
from flows.rest import reading
from flows.rest.bodies import schema
from flows.rest.bodies.item_body import DESTINATIONS_KEY
from flows.rest.bodies.schema import describe_operation
from flows.rest.bodies.serializers import ITEMS
from flows.rest.requests.preconditions import add_tag
from flows.rest.views import SecretView
from flows.secrets.stored_destinations import SecretDestination, read_destinations
from flows.users import User
from imports.api.checks import get_caller
from imports.api.shapes.warnings import SENDER_KINDS
from imports.models import ImportRecord
from imports.permissions import may_see, may_see_records
from imports.records.secret_writers import read_last_writers


class DestinationImportSerializer(serializers.Serializer[Any]):
    """The import that made a connection or a flow send the secret there."""

    id = serializers.IntegerField()
    startedAt = serializers.DateTimeField()  # noqa: N815 - the word of the contract


class SecretDestinationSerializer(serializers.Serializer[Any]):
    """A destination of the secret's value."""

    kind = serializers.ChoiceField(SENDER_KINDS)
    uuid = serializers.UUIDField(allow_null=True, help_text="Null where the user may not see it.")
    name = serializers.CharField(allow_null=True)
    destination = serializers.CharField(
        allow_null=True, help_text="The hosts, or another description; of a flow's code: any."
    )
    environments = serializers.ListField(child=serializers.CharField())
    lastImport = DestinationImportSerializer(  # noqa: N815 - the word of the contract
        allow_null=True, help_text="The last import in effect that wrote it; null for none."
    )


class SecretWithDestinationsSerializer(ITEMS[Kind.SECRET]):  # type: ignore[misc, valid-type]
    """A secret, and the destinations of its value."""

    destinations = SecretDestinationSerializer(many=True)


_EXAMPLE = {
    **schema.SECRET,
    "destinations": [
        {
            "kind": "connection",
            "uuid": schema.CONNECTION["uuid"],
            "name": "Twilio",
            "destination": "api.twilio.com",
            "environments": ["development", "production"],
            "lastImport": {"id": 12, "startedAt": "2026-03-16T17:10:06.000Z"},
        }
    ],
}


@extend_schema_view(
    get=describe_operation(
        "read_secret",
        "One secret, and where its value goes, or would go if it had one.",
        answer=SecretWithDestinationsSerializer,
        example=_EXAMPLE,
    )
)
class SecretWithDestinationsView(SecretView):
    """One secret, with the destinations of its value. No answer has a value."""

    def get(self, request: Request, uuid: UUID) -> Response:
        item, tag = reading.read_item(self.kind, uuid)
        found = read_destinations([item["name"]])[item["name"]]
        user = get_caller(request)
        users = [(each.kind, each.uuid) for each in found]
        writers = read_last_writers(users) if may_see_records(user) else {}
        destinations = [
            _describe_destination(each, user, writers.get(key))
            for each, key in zip(found, users, strict=True)
        ]
        # Never 304: the tag is the row's, and the destinations change without it.
        return add_tag(Response({**item, DESTINATIONS_KEY: destinations}), tag)


def _describe_destination(
    found: SecretDestination, user: User, record: ImportRecord | None
) -> dict[str, Any]:
    is_visible = may_see(user, found.kind)
    return {
        "kind": found.kind.value,
        "uuid": found.uuid if is_visible else None,
        "name": found.name if is_visible else None,
        "destination": found.label if is_visible else None,
        "environments": list(found.environments),
        "lastImport": record and {"id": record.pk, "startedAt": record.started_at},
    }
