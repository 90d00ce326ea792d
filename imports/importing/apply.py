"""Write a plan's rows: the only writer of flows for an import, in its caller's transaction.

Existing rows get a named save (PRE_IMPORT) before they are written. Everything is written in
batches; one `executemany` counts as one query.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from flows.batches import split_batches
from flows.content.documents import Document
from flows.content.fields import Content, Kind
from flows.database.bulk import compress_quickly, insert_rows, update_rows
from flows.documents.store import KeptDigest, keep_documents
from flows.models import MODELS, get_blank_content
from flows.models import Item as StoredItem
from flows.relations.uses import find_users_of_many
from flows.saves import named_saves
from flows.servers import get_current_database
from flows.texts import quote
from flows.users import User
from imports.errors import StalePlan
from imports.importing.request import AGAIN
from imports.plans.plan import Change, Plan, Result
from imports.rows.lock import lock_rows, release_secret_names
from imports.rows.read import CONTENT_BATCH
from imports.runs.progress import Progress
from imports.runs.staleness import make_stale_error

PRE_IMPORT = "Pre import"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """The name of the user who writes the rows, and the time."""

    user_name: str
    now: datetime


def apply_plan(
    plan: Plan, *, is_unchanged: bool, user: User | None, user_name: str, progress: Progress
) -> dict[str, int]:
    """Write the plan's rows; return the named saves taken before, by the path of their items.

    `is_unchanged` tells that nobody wrote to the database since the plan was made; `user_name` is
    written into the rows. Call it in a transaction. Raises StalePlan where a row is no longer as it
    was then.
    """
    compress_quickly()
    writer = _Writer(user_name=user_name, now=timezone.now())
    done, total = 0, sum(change.result.writes for change in plan)
    saves: dict[str, int] = {}
    for kind in Kind:
        existing = [change for change in plan.changes[kind] if change.written_row]
        for batch in split_batches(existing, CONTENT_BATCH):
            saves |= _save_before(kind, batch, user, is_unchanged=is_unchanged)
    for kind in Kind:
        for batch in split_batches(_filter_pruned(plan.changes[kind]), CONTENT_BATCH):
            _prune(kind, batch, writer)
            done += len(batch)
            progress(done, total)
    release_secret_names(_find_renamed(plan.changes[Kind.SECRET]))
    keep_documents(_find_documents(plan), get_current_database())
    for kind in Kind:
        for batch in split_batches(_filter_written(plan.changes[kind]), CONTENT_BATCH):
            _overwrite(kind, [change for change in batch if change.written_row], writer)
            _create(kind, [change for change in batch if not change.written_row], writer)
            done += len(batch)
            progress(done, total)
    _check_uses(plan)
    return saves


def _filter_written(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield the changes that write an item of the file."""
    return (change for change in changes if change.content is not None)


def _filter_pruned(changes: Iterable[Change]) -> Iterator[Change]:
    return (change for change in changes if change.result is Result.PRUNE)


def _prune(kind: Kind, changes: Sequence[Change], writer: _Writer) -> None:
    """Delete the rows softly, as by hand."""
    pks = [change.row.pk for change in changes if change.row]
    rows = MODELS[kind]._default_manager.filter(pk__in=pks)
    rows.update(is_deleted=True, updated_at=writer.now, updated_by=writer.user_name)


def _check_uses(plan: Plan) -> None:
    """Raise StalePlan where a row uses one that was pruned: it was written meanwhile."""
    pruned = {
        kind: {each.target_uuid: each.target_name for each in _filter_pruned(plan.changes[kind])}
        for kind in Kind
    }
    if not any(pruned.values()):
        return
    for kind, _, name, _ in find_users_of_many(pruned):
        what = f"The {kind} {quote(name)}, which uses what would be pruned, was written"
        raise make_stale_error(f"{what} while the import was being prepared.", again=AGAIN)


def _save_before(
    kind: Kind, changes: Sequence[Change], user: User | None, *, is_unchanged: bool
) -> dict[str, int]:
    _lock_unchanged(kind, changes, is_unchanged=is_unchanged)
    pks = [change.row.pk for change in changes if change.row]
    revisions = named_saves.take_rows(MODELS[kind], pks, PRE_IMPORT, user=user)
    return {change.item.path: revision for change, revision in zip(changes, revisions, strict=True)}


def _lock_unchanged(kind: Kind, changes: Sequence[Change], *, is_unchanged: bool) -> None:
    """Lock the rows until the transaction ends. Raise StalePlan where one changed."""
    versions = {change.row.pk: change.row.version for change in changes if change.row}
    rows = lock_rows(kind, list(versions), is_unchanged=is_unchanged, versions=versions)
    for change in changes:
        locked = rows.get(change.row.pk) if change.row else None
        if (
            locked is None
            or (change.before and locked.digest not in {None, change.before})
            or (locked.is_deleted and change.result is Result.PRUNE)
        ):
            what = f"The {kind} {quote(change.target_name)} was changed"
            raise make_stale_error(f"{what} while the import was being prepared.", again=AGAIN)


def _find_renamed(changes: Iterable[Change]) -> Iterator[int]:
    """Yield the primary keys of the rows that are renamed."""
    for change in changes:
        if change.written_row and change.written_row.name != change.target_name:
            yield change.written_row.pk


def _overwrite(kind: Kind, changes: Sequence[Change], writer: _Writer) -> None:
    """Write existing rows, those with the same columns in one query. Raise StalePlan where
    one is gone.
    """
    groups: dict[tuple[str, ...], list[tuple[int, Content]]] = defaultdict(list)
    for change in changes:
        if change.row:
            values = _make_values(kind, change, writer)
            groups[tuple(values)].append((change.row.pk, values))
    for names, rows in groups.items():
        if update_rows(MODELS[kind], names, rows) != len(rows):
            raise StalePlan("stale-plan", f"A row was deleted during the import. {AGAIN}")


def _make_values(kind: Kind, change: Change, writer: _Writer) -> dict[str, Any]:
    values = _make_content(change)
    if change.result is Result.CREATE:  # a restored row keeps none of its old values
        values = {**get_blank_content(kind), **values, "is_deleted": False}
    return {**values, "updated_at": writer.now, "updated_by": writer.user_name}


def _make_content(change: Change) -> dict[str, Any]:
    """Return the columns to write, with the digests of documents, which were kept before."""
    return {
        column: KeptDigest(value.digest) if isinstance(value, Document) else value
        for column, value in (change.content or {}).items()
    }


def _find_documents(changes: Iterable[Change]) -> Iterator[Document]:
    for change in changes:
        for value in (change.content or {}).values():
            if isinstance(value, Document):
                yield value


def _create(kind: Kind, changes: Sequence[Change], writer: _Writer) -> None:
    model: type[StoredItem] = MODELS[kind]
    insert_rows(
        [
            model(
                uuid=change.target_uuid,
                created_at=_choose_time(change, change.item.created_at, writer.now),
                updated_at=_choose_time(change, change.item.updated_at, writer.now),
                updated_by=writer.user_name,
                **_make_content(change),
            )
            for change in changes
        ]
    )


def _choose_time(change: Change, file_time: datetime | None, now: datetime) -> datetime:
    """Return the file's time for a created row, so that exports keep it; now for a copy."""
    return file_time if file_time and change.result is Result.CREATE else now
