"""The endpoints of flows."""

from http import HTTPStatus
from typing import cast
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from flows.content.field_values import FieldProblem, read_uuid
from flows.content.fields import Kind
from flows.rest import reading
from flows.rest.bodies import schema, serializers
from flows.rest.bodies.item_body import read_item_body
from flows.rest.bodies.json_body import check_text
from flows.rest.bodies.schema import describe_operation, make_path_parameter, make_query_parameter
from flows.rest.bodies.serializers import ITEMS
from flows.rest.editing import (
    clone_flow,
    create_item,
)
from flows.rest.item_views import (
    PAGING,
    SEARCH,
    ItemView,
    OneItemView,
    answer_whole_item,
    document_item,
    make_page,
)
from flows.rest.requests.idempotency import answer_once
from flows.rest.requests.paging import read_part
from flows.rest.requests.refusals import Problem, make_invalid_refusal
from flows.rest.requests.warnings import WARNINGS, add_warnings
from flows.users import User


class FlowsView(ItemView):
    """All flows."""

    kind = Kind.FLOW

    @describe_operation(
        "list_flows",
        "The flows that all the conditions fit, by name; an empty condition says nothing.",
        answer=serializers.LISTED_FLOW(many=True),
        example=schema.LISTED_FLOW,
        errors=[HTTPStatus.UNPROCESSABLE_ENTITY],
        parameters=[
            SEARCH,
            make_query_parameter("flowId", "The uuid of one flow."),
            make_query_parameter("tags", "Flows with any of these tags, separated by commas."),
            *PAGING,
        ],
    )
    def get(self, request: Request) -> Response:
        parameters = request.query_params
        tags = [tag.strip() for tag in parameters.get("tags", "").split(",")]
        found = reading.list_flows(
            search=parameters.get("search", ""),
            uuid=_read_uuid_parameter("flowId", parameters.get("flowId", "")),
            tags=[tag for tag in tags if tag],
            part=read_part(parameters.dict()),
        )
        return make_page(request, *found)


def _read_uuid_parameter(name: str, value: str) -> UUID | None:
    try:
        return UUID(read_uuid(value)) if value else None
    except FieldProblem as problem:
        parameter = Problem(code=problem.code, message=problem.message, path=name)
        raise make_invalid_refusal([parameter]) from None


@document_item(Kind.FLOW, schema.FLOW, {"tags": ["sms", "tested"]})
class FlowView(OneItemView):
    """One flow."""

    kind = Kind.FLOW


class NewFlowView(ItemView):
    """Makes a flow."""

    kind = Kind.FLOW

    @describe_operation(
        "create_flow",
        "Make an empty flow of this name, with this listener.",
        status=HTTPStatus.CREATED,
        answer=ITEMS[Kind.FLOW],
        example=schema.FLOW,
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY],
        parameters=[
            make_path_parameter("name", "The flow's name."),
            make_path_parameter("receiver_type", "The flow's `listenerType`."),
        ],
    )
    @answer_once()
    def post(self, request: Request, name: str, receiver_type: str) -> Response:
        if name == _CLONE:  # a mistake in the uuid after it, not a flow of that name
            message = "A flow to clone is named by its uuid."
            raise make_invalid_refusal([Problem(code="invalid-uuid", message=message, path="uuid")])
        check_text(name, "name")
        check_text(receiver_type, "receiverType")
        body = read_item_body(Kind.FLOW, {"name": name, "listenerType": receiver_type})
        user = cast(User, request.user)
        uuid, _ = create_item(Kind.FLOW, body, user=user, may_retarget=False)  # it has no code yet
        return answer_whole_item(Kind.FLOW, uuid, status=HTTPStatus.CREATED)


class CloneFlowView(ItemView):
    """Copies a flow."""

    kind = Kind.FLOW

    @describe_operation(
        "clone_flow",
        "Copy a flow under the first free name `NAME (copy)`.",
        status=HTTPStatus.CREATED,
        answer=serializers.CLONED_FLOW,
        example={"uuid": "5d3c8c5e-9a77-4a4c-8a59-1d1f0c3a7b10"},
        errors=[HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY],
        parameters=[WARNINGS],
    )
    @answer_once()
    def post(self, request: Request, uuid: UUID) -> Response:
        copy, warnings = clone_flow(uuid, user=cast(User, request.user))
        response = Response({"uuid": str(copy)}, status=HTTPStatus.CREATED)
        return add_warnings(response, warnings)


_CLONE = "clone"
