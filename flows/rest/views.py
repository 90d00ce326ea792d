"""The REST door to flows, connections, secrets and named saves: translate, call once, answer."""

from http import HTTPStatus
from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from flows.content.field_values import FieldProblem, read_uuid
from flows.content.fields import Kind
from flows.encryption import MASK
from flows.rest import flow_saves, reading, schema, serializers
from flows.rest.declared_names import DeclaredNames
from flows.rest.editing import (
    change_item,
    clone_flow,
    create_item,
    delete_item,
)
from flows.rest.idempotency import answered_once
from flows.rest.item_body import read_item_body, read_value_body
from flows.rest.json_body import ItemParser, SecretParser, check_text
from flows.rest.paging import MOST, Place, link_to_next, read_part
from flows.rest.permissions import HasModelPermission
from flows.rest.preconditions import answer_if_changed, condition_of, tagged
from flows.rest.refusals import Problem, Refused, invalid, not_permitted
from flows.rest.schema import operation, path_parameter, query_parameter
from flows.rest.serializers import CHANGED_ITEMS, ITEMS, NEW_ITEMS
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS

_CHANGE_SECRET = "flows.change_secret"  # noqa: S105 - a permission
_CLONE = "clone"
_SEARCH = query_parameter("search", "A part of the name or the uuid, in upper or lower case.")

_PAGING = [
    query_parameter("limit", f"At most so many, from 1 to {MOST}; all without it."),
    query_parameter("after", 'Those behind this place, as `Link` gives it in rel="next".'),
    OpenApiParameter(
        "Link",
        str,
        OpenApiParameter.HEADER,
        description='The address of the next page, as rel="next", where there is one.',
        response=[HTTPStatus.OK.value],
    ),
]


class ItemView(APIView):
    """What every endpoint here has in common."""

    kind: ClassVar[Kind]
    permission_classes = (HasModelPermission,)
    parser_classes = (ItemParser,)


def _body(request: Request) -> Any:
    if request.stream is None:
        message = "A body in JSON is needed, with its Content-Length."
        raise Refused(HTTPStatus.BAD_REQUEST, "missing-body", message)
    return request.data


def _page(request: Request, items: list[dict[str, Any]], place: Place | None) -> Response:
    """The answer with a part of a list, and where the next one is."""
    response = Response(items)
    if place is not None:
        response.headers["Link"] = link_to_next(request.path, request.query_params, place)
    return response


def _whole(kind: Kind, uuid: UUID, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The answer with the whole item as it is now, and its tag."""
    item, tag = reading.read_item(kind, uuid)
    return tagged(Response(item, status=status), tag)


def _list_of(kind: Kind, example: dict[str, Any], body_example: dict[str, Any]) -> Any:
    """The documentation of an ItemsView."""
    return extend_schema_view(
        get=operation(
            f"list_{kind.plural}",
            f"The {kind.plural}, by name.",
            answer=ITEMS[kind](many=True),
            example=example,
            errors=[HTTPStatus.UNPROCESSABLE_ENTITY],
            parameters=[_SEARCH, *_PAGING],
        ),
        post=operation(
            f"create_{kind}",
            f"Make a {kind}.",
            status=HTTPStatus.CREATED,
            answer=ITEMS[kind],
            example=example,
            body=NEW_ITEMS[kind],
            body_example=body_example,
            errors=[HTTPStatus.CONFLICT],
        ),
    )


def _one_of(kind: Kind, example: dict[str, Any], body_example: dict[str, Any]) -> Any:
    """The documentation of an OneItemView."""
    return extend_schema_view(
        get=operation(
            f"read_{kind}",
            f"One {kind}.",
            answer=ITEMS[kind],
            example=example,
            errors=[HTTPStatus.NOT_MODIFIED, HTTPStatus.NOT_FOUND],
            parameters=[schema.ETAG, schema.IF_NONE_MATCH],
        ),
        put=operation(
            f"change_{kind}",
            f"Change what the body names of a {kind}, and keep the rest.",
            answer=ITEMS[kind],
            example=example,
            body=CHANGED_ITEMS[kind],
            body_example=body_example,
            errors=[HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED],
            parameters=[schema.ETAG, schema.IF_MATCH],
        ),
        delete=operation(
            f"delete_{kind}",
            f"Delete a {kind}. Its history is kept.",
            status=HTTPStatus.NO_CONTENT,
            answer=None,
            errors=[HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED],
            parameters=[schema.IF_MATCH],
        ),
    )


class ItemsView(ItemView):
    """All items of a kind."""

    def get(self, request: Request) -> Response:
        parameters = request.query_params
        found = reading.list_items(
            self.kind, parameters.get("search", ""), read_part(parameters.dict())
        )
        return _page(request, *found)

    @answered_once()
    def post(self, request: Request) -> Response:
        body = read_item_body(self.kind, _body(request))
        if body.secret_values and not request.user.has_perm(_CHANGE_SECRET):
            raise not_permitted("You may not set a secret's value.", _CHANGE_SECRET)
        user = cast(User, request.user)
        may_retarget = user.has_perm(RETARGET_CONNECTIONS)
        uuid = create_item(self.kind, body, user=user, may_retarget=may_retarget)
        return _whole(self.kind, uuid, status=HTTPStatus.CREATED)


class OneItemView(ItemView):
    """One item of a kind."""

    def get(self, request: Request, uuid: UUID) -> HttpResponseBase:
        item, tag = reading.read_item(self.kind, uuid)
        return answer_if_changed(request, Response(item), tag)

    def put(self, request: Request, uuid: UUID) -> Response:
        body = read_item_body(self.kind, _body(request), of=uuid)
        user = cast(User, request.user)
        may_retarget = user.has_perm(RETARGET_CONNECTIONS)
        change_item(
            self.kind,
            uuid,
            body,
            user=user,
            may_retarget=may_retarget,
            condition=condition_of(request),
        )
        return _whole(self.kind, uuid)

    def delete(self, request: Request, uuid: UUID) -> Response:
        user = cast(User, request.user)
        delete_item(self.kind, uuid, user=user, condition=condition_of(request))
        return Response(status=HTTPStatus.NO_CONTENT)


@_list_of(
    Kind.CONNECTION, schema.CONNECTION, {"name": "Twilio", "type": "Twilio", "devValue": "{}"}
)
class ConnectionsView(ItemsView):
    """All connections."""

    kind = Kind.CONNECTION


@_one_of(Kind.CONNECTION, schema.CONNECTION, {"devValue": "{ timeout: 30 }"})
class ConnectionView(OneItemView):
    """One connection."""

    kind = Kind.CONNECTION


@_list_of(Kind.SECRET, schema.SECRET, {"name": "TWILIO_TOKEN", "devValue": "a value"})
class SecretsView(ItemsView):
    """All secrets. No answer has a value."""

    kind = Kind.SECRET
    parser_classes = (SecretParser,)


@_one_of(Kind.SECRET, schema.SECRET, {"description": "Of the account AC1", "devValue": None})
class SecretView(OneItemView):
    """One secret. No answer has a value."""

    kind = Kind.SECRET
    parser_classes = (SecretParser,)


class SecretValueView(ItemView):
    """A secret's value in one environment."""

    kind = Kind.SECRET
    parser_classes = (SecretParser,)

    @operation(
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
        uuid, body = read_value_body(_body(request))
        user = cast(User, request.user)
        condition = condition_of(request)
        change_item(Kind.SECRET, uuid, body, user=user, may_retarget=False, condition=condition)
        return _whole(Kind.SECRET, uuid)


class MaskedSecretView(ItemView):
    """Whether the secret with a name has a value."""

    kind = Kind.SECRET

    @operation(
        "read_masked_secret",
        "Whether the secret with this name has a value.",
        answer=serializers.MASKED_SECRET,
        example={"uuid": schema.SECRET["uuid"], "value": MASK},
        errors=[HTTPStatus.NOT_FOUND],
        parameters=[path_parameter("name", "The secret's name.")],
    )
    def get(self, request: Request, name: str) -> Response:
        return Response(reading.masked_value(name))


class FlowsView(ItemView):
    """All flows."""

    kind = Kind.FLOW

    @operation(
        "list_flows",
        "The flows that all the conditions fit, by name; an empty condition says nothing.",
        answer=serializers.LISTED_FLOW(many=True),
        example=schema.LISTED_FLOW,
        errors=[HTTPStatus.UNPROCESSABLE_ENTITY],
        parameters=[
            _SEARCH,
            query_parameter("flowId", "The uuid of one flow."),
            query_parameter("tags", "Flows with any of these tags, separated by commas."),
            *_PAGING,
        ],
    )
    def get(self, request: Request) -> Response:
        parameters = request.query_params
        tags = [tag.strip() for tag in parameters.get("tags", "").split(",")]
        found = reading.list_flows(
            search=parameters.get("search", ""),
            uuid=_uuid_parameter("flowId", parameters.get("flowId", "")),
            tags=[tag for tag in tags if tag],
            part=read_part(parameters.dict()),
        )
        return _page(request, *found)


def _uuid_parameter(name: str, value: str) -> UUID | None:
    try:
        return UUID(read_uuid(value)) if value else None
    except FieldProblem as problem:
        told = Problem(code=problem.code, message=problem.message, path=name)
        raise invalid([told]) from None


@_one_of(Kind.FLOW, schema.FLOW, {"tags": ["sms", "tested"]})
class FlowView(OneItemView):
    """One flow."""

    kind = Kind.FLOW


class NewFlowView(ItemView):
    """A flow to be."""

    kind = Kind.FLOW

    @operation(
        "create_flow",
        "Make an empty flow of this name, with this listener.",
        status=HTTPStatus.CREATED,
        answer=ITEMS[Kind.FLOW],
        example=schema.FLOW,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY],
        parameters=[
            path_parameter("name", "The flow's name."),
            path_parameter("receiver_type", "The flow's `listenerType`."),
        ],
    )
    @answered_once()
    def post(self, request: Request, name: str, receiver_type: str) -> Response:
        if name == _CLONE:  # the uuid behind it is none: a slip, and not a flow of that name
            message = "A flow to clone is named by its uuid."
            raise invalid([Problem(code="invalid-uuid", message=message, path="uuid")])
        check_text(name, "name")
        check_text(receiver_type, "receiverType")
        body = read_item_body(Kind.FLOW, {"name": name, "listenerType": receiver_type})
        user = cast(User, request.user)
        uuid = create_item(Kind.FLOW, body, user=user, may_retarget=False)
        return _whole(Kind.FLOW, uuid, status=HTTPStatus.CREATED)


class CloneFlowView(ItemView):
    """A copy to be of a flow."""

    kind = Kind.FLOW

    @operation(
        "clone_flow",
        "Copy a flow under the first free name `NAME (copy)`.",
        status=HTTPStatus.CREATED,
        answer=serializers.CLONED_FLOW,
        example={"uuid": "5d3c8c5e-9a77-4a4c-8a59-1d1f0c3a7b10"},
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY],
    )
    @answered_once()
    def post(self, request: Request, uuid: UUID) -> Response:
        copy = clone_flow(uuid, user=cast(User, request.user))
        return Response({"uuid": str(copy)}, status=HTTPStatus.CREATED)


class NamedSavesView(ItemView):
    """The named saves of a flow."""

    kind = Kind.FLOW

    @operation(
        "list_named_saves",
        "The flow's named saves, newest first.",
        answer=serializers.NAMED_SAVE(many=True),
        example=schema.NAMED_SAVE,
        errors=[HTTPStatus.NOT_FOUND],
    )
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response(flow_saves.list_saves(uuid))


class NewNamedSaveView(ItemView):
    """A named save to be."""

    kind = Kind.FLOW
    verbs: ClassVar = {"POST": "change"}  # a save adds to the flow's history, not a flow

    @operation(
        "take_named_save",
        "Save the flow's state under a name.",
        status=HTTPStatus.CREATED,
        answer=serializers.NAMED_SAVE,
        example=schema.NAMED_SAVE,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY],
        parameters=[path_parameter("name", "The save's name.")],
    )
    @answered_once()
    def post(self, request: Request, uuid: UUID, name: str) -> Response:
        save = flow_saves.take_save(uuid, check_text(name, "name"), user=cast(User, request.user))
        return Response(save, status=HTTPStatus.CREATED)


class LoadedSaveView(ItemView):
    """A flow as it was saved."""

    kind = Kind.FLOW

    @operation(
        "load_named_save",
        "The flow as it was saved.",
        answer=ITEMS[Kind.FLOW],
        example=schema.FLOW,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT],
    )
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response(flow_saves.load_save(uuid))


class RestoredSaveView(DeclaredNames, ItemView):
    """A flow to be put back into a saved state."""

    kind = Kind.FLOW
    verbs: ClassVar = {"POST": "change"}

    @operation(
        "restore_named_save",
        "Put the flow back into the saved state. What it was is saved as `Pre restore` before.",
        answer=ITEMS[Kind.FLOW],
        example=schema.FLOW,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED],
        parameters=[schema.ETAG, schema.IF_MATCH],
    )
    @answered_once()
    def post(self, request: Request, uuid: UUID) -> Response:
        user = cast(User, request.user)
        whole, tag = flow_saves.restore_save(uuid, user=user, condition=condition_of(request))
        return tagged(Response(whole), tag)
