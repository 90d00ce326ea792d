"""Finding, taking and restoring the named saves of one item, with the rights that each needs.

An item is given by its uuid or exact name, a named save by its number or the uuid that the API has
for it. The shell has no user and all rights.
"""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.forms import CharField
from reversion.errors import RevertError
from reversion.models import Version

from flows.content.fields import NAME_MAX_LENGTH, Kind
from flows.destinations.changes import SECRET_TO_NEW_DESTINATION
from flows.models import MODELS, Item
from flows.rest.bodies.save_uuids import get_save_number
from flows.saves import named_saves, saved_states
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS, lock_destinations
from flows.servers import get_current_database
from flows.texts import make_printable, make_storable, quote
from flows.users import User
from imports.errors import Issue, StalePlan, UnableToImport
from imports.permissions import check_permission, check_sight_of, find_visible_kinds, may_see
from imports.plans.comparison import find_differences
from imports.plans.plan import FieldChange
from imports.runs.run import check_encryption_keys

_MOST_SHOWN = 10
_NUMBER_DIGITS = 18  # a longer one cannot be a row's number


class NotNamed(UnableToImport):
    """The text matches no item or named save, or more than one."""

    status = HTTPStatus.NOT_FOUND
    exit_code = 2


class NameInvalid(UnableToImport):
    """A named save cannot have this name."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    exit_code = 2


class SaveUnfit(UnableToImport):
    """The named save does not fit the database any more."""

    status = HTTPStatus.CONFLICT
    exit_code = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """What restoring a named save would do to its item."""

    item: Item
    save: Version
    fields: tuple[FieldChange, ...]
    notes: tuple[str, ...]
    """Remarks beside the fields: deletion, new destinations of secrets."""
    changes: bool
    """Whether restoring changes the item's state."""


def find_item(text: str, *, kind: Kind | None, user: User | None) -> Item:
    """Return the item with this uuid or, among live items, this name.

    `kind` None means all kinds. Raises NotNamed if there is none or more than one, and NotPermitted
    if the user may not see it.
    """
    kinds = [one for one in (Kind if kind is None else [kind]) if not user or may_see(user, one)]
    if not kinds:
        check_sight_of(user, *(Kind if kind is None else [kind]))
    found = [item for one in kinds for item in _find_items(one, text)]
    if not found:
        message = (
            f"There is no live {kind or 'item'} {quote(text)}. Say a uuid, or an exact name; a "
            "deleted item is found by its uuid."
        )
        raise NotNamed("not-found", message)
    if len(found) > 1:
        listed = ", ".join(f"{item.kind} {item.uuid}" for item in found[:_MOST_SHOWN])
        more = " and more" if len(found) > _MOST_SHOWN else ""
        message = f"{quote(text)} is more than one item: {listed}{more}. Say the uuid, or --kind."
        raise NotNamed("ambiguous", message)
    return found[0]


def _find_items(kind: Kind, text: str) -> list[Item]:
    condition = Q(name=make_storable(text), is_deleted=False)
    if uuid := _read_uuid(text):
        condition |= Q(uuid=uuid)
    model: type[Item] = MODELS[kind]
    rows = list(model._default_manager.filter(condition).order_by("pk")[: _MOST_SHOWN + 1])
    # A uuid identifies one item, even if it is also another item's name.
    return [row for row in rows if row.uuid == uuid] or rows


def _read_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def take_save(item: Item, name: str, *, user: User | None) -> Version:
    """Take a named save of the item's state, and return it.

    Raises NotPermitted, NameInvalid, WrongEncryptionKey, and NotNamed if the item's row is gone.
    """
    check_encryption_keys()
    check_permission(user, f"flows.change_{item.kind}")
    try:
        name = CharField(max_length=NAME_MAX_LENGTH).clean(make_storable(name))
    except ValidationError as error:
        message = f"A save cannot have this name: {' '.join(error.messages)}"
        raise NameInvalid("invalid-name", message) from None
    with transaction.atomic(using=get_current_database()):
        version: Version = named_saves.take(_lock_row(item), name, user=user).version_set.get()
    return version


def preview_restore(text: str, *, user: User | None) -> Restoring:
    """Return what restoring the named save with this number or uuid would do.

    Raises NotNamed, SaveUnfit, and NotPermitted if the user may not restore it.
    """
    save, item = _find_save(text, user=user)
    kind = item.kind
    before, after = saved_states.get_present_row(item), _read_saved_row(save)
    _check_depth(kind, after)
    reasons = _check_rights(item, after, user)
    contents = saved_states.get_content(kind, before), saved_states.get_content(kind, after)
    notes = [*saved_states.make_notes(kind, before, after), *reasons]
    return Restoring(
        item=item,
        save=save,
        fields=find_differences(kind, *contents),
        notes=tuple(notes),
        changes=not saved_states.is_same_state(kind, before, after),
    )


def _check_rights(item: Item, saved: saved_states.SavedRow, user: User | None) -> list[str]:
    """Raise NotPermitted unless the user may restore it; return why extra rights are needed."""
    warnings = saved_states.find_warnings_of_restore(item, saved)
    visible_kinds = find_visible_kinds(user)
    rights = list(
        saved_states.find_rights_to_restore(item, saved, warnings, visible_kinds=visible_kinds)
    )
    uuid, name = str(item.uuid), str(item)
    check_permission(
        user,
        f"flows.change_{item.kind}",
        *(permission for permission, _ in rights),
        retargeting=(
            Issue(code=SECRET_TO_NEW_DESTINATION, message=reason, uuid=uuid, name=name)
            for permission, reason in rights
            if permission == RETARGET_CONNECTIONS
        ),
    )
    return [reason for _, reason in rights]


def restore(restoring: Restoring, *, user: User | None, user_name: str) -> Version:
    """Restore as previewed, and return the named save of the state before.

    `user_name` is written into the row. Raises StalePlan if the row was changed since the preview,
    SaveUnfit, NotNamed if the row is gone, NotPermitted if a right was lost since, and
    WrongEncryptionKey.
    """
    check_encryption_keys()
    item, save = restoring.item, restoring.save
    with transaction.atomic(using=get_current_database()):
        lock_destinations()
        locked = _lock_row(item)
        if saved_states.get_present_row(locked) != saved_states.get_present_row(item):
            message = f"The {item.kind} was changed meanwhile. Nothing was restored: look again."
            raise StalePlan("stale-plan", message)
        _check_rights(locked, _read_saved_row(save), user)
        try:
            saved_states.restore(locked, save, user=user, user_name=user_name)
        except RevertError as error:
            raise _make_unfit_error(
                error, "Free its name, or take the item from a backup."
            ) from None
        before: Version = named_saves.find_saves(locked)[0]
        return before


def _find_save(text: str, *, user: User | None) -> tuple[Version, Item]:
    for kind in Kind:
        save = _find_version(kind, text)
        if save is None:
            continue
        check_sight_of(user, kind)
        item = MODELS[kind]._default_manager.filter(pk=save.object_id).first()
        if item is None:
            message = f"The {kind} of this save was removed for good. Take it from a backup."
            raise SaveUnfit("item-gone", message)
        return save, item
    message = f"There is no named save {quote(text)}. `named_save list` tells the numbers."
    raise NotNamed("not-found", message)


def _find_version(kind: Kind, text: str) -> Version | None:
    if uuid := _read_uuid(text) if "-" in text else None:
        number = get_save_number(uuid)
    else:
        is_number = text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS
        number = int(text) if is_number else None
    if number is None:
        return None
    return named_saves.find_save(MODELS[kind], number)


def _read_saved_row(save: Version) -> saved_states.SavedRow:
    try:
        return saved_states.read_saved_row(save)
    except RevertError as error:
        raise _make_unfit_error(error) from None


def _check_depth(kind: Kind, saved: saved_states.SavedRow) -> None:
    try:
        saved_states.check_depth(kind, saved)
    except saved_states.SaveTooDeepError as error:
        raise SaveUnfit("too-deep", str(error)) from None


def _make_unfit_error(
    error: RevertError, advice: str = "Take the item from a backup."
) -> SaveUnfit:
    return SaveUnfit("save-unfit", f"{make_printable(str(error))} {advice}")


def _lock_row(item: Item) -> Item:
    row: Item | None = type(item)._default_manager.select_for_update().filter(pk=item.pk).first()
    if row is None:
        raise NotNamed("not-found", f"The {item.kind} was removed meanwhile.")
    return row
