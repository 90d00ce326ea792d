"""Make and change single items by hand: the only writer of the API.

Each function is one transaction, and writes the user's name into the row. A row is locked before
it is changed, and only the columns in a body are written, so that a stored secret value is not
touched by another change.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from flows.content import canonical
from flows.content.copy_names import find_free_copy_name
from flows.content.documents import Document, read_text
from flows.content.fields import EXTRA, FIELDS, Kind, Value
from flows.content.known_keys import remove_known_keys
from flows.content.references import rewrite
from flows.deletion import mark_deleted
from flows.destinations.warnings import DestinationWarning
from flows.models import MODELS, Flow, Item, Secret, get_blank_content
from flows.relations.document_rewriting import KeyCollisionError, rewrite_document
from flows.rest.bodies.item_body import ItemBody
from flows.rest.requests.preconditions import Condition, check_condition
from flows.rest.requests.refusals import (
    Problem,
    Refused,
    make_not_found_refusal,
    make_permission_refusal,
)
from flows.saves.edits import keep_before_edit
from flows.secrets.stored_destinations import (
    RETARGET_CONNECTIONS,
    Write,
    explain_retargeting,
    find_warnings_of_writes,
    lock_destinations,
    log_refused_retargeting,
)
from flows.servers import get_current_database
from flows.sight import find_visible_kinds
from flows.users import User

Warnings = tuple[DestinationWarning, ...]
"""The warnings of secrets that a write sends where they were not sent before."""


def create_item(
    kind: Kind, body: ItemBody, *, user: User, may_retarget: bool
) -> tuple[UUID, Warnings]:
    """Make an item; return its uuid and the warnings of it. Raises Refused.

    `may_retarget` is whether a connection may send a stored secret where it is not sent now.
    """
    model: type[Item] = MODELS[kind]
    uuid = UUID(body.uuid) if body.uuid else uuid4()
    with _open_transaction(kind, uuid, body.content.get("name")):
        extra = canonical.encode(body.unknown)
        content = {**get_blank_content(kind), **body.content, EXTRA: extra}
        write = Write(kind=kind, uuid=str(uuid), before=None, after=content)
        warnings = check_destinations(write, user, may_retarget=may_retarget)
        values = {**body.content, **body.secret_values, EXTRA: extra}
        model(uuid=uuid, updated_by=user.get_username(), **values).save()
    return uuid, warnings


def change_item(
    kind: Kind,
    uuid: UUID,
    body: ItemBody,
    *,
    user: User,
    may_retarget: bool,
    condition: Condition = None,
) -> Warnings:
    """Change the columns in the body in a row that fits the condition; return the warnings.

    Raises Refused. `may_retarget` is whether a connection may send a stored secret where it is not
    sent now.
    """
    with _open_transaction(kind, None, body.content.get("name")):
        item = lock_row(kind, uuid)
        check_condition(item, condition)
        content = dict(body.content)
        extra = remove_known_keys(kind, item.extra, body.content)
        if body.unknown or extra != item.extra:
            content[EXTRA] = canonical.encode({**canonical.decode(extra), **body.unknown})
        warnings = check_destinations(_make_write(item, content), user, may_retarget=may_retarget)
        values: dict[str, Any] = {**content, **body.secret_values}
        before = copy(item)
        for column, value in values.items():
            setattr(item, column, value)
        keep_before_edit(before, item, user=user)
        item.updated_by = user.get_username()
        item.save(update_fields=values.keys())
    return warnings


def delete_item(kind: Kind, uuid: UUID, *, user: User, condition: Condition = None) -> None:
    """Delete softly a row that fits the condition, keeping its history. Raises Refused."""
    with transaction.atomic(using=get_current_database()):
        item = lock_row(kind, uuid)
        check_condition(item, condition)
        mark_deleted(item, user_name=user.get_username())


def clone_flow(uuid: UUID, *, user: User) -> tuple[UUID, Warnings]:
    """Copy a flow under the first free name; return the copy's uuid and the warnings of it.

    Where the flow refers to itself, the copy refers to the copy. Raises Refused.
    """
    copy = uuid4()
    with transaction.atomic(using=get_current_database()):
        flow = lock_row(Kind.FLOW, uuid)
        content = _make_content_of_copy(flow, copy)
        content["name"] = find_free_copy_name(Kind.FLOW, flow.name, _read_live_flow_names())
        write = Write(kind=Kind.FLOW, uuid=str(copy), before=None, after=content)
        warnings = check_destinations(write, user, may_retarget=False)
        Flow(uuid=copy, updated_by=user.get_username(), **content).save()
    return copy, warnings


def _read_live_flow_names() -> set[str]:
    return set(Flow.objects.filter(is_deleted=False).order_by().values_list("name", flat=True))


def _make_content_of_copy(flow: Flow, copy: UUID) -> dict[str, Value]:
    uuids = {str(flow.uuid): str(copy)}
    content: dict[str, Value] = dict(flow.content)
    for column, stored in content.items():
        value = read_text(stored)
        if not isinstance(value, str):
            continue
        if column not in _DOCUMENTS:
            content[column] = rewrite(value, uuids=uuids, names={})
            continue
        try:
            new = rewrite_document(value, uuids=uuids, names={})
        except KeyCollisionError as collision:
            raise _make_collision_refusal(column, collision) from None
        if new is not value:
            content[column] = Document(new) if isinstance(stored, Document) else new
    return content


def _make_collision_refusal(column: str, collision: KeyCollisionError) -> Refused:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in collision.path)
    path = _KEYS.get(column, EXTRA) + "".join(steps)
    message = (
        f"{path}: two keys of one object are the flow's own uuid, in different spellings, and the "
        "copy would lose one of their values. Remove one of them."
    )
    return Refused(HTTPStatus.CONFLICT, "key-collision", message)


_KEYS = {spec.column: spec.key for spec in FIELDS[Kind.FLOW]}
_DOCUMENTS = {spec.column for spec in FIELDS[Kind.FLOW] if spec.shape.is_document} | {EXTRA}


def lock_row(kind: Kind, uuid: UUID) -> Any:
    """Return the live row, locked until the transaction ends. Raises Refused."""
    model: type[Item] = MODELS[kind]
    rows = model._default_manager.select_for_update()
    item = rows.filter(uuid=uuid, is_deleted=False).first()
    if item is None:
        raise make_not_found_refusal(kind)
    return item


@contextmanager
def _open_transaction(kind: Kind, uuid: UUID | None, name: Value) -> Iterator[None]:
    """Run the block in a transaction. Raises Refused where the uuid or the name is taken."""
    try:
        with transaction.atomic(using=get_current_database()):
            if kind is not Kind.FLOW:
                lock_destinations()  # before the row, as imports do
            yield
    except IntegrityError:
        # Checked afterwards: after an earlier check, another request could still take them.
        _check_free(kind, uuid, name)
        raise


def _check_free(kind: Kind, uuid: UUID | None, name: Value) -> None:
    model: type[Item] = MODELS[kind]
    if uuid is not None and model._default_manager.filter(uuid=uuid).exists():
        message = f"There is a {kind} with this uuid already, or was until it was deleted."
        raise Refused(HTTPStatus.CONFLICT, "uuid-taken", message)
    if kind is Kind.SECRET and Secret.objects.filter(name=str(name), is_deleted=False).exists():
        message = "A secret with this name exists already. Choose another one."
        raise Refused(HTTPStatus.CONFLICT, "name-taken", message)


def _make_write(item: Item, content: Mapping[str, Value]) -> Write:
    kind = item.kind
    before = item.content
    return Write(
        kind=kind,
        uuid=str(item.uuid),
        before=before,
        after={**before, **content},
        has_value=item.has_value,
    )


def check_destinations(write: Write, user: User, *, may_retarget: bool) -> Warnings:
    """Return the warnings of where the write sends secrets.

    Raises Refused where a connection would send a stored one where it is not sent now, unless
    `may_retarget`.
    """
    warnings, visible_kinds = find_warnings_of_writes([write]), find_visible_kinds(user)
    if not may_retarget and (reason := explain_retargeting(warnings, visible_kinds=visible_kinds)):
        log_refused_retargeting()
        needing = [warning for warning in warnings if warning.needs_right]
        raise make_permission_refusal(
            reason,
            RETARGET_CONNECTIONS,
            [
                Problem(code=each.code, message=f"{each.get_text_for(visible_kinds)}.")
                for each in needing
            ],
            [warning.make_detail_for(visible_kinds) for warning in needing],
        )
    return warnings
