"""Plans that are kept on the server, for others to look at and to apply.

    keep -> look at it, decide -> apply, or delete

A kept plan is stored as an upload is, and has the same page. It is seen by whoever may see records
and the kinds that it tells of, and expires after ZIGGY_KEPT_PLAN_DAYS. Whoever may plan imports may
decide on it, and delete their own. To apply it one must be allowed to import, and to delete another
user's to undo imports.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from flows.conf import ziggy
from flows.content.fields import Kind
from flows.servers import get_current_database
from flows.texts import make_storable, quote
from flows.users import User
from imports.expiry import drop_expired_uploads, is_unexpired
from imports.importing.request import ImportRequest
from imports.models import FILE_OF_PENDING, PendingImport
from imports.permissions import (
    PLAN_IMPORT,
    RUN_IMPORT,
    UNDO_IMPORT,
    VIEW_RECORDS,
    check_permission,
    check_sight_of,
    find_visible_kinds,
    has_permission,
)
from imports.runs.run import check_encryption_keys
from imports.uploads.errors import NothingKept, UploadRefused
from imports.uploads.planning import plan_to_keep
from imports.uploads.progress import check_idle
from imports.uploads.stored_file import pack_file

MOST_KEPT = 200
"""The most kept plans of a user that may wait at a time."""
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDetails:
    """What a plan is kept for, as its maker says."""

    key: str = ""
    """What it is known by: the next plan of the user with this key replaces it. "" for none."""
    link: str = ""
    title: str = ""
    commit: str = ""


def keep_plan(user: User, request: ImportRequest, details: PlanDetails) -> PendingImport:
    """Plan the import, and keep the file with its plan, also one that is refused.

    It replaces the user's plan with the same key. Raises an UnableToImport for a bad file and for a
    user who may not plan it, and UploadRefused where the key is another user's, or too many plans
    wait. Then nothing is kept, and a former plan stays.
    """
    drop_expired_uploads()
    _check_key(user, details.key)
    now = timezone.now()
    pending = PendingImport(
        user=user,
        created_at=now,
        expires_at=now + timedelta(days=ziggy.KEPT_PLAN_DAYS),
        file_name=make_storable(request.file_name),
        mode=request.mode,
        override_locks=request.override_locks,
        prune=request.prune,
        key=details.key or None,
        link=details.link,
        title=details.title,
        commit=details.commit,
    )
    content = plan_to_keep(pending, request)
    check_encryption_keys()
    pending.content = pack_file(content)
    _store(user, pending)
    return pending


def list_kept(user: User) -> QuerySet[PendingImport]:
    """Return the kept plans that the user may see, newest first, without their contents.

    Raises NotPermitted where the user may not see records.
    """
    check_permission(user, VIEW_RECORDS)
    kept = PendingImport.objects.filter(is_unexpired(), expires_at__isnull=False)
    visible = kept.filter(kinds__in=list(_list_visible(find_visible_kinds(user))))
    return (
        visible.select_related("user", "record")
        .defer("content", "plan", "answer")
        .order_by("-created_at", "-pk")
    )


def find_kept(user: User, number: int) -> PendingImport:
    """Return the kept plan, without its contents. Raises NotPermitted and NothingKept."""
    check_permission(user, VIEW_RECORDS)
    kept = PendingImport.objects.filter(is_unexpired(), pk=number, expires_at__isnull=False)
    pending = kept.select_related("user", "record").defer("content", "plan", "answer").first()
    if pending is None:
        raise NothingKept
    check_may_look(user, pending)
    return pending


def check_may_look(user: User, pending: PendingImport) -> None:
    """Raise NotPermitted unless the user may see the kept plan; note who works with it."""
    check_permission(user, VIEW_RECORDS)
    check_sight_of(user, *(Kind(kind) for kind in pending.kinds.split(",") if kind))
    pending.acting_user = user


def may_only_look(user: User) -> bool:
    """Return whether the user may look at kept plans, and upload no file."""
    return has_permission(user, VIEW_RECORDS) and not has_permission(user, RUN_IMPORT)


def delete_kept(user: User, number: int) -> None:
    """Delete the kept plan; the record of a run that applied it stays.

    One of somebody else may be deleted by who may undo imports, like a run that is called off.
    Raises NotPermitted, NothingKept, and UploadRefused while it is being imported.
    """
    check_permission(user, PLAN_IMPORT)
    pending = find_kept(user, number)
    check_may_delete(pending)
    check_idle(pending)
    PendingImport.objects.filter(pk=pending.pk).delete()


def check_may_delete(pending: PendingImport) -> None:
    """Raise NotPermitted unless who works with the kept plan may delete it."""
    check_permission(pending.actor, *_list_needed_to_delete(pending))


def may_delete(pending: PendingImport) -> bool:
    """Return whether who works with it may delete it: an upload always, a kept plan by right."""
    needed = _list_needed_to_delete(pending)
    return not pending.is_kept or all(has_permission(pending.actor, each) for each in needed)


def _list_needed_to_delete(pending: PendingImport) -> list[str]:
    is_own = pending.actor.pk == pending.user_id
    return [PLAN_IMPORT] if is_own else [PLAN_IMPORT, UNDO_IMPORT]


def _list_visible(kinds: list[Kind]) -> Iterator[str]:
    """Yield each value of the column `kinds` that names no others than these."""
    names = sorted(kinds)
    for count in range(len(names) + 1):
        yield from map(",".join, combinations(names, count))


def _check_key(user: User, key: str) -> None:
    """Raise UploadRefused where the user cannot keep a plan with this key."""
    rows = PendingImport.objects.filter(key=key).defer(*FILE_OF_PENDING)
    former = rows.first() if key else None
    if former is not None:
        if former.user_id != user.pk:
            raise UploadRefused(
                "key-taken",
                f"Another user has a plan with the key {quote(key)}. Choose another key, such as "
                "the repository's name with a number.",
            )
        check_idle(former)
    waiting = PendingImport.objects.filter(user=user, record=None, expires_at__isnull=False)
    if former is None and waiting.count() >= MOST_KEPT:
        raise UploadRefused(
            "too-many-plans",
            f"{MOST_KEPT} of your plans are kept already. Apply or delete some of them first.",
        )


def _store(user: User, pending: PendingImport) -> None:
    """Insert the plan in place of the user's one with its key."""
    database = get_current_database()
    for attempt in range(_TRIES):
        try:
            with transaction.atomic(using=database):
                if pending.key:
                    PendingImport.objects.filter(user=user, key=pending.key).delete()
                pending.save(force_insert=True)
                return
        except IntegrityError:  # another plan with the key was stored at the same moment
            pending.pk = None
            _check_key(user, pending.key or "")
            if attempt == _TRIES - 1:
                raise
