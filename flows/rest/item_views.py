"""Common parts of the endpoints of all kinds: translate in, call once, translate out."""

from http import HTTPStatus
from typing import Any, ClassVar, cast
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from flows.content.fields import Kind
from flows.rest import reading
from flows.rest.bodies import schema
from flows.rest.bodies.item_body import read_item_body
from flows.rest.bodies.json_body import ItemParser
from flows.rest.bodies.schema import answer_header, describe_operation, make_query_parameter
from flows.rest.bodies.serializers import CHANGED_ITEMS, ITEMS, NEW_ITEMS
from flows.rest.editing import (
    change_item,
    create_item,
    delete_item,
)
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.idempotency import answer_once
from flows.rest.requests.paging import MOST, PagePlace, make_link_to_next, read_part
from flows.rest.requests.permissions import HasModelPermission
from flows.rest.requests.preconditions import add_tag, answer_if_changed, get_condition
from flows.rest.requests.refusals import Refused, make_permission_refusal
from flows.rest.requests.warnings import WARNINGS, add_warnings
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from flows.users import User

SEARCH = make_query_parameter("search", "A part of the name or the uuid, in upper or lower case.")
PAGING = [
    make_query_parameter("limit", f"At most so many, from 1 to {MOST}; all without it."),
    make_query_parameter("after", 'Those behind this place, as `Link` gives it in rel="next".'),
    answer_header("Link", 'The address of the next page, as rel="next", where there is one.'),
]
_CHANGE_SECRET = "flows.change_secret"  # noqa: S105 - a permission


class ItemView(ApiView):
    """What every endpoint here has in common."""

    kind: ClassVar[Kind]
    permission_classes = (HasModelPermission,)
    parser_classes = (ItemParser,)


def get_body(request: Request) -> Any:
    """Return the request's body. Raises Refused where there is none."""
    if request.stream is None:
        message = "A body in JSON is needed, with its Content-Length."
        raise Refused(HTTPStatus.BAD_REQUEST, "missing-body", message)
    return request.data


def make_page(request: Request, items: list[dict[str, Any]], place: PagePlace | None) -> Response:
    """Return the answer with a part of a list, and a link to the next part."""
    response = Response(items)
    if place is not None:
        response.headers["Link"] = make_link_to_next(request.path, request.query_params, place)
    return response


def answer_whole_item(kind: Kind, uuid: UUID, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return the answer with the whole item as it is now, and its tag."""
    item, tag = reading.read_item(kind, uuid)
    return add_tag(Response(item, status=status), tag)


def document_list(kind: Kind, example: dict[str, Any], body_example: dict[str, Any]) -> Any:
    """Return the decorator that documents an ItemsView."""
    return extend_schema_view(
        get=describe_operation(
            f"list_{kind.plural}",
            f"The {kind.plural}, by name.",
            answer=ITEMS[kind](many=True),
            example=example,
            errors=[HTTPStatus.UNPROCESSABLE_ENTITY],
            parameters=[SEARCH, *PAGING],
        ),
        post=describe_operation(
            f"create_{kind}",
            f"Make a {kind}.",
            status=HTTPStatus.CREATED,
            answer=ITEMS[kind],
            example=example,
            body=NEW_ITEMS[kind],
            body_example=body_example,
            errors=[HTTPStatus.CONFLICT],
            parameters=[WARNINGS],
        ),
    )


def document_item(kind: Kind, example: dict[str, Any], body_example: dict[str, Any]) -> Any:
    """Return the decorator that documents a OneItemView."""
    return extend_schema_view(
        get=describe_operation(
            f"read_{kind}",
            f"One {kind}.",
            answer=ITEMS[kind],
            example=example,
            errors=[HTTPStatus.NOT_MODIFIED, HTTPStatus.NOT_FOUND],
            parameters=[schema.ETAG, schema.IF_NONE_MATCH],
        ),
        put=describe_operation(
            f"change_{kind}",
            f"Change what the body names of a {kind}, and keep the rest.",
            answer=ITEMS[kind],
            example=example,
            body=CHANGED_ITEMS[kind],
            body_example=body_example,
            errors=[HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED],
            parameters=[schema.ETAG, schema.IF_MATCH, WARNINGS],
        ),
        delete=describe_operation(
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
        return make_page(request, *found)

    @answer_once()
    def post(self, request: Request) -> Response:
        body = read_item_body(self.kind, get_body(request))
        if body.secret_values and not request.user.has_perm(_CHANGE_SECRET):
            raise make_permission_refusal("You may not set a secret's value.", _CHANGE_SECRET)
        user = cast(User, request.user)
        may_retarget = user.has_perm(RETARGET_CONNECTIONS)
        uuid, warnings = create_item(self.kind, body, user=user, may_retarget=may_retarget)
        return add_warnings(answer_whole_item(self.kind, uuid, status=HTTPStatus.CREATED), warnings)


class OneItemView(ItemView):
    """One item of a kind."""

    def get(self, request: Request, uuid: UUID) -> HttpResponseBase:
        item, tag = reading.read_item(self.kind, uuid)
        return answer_if_changed(request, Response(item), tag)

    def put(self, request: Request, uuid: UUID) -> Response:
        body = read_item_body(self.kind, get_body(request), of=uuid)
        user = cast(User, request.user)
        may_retarget = user.has_perm(RETARGET_CONNECTIONS)
        warnings = change_item(
            self.kind,
            uuid,
            body,
            user=user,
            may_retarget=may_retarget,
            condition=get_condition(request),
        )
        return add_warnings(answer_whole_item(self.kind, uuid), warnings)

    def delete(self, request: Request, uuid: UUID) -> Response:
        user = cast(User, request.user)
        delete_item(self.kind, uuid, user=user, condition=get_condition(request))
        return Response(status=HTTPStatus.NO_CONTENT)
