"""List, take, load and restore a flow's named saves, in the form of the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import transaction
from reversion.errors import RevertError

from flows.content.fields import (
    CREATED_KEY,
    DELETED_KEY,
    NAME_MAX_LENGTH,
    UPDATED_KEY,
    UUID_KEY,
    Kind,
)
from flows.content.representation import format_time
from flows.models import Flow
from flows.rest.bodies.save_uuids import get_save_number, make_save_uuid
from flows.rest.editing import Warnings, lock_row
from flows.rest.reading import represent_plainly
from flows.rest.requests.preconditions import Condition, check_condition
from flows.rest.requests.refusals import (
    Problem,
    Refused,
    make_invalid_refusal,
    make_not_found_refusal,
    make_permission_refusal,
)
from flows.saves import named_saves, saved_states
from flows.saves.state_tags import compute_state_tag
from flows.servers import get_current_database
from flows.users import User


def list_saves(flow_uuid: UUID) -> list[dict[str, Any]]:
    """Return the saves of a live flow for a list, newest first. Raises Refused."""
    flow = Flow.objects.filter(uuid=flow_uuid, is_deleted=False).only("pk").first()
    if flow is None:
        raise make_not_found_refusal(Kind.FLOW)
    return [_describe_save(version) for version in named_saves.list_saves(flow)]


def take_save(flow_uuid: UUID, name: str, *, user: User) -> dict[str, Any]:
    """Save the flow's state under a name; return the save as in a list. Raises Refused."""
    if len(name) > NAME_MAX_LENGTH:
        message = f"A name may have at most {NAME_MAX_LENGTH} characters, this one has {len(name)}."
        raise make_invalid_refusal([Problem(code="name-too-long", message=message, path="name")])
    with transaction.atomic(using=get_current_database()):
        revision = named_saves.take(lock_row(Kind.FLOW, flow_uuid), name, user=user)
    return _describe_save(revision.version_set.get())


def load_save(uuid: UUID) -> dict[str, Any]:
    """Return the whole flow as it was saved. Raises Refused."""
    return _read_saved_flow(_find_version(uuid))


def restore_save(
    uuid: UUID, *, user: User, condition: Condition = None
) -> tuple[dict[str, Any], str, Warnings]:
    """Restore the flow to the state of the save; return the whole flow, its tag and the warnings.

    Saves the present state first, as "Pre restore". A save can be of when the flow was deleted:
    restoring that one deletes it again, and needs that right as well. Raises Refused.
    """
    with transaction.atomic(using=get_current_database()):
        version = _find_version(uuid)
        with _refuse_unfit_save():
            row = saved_states.read_saved_row(version)
            saved_states.check_depth(Kind.FLOW, row)
        saved = _read_saved_flow(version)
        flow = lock_row(Kind.FLOW, UUID(saved[UUID_KEY]))
        check_condition(flow, condition)
        warnings = saved_states.find_warnings_of_restore(flow, row)
        rights = saved_states.find_rights_to_restore(flow, row, warnings, visible_kinds=())
        for permission, reason in rights:
            if not user.has_perm(permission):
                raise make_permission_refusal(reason, permission)
        with _refuse_unfit_save():
            name = user.get_username()
            now = saved_states.restore(flow, version, user=user, user_name=name)
        tag = compute_state_tag(Flow.objects.get(pk=flow.pk))
    whole = {**saved, CREATED_KEY: format_time(flow.created_at), UPDATED_KEY: format_time(now)}
    return whole, tag, warnings


def _find_version(uuid: UUID) -> Any:
    """Return the version of a live flow. Raises Refused."""
    number = get_save_number(uuid)
    version = None if number is None else named_saves.find_save(Flow, number)
    if version is None or not _is_live(version):
        raise make_not_found_refusal("named save")
    return version


def _is_live(version: Any) -> bool:
    return Flow.objects.filter(pk=version.object_id, is_deleted=False).exists()


def _describe_save(version: Any) -> dict[str, Any]:
    revision = version.revision
    return {
        "uuid": str(make_save_uuid(version.pk)),
        "saveName": revision.comment,
        "flowName": version.object_repr,
        "createdAt": format_time(revision.date_created),
        "isNamedSave": True,
        "createdBy": revision.user.get_username() if revision.user else None,
    }


def _read_saved_flow(version: Any) -> dict[str, Any]:
    with _refuse_unfit_save():
        row = saved_states.read_saved_row(version)
    return {**represent_plainly(Kind.FLOW, row), DELETED_KEY: row["is_deleted"]}


@contextmanager
def _refuse_unfit_save() -> Iterator[None]:
    try:
        yield
    except saved_states.SaveTooDeepError as error:
        raise Refused(HTTPStatus.CONFLICT, "too-deep", str(error)) from None
    except RevertError:
        raise Refused(
            HTTPStatus.CONFLICT,
            "save-unfit",
            "This save does not fit the database any more. Take the flow from a backup.",
        ) from None
