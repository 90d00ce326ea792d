"""The endpoints of connections and secrets. No answer has a secret's value."""

from http import HTTPStatus
from typing import cast

from rest_framework.request import Request
from rest_framework.response import Response

from flows.content.fields import Kind
from flows.encryption import MASK
from flows.rest import reading
from flows.rest.bodies import schema, serializers
from flows.rest.bodies.item_body import read_value_body
from flows.rest.bodies.json_body import SecretParser
from flows.rest.bodies.schema import describe_operation, make_path_parameter
from flows.rest.bodies.serializers import ITEMS
from flows.rest.editing import (
    change_item,
)
from flows.rest.item_views import (
    ItemsView,
    ItemView,
    OneItemView,
    answer_whole_item,
    document_item,
    document_list,
    get_body,
)
from flows.rest.requests.preconditions import get_condition
from flows.users import User


@document_list(
    Kind.CONNECTION, schema.CONNECTION, {"name": "Twilio", "type": "Twilio", "devValue": "{}"}
)
class ConnectionsView(ItemsView):
    """All connections."""

    kind = Kind.CONNECTION


@document_item(Kind.CONNECTION, schema.CONNECTION, {"devValue": "{ timeout: 30 }"})
class ConnectionView(OneItemView):
    """One connection."""

    kind = Kind.CONNECTION


@document_list(Kind.SECRET, schema.SECRET, {"name": "TWILIO_TOKEN", "devValue": "a value"})
class SecretsView(ItemsView):
    """All secrets. No answer has a value."""

    kind = Kind.SECRET
    parser_classes = (SecretParser,)


@document_item(Kind.SECRET, schema.SECRET, {"description": "Of the account AC1", "devValue": None})
class SecretView(OneItemView):
    """One secret. No answer has a value."""

    kind = Kind.SECRET
    parser_classes = (SecretParser,)


class SecretValueView(ItemView):
    """A secret's value in one environment."""

    kind = Kind.SECRET
    parser_classes = (SecretParser,)

    @describe_operation(
        "update_secret_value",
        "Set a secret's value in one environment.",
        answer=ITEMS[Kind.SECRET],
        example=schema.SECRET,
        body=serializers.SECRET_VALUE,
        body_example={
            "executionEnvironmentMode": "DEV",
            "uuid": schema.SECRET["uuid"],
            "secret": "a value",
        },
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED],
        parameters=[schema.ETAG, schema.IF_MATCH],
    )
    def patch(self, request: Request) -> Response:
        uuid, body = read_value_body(get_body(request))
        user = cast(User, request.user)
        condition = get_condition(request)
        change_item(Kind.SECRET, uuid, body, user=user, may_retarget=False, condition=condition)
        return answer_whole_item(Kind.SECRET, uuid)


class MaskedSecretView(ItemView):
    """Whether the secret with a name has a value."""

    kind = Kind.SECRET

    @describe_operation(
        "read_masked_secret",
        "Whether the secret with this name has a value.",
        answer=serializers.MASKED_SECRET,
        example={"uuid": schema.SECRET["uuid"], "value": MASK},
        errors=[HTTPStatus.NOT_FOUND],
        parameters=[make_path_parameter("name", "The secret's name.")],
    )
    def get(self, request: Request, name: str) -> Response:
        return Response(reading.read_masked_value(name))
