"""Delete items for good: what the command and the admin call.

    rights -> import lock -> one transaction: [look again, rows, versions, lines, uploads, exports]

Nothing of it can be undone. Lines of records stay, as a log, without what they say of the item.
Backups that were made before still hold it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from flows.batches import split_batches
from flows.conf import ziggy
from flows.content.fields import Kind
from flows.counting import format_others
from flows.documents.sweep import remove_unshared_documents
from flows.models import MODELS, Flow
from flows.saves.purging import find_documents, find_row, remove_item
from flows.secrets.stored_destinations import lock_destinations
from flows.security_events import SecurityEvent, log_security_event
from flows.servers import get_current_database
from flows.texts import quote
from flows.users import User
from imports.database.lock import LockHeld, hold_import_lock
from imports.errors import ImportLocked, Issue
from imports.models import BackgroundExport, BuiltExport, PendingImport
from imports.parsed.store import forget_all
from imports.permissions import PURGE_ITEMS, check_permission, find_visible_kinds
from imports.purging.errors import NothingToPurge, PurgeRefused
from imports.purging.read import (
    PURGED_NAME,
    ItemRemains,
    ItemUser,
    Key,
    find_background_exports,
    find_exports,
    find_lines,
    find_uploads,
    read_remains,
)
from imports.rows.read import BATCH

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What is deleted for good, or would be."""

    items: tuple[ItemRemains, ...]
    uploads: tuple[PendingImport, ...]
    """The waiting uploads that name one of the items: they are removed with their plans."""
    exports: tuple[int, ...]
    """The keys of built exports that hold one of them: they have to be built again."""
    background_exports: tuple[int, ...]
    """Those of exports in the background, also of those that are not built yet."""

    @property
    def export_count(self) -> int:
        """Return how many exports of either kind have to be built again."""
        return len(self.exports) + len(self.background_exports)

    @property
    def is_used(self) -> bool:
        """Return whether a live item uses one of the items."""
        return any(item.users for item in self.items)


def preview_purge(keys: Sequence[Key], *, user: User | None) -> Purge:
    """Return what deleting these items for good would remove; write nothing.

    Raises NotPermitted, and NothingToPurge where nothing is left of an item.
    """
    check_permission(
        user,
        PURGE_ITEMS,
        *sorted({f"flows.{verb}_{kind}" for kind, _ in keys for verb in ("view", "delete")}),
    )
    keys = list(dict.fromkeys(keys))
    items = read_remains(keys)
    for item in items:
        if not item.is_anything:
            raise NothingToPurge(
                "not-found",
                f"There is no {item.kind} {item.uuid}, and nothing is left of one. Say the uuid "
                "of an item of this server.",
            )
    return Purge(
        items=tuple(items),
        uploads=tuple(find_uploads(keys)),
        exports=tuple(find_exports(keys)),
        background_exports=tuple(find_background_exports(keys)),
    )


def purge_items(
    keys: Sequence[Key],
    *,
    user: User | None,
    user_name: str,
    with_used: bool = False,
    lock_wait: float | None = None,
) -> Purge:
    """Delete these items for good, all or none; return what was removed.

    `user_name` is the user's, or without one that of the shell's account. `with_used` is whether
    items go that live ones use. Raises what `preview_purge` raises, PurgeRefused, and ImportLocked
    while an import is running.
    """
    try:
        with (
            hold_import_lock(wait=ziggy.LOCK_WAIT if lock_wait is None else lock_wait) as lock,
            transaction.atomic(using=get_current_database(), durable=True),
        ):
            lock.keep_others_out()
            lock_destinations()  # before the rows, as imports do
            purge = preview_purge(keys, user=user)
            if purge.is_used and not with_used:
                raise _make_refusal(purge, user)
            documents = {
                digest for item in purge.items for digest in find_documents(item.kind, item.uuid)
            }
            for item in purge.items:
                _purge_item(item)
            remove_unshared_documents(Flow, get_current_database(), documents)
            forget_all()
            _remove_kept_for_a_day(purge)
            lock.check()
    except LockHeld:
        message = "An import is running on this database: delete items when it has finished."
        raise ImportLocked("import-locked", message) from None
    _log_purge(purge, user, user_name)
    return purge


def _log_purge(purge: Purge, user: User | None, user_name: str) -> None:
    for item in purge.items:  # no name: it is gone for good from the log too
        logger.warning("%s deleted the %s %s for good", user_name, item.kind, item.uuid)
    log_security_event(
        SecurityEvent.ITEMS_PURGED,
        account=user.pk if user else None,
        system_user=None if user else user_name,
        items=len(purge.items),
    )


def _make_refusal(purge: Purge, user: User | None) -> PurgeRefused:
    visible = find_visible_kinds(user)
    issues = [
        Issue(
            code="used",
            message=_explain_use(item, one, is_visible=one.kind in visible),
            uuid=item.uuid,
            name=item.name,
        )
        for item in purge.items
        for one in item.users
    ]
    return PurgeRefused("used", f"{issues[0].message}{format_others(issues)}", issues)


def _explain_use(item: ItemRemains, user: ItemUser, *, is_visible: bool) -> str:
    who = f"the {user.kind} {quote(user.name)}" if is_visible else f"a {user.kind}"
    return (
        f"The {item.kind} {quote(item.name or '')} is used by {who}, which would refer to nothing."
    )


def _purge_item(item: ItemRemains) -> None:
    row = find_row(item.kind, item.uuid)
    if row is not None:
        _clear_log_of_admin(item.kind, row.pk)
    remove_item(item.kind, item.uuid)
    lines = find_lines(item.kind, item.uuid)
    lines.exclude(record__history_pruned_at=None).delete()  # they were kept for its row alone
    lines.update(
        name=PURGED_NAME,
        target_name=PURGED_NAME,
        file_updated_at=None,
        content_digest="",  # that of a text which can be guessed confirms it
        changed_keys=[],
        warnings=[],
        warning_details=[],
        named_save=None,
    )


def _clear_log_of_admin(kind: Kind, pk: int) -> None:
    """Take the name, and what was changed, out of the admin's log of the row."""
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import LogEntry  # noqa: PLC0415 - where it is installed

    database = get_current_database()
    content_type = ContentType.objects.db_manager(database).get_for_model(MODELS[kind])
    entries = LogEntry.objects.using(database).filter(content_type=content_type, object_id=str(pk))
    entries.update(object_repr=PURGED_NAME, change_message="")


def _remove_kept_for_a_day(purge: Purge) -> None:
    for batch in split_batches((upload.pk for upload in purge.uploads), BATCH):
        PendingImport.objects.filter(pk__in=batch).delete()
    for batch in split_batches(purge.exports, BATCH):
        BuiltExport.objects.filter(pk__in=batch).delete()
    for batch in split_batches(purge.background_exports, BATCH):
        BackgroundExport.objects.filter(pk__in=batch).delete()
