"""The queries for the rows that a run wrote and their records: the only reader for an undo.

Each query is for a batch of rows, and only digests of their contents are kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone
from reversion.errors import RevertError

from flows.batches import split_batches
from flows.content.fields import Content, Kind, get_columns
from flows.destinations.destinations import find_secret_uses
from flows.documents.read import group_rows
from flows.models import MODELS, Secret
from flows.relations.uses import find_users_of_many, find_users_of_one
from flows.saves import named_saves
from flows.saves.saved_states import SavedRow as SavedState
from flows.saves.saved_states import get_content, read_saved_row
from flows.secrets.stored_destinations import StoredServer
from imports.models import UNDO, ImportItem, ImportRecord, Status
from imports.plans.comparison import find_differences
from imports.plans.plan import WRITING_RESULTS, Result, compute_content_digest
from imports.rows.read import BATCH, CONTENT_BATCH
from imports.undo.plans.inputs import (
    LaterRun,
    OtherRow,
    PresentRow,
    RowBefore,
    UndoInputs,
    WrittenRow,
)
from imports.undo.plans.plan import Key
from imports.undo.run_names import name_run


def find_written_items(record: ImportRecord) -> QuerySet[ImportItem]:
    """Return the items of the record whose rows were written, in order."""
    return record.items.filter(result__in=WRITING_RESULTS).order_by("position", "pk")


def read_undo_inputs(record: ImportRecord) -> UndoInputs:
    """Return the inputs for planning the undo of a run that succeeded."""
    reader = RunReader(record)
    rows = {kind: list(reader.read_rows(kind)) for kind in Kind}
    return UndoInputs(
        record=record.pk,
        name=name_run(record),
        finished_at=get_finished_at(record),
        rows=rows,
        server=StoredServer(),
        users=reader.find_users(rows),
        secrets=_read_live_secrets(
            {row.saved.name for row in rows[Kind.SECRET] if row.saved and not row.ends_deleted}
        ),
    )


def read_saved_states(kind: Kind, revisions: Sequence[int]) -> Iterator[tuple[int, SavedState]]:
    """Yield revision and state of the readable named saves with these revisions."""
    states = {}
    for version in named_saves.find_saves_in(MODELS[kind], revisions):
        with suppress(RevertError):
            states[version.revision_id] = read_saved_row(version)
    yield from zip(states, group_rows(states.values()), strict=True)


class RunReader:
    """Reads the rows of a run in batches."""

    def __init__(self, record: ImportRecord) -> None:
        self._record = record
        self._last_item = record.items.aggregate(last=Max("pk"))["last"]

    def read_rows(self, kind: Kind, only: Sequence[str] | None = None) -> Iterator[WrittenRow]:
        """Yield the rows of that kind that the run wrote, in the order of its items.

        With `only`, those that have one of these uuids.
        """
        items = find_written_items(self._record).filter(kind=kind).defer("changed_keys", "warnings")
        if only is not None:
            items = items.filter(target_uuid__in=only)
        for batch in split_batches(list(items), CONTENT_BATCH):
            uuids = [item.target_uuid for item in batch]
            present = dict(self._read_present(kind, uuids))
            later = self._find_later_runs(kind, uuids)
            saved = dict(
                read_saved_states(
                    kind, [item.named_save_id for item in batch if item.named_save_id]
                )
            )
            for item in batch:
                row, content = present.get(str(item.target_uuid), (None, None))
                state = saved.get(item.named_save_id or 0)
                yield WrittenRow(
                    kind=kind,
                    position=item.position,
                    uuid=str(item.target_uuid),
                    name=item.target_name,
                    is_new=item.is_new,
                    left_deleted=item.leaves_deleted,
                    digest=item.content_digest,
                    row=row,
                    saved=self._make_row_before(kind, item, state, content) if state else None,
                    later=later.get(str(item.target_uuid)),
                )

    def find_users(self, rows: Mapping[Kind, Sequence[WrittenRow]]) -> dict[Key, list[OtherRow]]:
        """Return the rows that began to use rows after the run, by each row the undo would delete.

        Only live rows count. A row that is as it was before the run had dangling references then,
        and may have them again.
        """
        deleted = {
            kind: {row.uuid: row.row.name for row in rows[kind] if row.row and row.becomes_deleted}
            for kind in Kind
        }
        written = {row.key: row for kind in Kind for row in rows[kind]}
        found = [
            (OtherRow(kind=kind, uuid=uuid, name=name), used)
            for kind, uuid, name, used in find_users_of_many(deleted)
        ]
        others = [user.key for user, _ in found if user.key not in written]
        new = {key for kind in Kind for key in self._find_written_since(kind, others)}
        new |= {key for key, row in written.items() if not row.is_as_before}
        users: dict[Key, list[OtherRow]] = {}
        for user, used in found:
            if user.key in new:
                for key in used:
                    users.setdefault(key, []).append(user)
        return users

    def find_users_of(self, row: WrittenRow) -> list[OtherRow]:
        """Return the live rows that began to use the row after the run, if the undo deletes it.

        Not those that the run wrote: they keep no row from being undone, unless they are kept by a
        decision.
        """
        if not (row.row and row.becomes_deleted):
            return []
        found = {
            user.key: user
            for kind, uuid, name in find_users_of_one(row.kind, row.uuid, row.row.name)
            for user in [OtherRow(kind=kind, uuid=uuid, name=name)]
        }
        since = {key for kind in Kind for key in self._find_written_since(kind, found)}
        written = {key for kind in Kind for key in self._find_own(kind, since)}
        return [found[key] for key in since - written]

    def _find_own(self, kind: Kind, keys: Iterable[Key]) -> Iterator[Key]:
        """Yield the keys of those rows that the run wrote."""
        for batch in split_batches((uuid for of, uuid in keys if of is kind), BATCH):
            items = find_written_items(self._record).filter(kind=kind, target_uuid__in=batch)
            for uuid in items.order_by().values_list("target_uuid", flat=True):
                yield kind, str(uuid)

    def _find_written_since(self, kind: Kind, keys: Iterable[Key]) -> Iterator[Key]:
        """Yield the keys of those rows that were written or created after the run began."""
        # Only up to now: a row with a later time, from a file, was not written meanwhile. A row
        # that an import created has the times of its file.
        since = (self._record.started_at, timezone.now())
        for batch in split_batches((uuid for of, uuid in keys if of is kind), BATCH):
            rows = MODELS[kind]._default_manager.filter(uuid__in=batch, updated_at__range=since)
            uuids = set(rows.order_by().values_list("uuid", flat=True))
            items = ImportItem.objects.filter(
                kind=kind, target_uuid__in=batch, result__in=[Result.CREATE, Result.DUPLICATE]
            )
            uuids |= {
                uuid
                for uuid, item in items.order_by().values_list("target_uuid", "pk")
                if item > self._last_item
            }
            yield from ((kind, str(uuid)) for uuid in uuids)

    def _read_present(
        self, kind: Kind, uuids: Sequence[Any]
    ) -> Iterator[tuple[str, tuple[PresentRow, Content]]]:
        names = get_columns(kind)
        own = ("uuid", "pk", "is_deleted", "updated_at", "updated_by")
        rows = MODELS[kind]._default_manager.filter(uuid__in=uuids).order_by()
        found = group_rows(rows.values_list(*own, *names))
        for uuid, pk, is_deleted, updated_at, updated_by, *values in found:
            content = dict(zip(names, values, strict=True))
            yield (
                str(uuid),
                (
                    PresentRow(
                        pk=pk,
                        name=content["name"],
                        digest=compute_content_digest(content, names),
                        is_deleted=is_deleted,
                        updated_at=updated_at,
                        updated_by=updated_by,
                        uses=find_secret_uses(kind, str(uuid), content),
                    ),
                    content,
                ),
            )

    def _make_row_before(
        self, kind: Kind, item: ImportItem, state: SavedState, present: Content | None
    ) -> RowBefore:
        before = get_content(kind, state)
        return RowBefore(
            revision=item.named_save_id or 0,
            name=state["name"],
            digest=compute_content_digest(before, get_columns(kind)),
            is_deleted=state["is_deleted"],
            fields=find_differences(kind, present, before) if present else (),
            uses=find_secret_uses(kind, str(item.target_uuid), before),
        )

    def _find_later_runs(self, kind: Kind, uuids: Sequence[Any]) -> dict[str, LaterRun]:
        """Return the last run that wrote a row after this one, by the uuid of the row."""
        # Neither a join nor a range of items: see imports.records.last_imports.
        succeeded = Exists(
            ImportRecord.objects.filter(pk=OuterRef("record"), status=Status.SUCCEEDED)
        )
        newest = (
            ImportItem.objects.filter(
                succeeded, kind=kind, target_uuid__in=uuids, result__in=WRITING_RESULTS
            )
            .order_by()
            .values("target_uuid")
            .annotate(newest=Max("pk"))
            .filter(newest__gt=self._last_item)
            .values("newest")
        )
        runs = ImportItem.objects.filter(pk__in=newest).select_related("record").order_by()
        return {
            str(item.target_uuid): LaterRun(
                record=item.record_id,
                is_undo=item.record.mode == UNDO,
                user_name=item.record.user_name,
                at=get_finished_at(item.record),
                digest=item.content_digest,
            )
            for item in runs
        }


def _read_live_secrets(names: set[str]) -> dict[str, OtherRow]:
    found: dict[str, OtherRow] = {}
    for batch in split_batches(sorted(names), BATCH):
        rows = Secret.objects.filter(name__in=batch, is_deleted=False).order_by()
        for uuid, name in rows.values_list("uuid", "name"):
            found[name] = OtherRow(kind=Kind.SECRET, uuid=str(uuid), name=name)
    return found


def get_finished_at(record: ImportRecord) -> datetime:
    """Return when the run ended; a record that succeeded has that time."""
    return record.finished_at or record.started_at
