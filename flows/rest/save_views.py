"""The endpoints of the named saves of flows."""

from http import HTTPStatus
from typing import ClassVar, cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from flows.content.fields import Kind
from flows.rest import flow_saves
from flows.rest.bodies import schema, serializers
from flows.rest.bodies.json_body import check_text
from flows.rest.bodies.schema import describe_operation, make_path_parameter
from flows.rest.bodies.serializers import ITEMS
from flows.rest.item_views import (
    ItemView,
)
from flows.rest.requests.declared_names import DeclaredNames
from flows.rest.requests.idempotency import answer_once
from flows.rest.requests.preconditions import add_tag, get_condition
from flows.rest.requests.warnings import WARNINGS, add_warnings
from flows.users import User


class NamedSavesView(ItemView):
    """The named saves of a flow."""

    kind = Kind.FLOW

    @describe_operation(
        "list_named_saves",
        "The flow's named saves, newest first.",
        answer=serializers.NAMED_SAVE(many=True),
        example=schema.NAMED_SAVE,
        errors=[HTTPStatus.NOT_FOUND],
    )
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response(flow_saves.list_saves(uuid))


class NewNamedSaveView(ItemView):
    """Takes a named save of a flow."""

    kind = Kind.FLOW
    verbs: ClassVar = {"POST": "change"}  # a save adds to the flow's history, not a flow

    @describe_operation(
        "take_named_save",
        "Save the flow's state under a name.",
        status=HTTPStatus.CREATED,
        answer=serializers.NAMED_SAVE,
        example=schema.NAMED_SAVE,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY],
        parameters=[make_path_parameter("name", "The save's name.")],
    )
    @answer_once()
    def post(self, request: Request, uuid: UUID, name: str) -> Response:
        save = flow_saves.take_save(uuid, check_text(name, "name"), user=cast(User, request.user))
        return Response(save, status=HTTPStatus.CREATED)


class LoadedSaveView(ItemView):
    """A flow as it was saved."""

    kind = Kind.FLOW

    @describe_operation(
        "load_named_save",
        "The flow as it was saved.",
        answer=ITEMS[Kind.FLOW],
        example=schema.FLOW,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT],
    )
    def get(self, request: Request, uuid: UUID) -> Response:
        return Response(flow_saves.load_save(uuid))


class RestoredSaveView(DeclaredNames, ItemView):
    """Restores a flow to a saved state."""

    kind = Kind.FLOW
    verbs: ClassVar = {"POST": "change"}

    @describe_operation(
        "restore_named_save",
        "Put the flow back into the saved state. What it was is saved as `Pre restore` before.",
        answer=ITEMS[Kind.FLOW],
        example=schema.FLOW,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED],
        parameters=[schema.ETAG, schema.IF_MATCH, WARNINGS],
    )
    @answer_once()
    def post(self, request: Request, uuid: UUID) -> Response:
        user = cast(User, request.user)
        whole, tag, warnings = flow_saves.restore_save(
            uuid, user=user, condition=get_condition(request)
        )
        return add_warnings(add_tag(Response(whole), tag), warnings)
