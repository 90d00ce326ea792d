"""Write the rows of an undo's plan: the only writer of an undo, in its caller's transaction.

Every row gets a named save (PRE_UNDO) before it is written, so that the undo can be undone. A
secret's values are never written, nor is the creation time of a row, which no run changes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.utils import timezone

from flows.batches import split_batches
from flows.content.fields import Kind
from flows.database.bulk import compress_quickly, update_rows
from flows.models import MODELS, list_saved_fields
from flows.relations.uses import find_users_of_many
from flows.saves import named_saves
from flows.texts import quote
from flows.users import User
from imports.errors import StalePlan
from imports.plans.plan import UndoResult
from imports.rows.lock import lock_rows, release_secret_names
from imports.rows.read import CONTENT_BATCH
from imports.runs.progress import Progress
from imports.runs.staleness import make_stale_error
from imports.undo.plans.plan import Key, UndoChange, UndoPlan
from imports.undo.read import read_saved_states
from imports.undo.request import AGAIN

PRE_UNDO = "Pre undo"

_KEPT_COLUMNS = {"uuid", "created_at"}


def apply_undo(
    plan: UndoPlan,
    *,
    is_unchanged: bool,
    since: datetime,
    user: User | None,
    user_name: str,
    progress: Progress,
) -> dict[Key, int]:
    """Write the plan's rows; return the named saves taken before, by key.

    `is_unchanged` tells that nobody wrote to the database since the plan was made, `since` is when
    planning began. Call it in a transaction. Raises StalePlan where a row or its named save is no
    longer as it was then, and where a row written since uses a row that is deleted.
    """
    compress_quickly()
    done, total = 0, sum(change.writes for change in plan)
    saves: dict[Key, int] = {}
    for kind, batch in _split_batches(plan, UndoResult.DELETE, UndoResult.RESTORE):
        saves |= _save_before(kind, batch, user, is_unchanged=is_unchanged)
    for kind, batch in _split_batches(plan, UndoResult.DELETE):
        _delete(kind, batch, user_name)
        done += len(batch)
        progress(done, total)
    release_secret_names(_find_released_names(plan.changes[Kind.SECRET]))
    for kind, batch in _split_batches(plan, UndoResult.RESTORE):
        _restore(kind, batch)
        done += len(batch)
        progress(done, total)
    _check_uses(plan, since)
    return saves


def _split_batches(plan: UndoPlan, *results: UndoResult) -> Iterator[tuple[Kind, list[UndoChange]]]:
    for kind in Kind:
        changes = (change for change in plan.changes[kind] if change.result in results)
        yield from ((kind, batch) for batch in split_batches(changes, CONTENT_BATCH))


def _find_released_names(secrets: Iterable[UndoChange]) -> Iterator[int]:
    """Yield the primary keys of restored secrets whose present name another may get."""
    for change in secrets:
        is_renamed = change.name != change.target_name
        if (
            change.pk
            and change.result is UndoResult.RESTORE
            and (is_renamed or change.becomes_deleted)
        ):
            yield change.pk


def _save_before(
    kind: Kind, changes: Sequence[UndoChange], user: User | None, *, is_unchanged: bool
) -> dict[Key, int]:
    pks = [change.pk for change in changes if change.pk]
    rows = lock_rows(kind, pks, is_unchanged=is_unchanged)
    for change in changes:
        locked = rows.get(change.pk or 0)
        if (
            locked is None
            or locked.digest not in {None, change.before}
            or locked.is_deleted != change.was_deleted
        ):
            raise _make_stale_error(f"The {kind} {quote(change.name)} was changed")
    revisions = named_saves.take_rows(MODELS[kind], pks, PRE_UNDO, user=user)
    return {change.key: revision for change, revision in zip(changes, revisions, strict=True)}


def _check_uses(plan: UndoPlan, since: datetime) -> None:
    deleted = {
        kind: {
            change.uuid: change.name
            for change in plan.changes[kind]
            if change.becomes_deleted and not change.was_deleted
        }
        for kind in Kind
    }
    # Only up to now: a row with a later time, from a file, was not written meanwhile.
    for kind, *_ in find_users_of_many(deleted, written=(since, timezone.now())):
        raise _make_stale_error(f"A {kind} that uses what the undo would delete was written")


def _delete(kind: Kind, changes: Sequence[UndoChange], user_name: str) -> None:
    rows = MODELS[kind]._default_manager.filter(pk__in=[change.pk for change in changes])
    rows.update(is_deleted=True, updated_at=timezone.now(), updated_by=user_name)


def _restore(kind: Kind, changes: Sequence[UndoChange]) -> None:
    saved = dict(read_saved_states(kind, [change.save for change in changes if change.save]))
    names = _list_restored_columns(kind)
    rows = []
    for change in changes:
        state = saved.get(change.save or 0)
        if state is None:
            raise _make_stale_error(
                f"The named save of the {kind} {quote(change.name)} was removed"
            )
        rows.append((change.pk or 0, state))
    update_rows(MODELS[kind], names, rows)


def _list_restored_columns(kind: Kind) -> list[str]:
    return [
        field.name for field in list_saved_fields(MODELS[kind]) if field.name not in _KEPT_COLUMNS
    ]


def _make_stale_error(what: str) -> StalePlan:
    return make_stale_error(f"{what} while the undo was being prepared.", again=AGAIN)
