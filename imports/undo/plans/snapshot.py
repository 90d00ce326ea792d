"""The snapshot of an undo's plan, and its short form for a page. Pure.

The short form has a few characters for each row, in the order of the run's record, which never
changes: enough to find the rows that changed, whatever is decided.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

import msgspec

from imports.planfile.changes import ChangeOf, PlanChange, find_changes_since
from imports.planfile.snapshot import (
    ItemKey,
    ItemSnapshot,
    PlanSnapshot,
    RowSnapshot,
    make_confirmation_token,
)
from imports.plans.plan import get_destination_keys
from imports.undo.plans.plan import UndoChange, UndoPlan

_BYTES = 3  # without padding in base64
_LETTERS = 5
_GONE, _DELETED, _LIVE = "gdl"


def make_undo_snapshot(plan: UndoPlan) -> PlanSnapshot:
    """Return the snapshot of a plan that is made now."""
    return PlanSnapshot(
        origin=(plan.record, plan.server),
        items=tuple(_make_item_snapshot(change) for change in plan),
        issues=plan.issues,
    )


def make_undo_token(plan: UndoPlan) -> str:
    """Return a text that is equal for two plans that do the same to rows in the same state."""
    return make_confirmation_token(make_undo_snapshot(plan))


def find_undo_changes_since(before: UndoPlan | None, after: UndoPlan) -> list[PlanChange]:
    """Return the differences from the earlier plan of the same undo; none where it is not known."""
    if before is None:
        return []
    now = make_undo_snapshot(after)
    return find_changes_since(make_undo_snapshot(before), replace(now, rows=_index_rows(now.items)))


def pack_rows(plan: UndoPlan) -> str:
    """Return the short form of the rows as they are now, independent of decisions."""
    return "".join(_pack(item.row) for item in make_undo_snapshot(plan).items)


def find_row_changes_since(packed: str, plan: UndoPlan) -> dict[ItemKey, str]:
    """Return the changes of rows since `pack_rows`, by key; none for an empty text.

    The previous names are not kept: texts have the present ones.
    """
    now = make_undo_snapshot(plan)
    items = tuple(replace(item, row=_unpack(_pack(item.row), item)) for item in now.items)
    after = replace(now, items=items, rows=_index_rows(items))
    before = replace(now, items=tuple(_replace_rows(packed, items)))
    return {
        change.key: change.issue.message
        for change in find_changes_since(before, after)
        if change.key and change.of is ChangeOf.ROW
    }


def _index_rows(items: Iterable[ItemSnapshot]) -> dict[ItemKey, RowSnapshot]:
    return {item.key: item.row for item in items if item.row is not None}


def _make_item_snapshot(change: UndoChange) -> ItemSnapshot:
    row = RowSnapshot(
        uuid=change.uuid,
        name=change.name,
        is_deleted=change.was_deleted,
        content=change.before,
    )
    return ItemSnapshot(
        kind=change.kind,
        uuid=change.uuid,
        name=change.name,
        result=change.result,
        row=row if change.pk else None,
        target_name=change.target_name,
        destinations=tuple(sorted(get_destination_keys(change.destination_warnings))),
        details=(
            *(change.pk, change.was_deleted, change.save, change.after, change.becomes_deleted),
            *(change.decision, *change.warnings),
        ),
    )


def _pack(row: RowSnapshot | None) -> str:
    if row is None:
        return _GONE * _LETTERS
    content = b64encode(blake2b(msgspec.json.encode(row.content), digest_size=_BYTES).digest())
    return f"{_DELETED if row.is_deleted else _LIVE}{content.decode()}"


def _unpack(packed: str, item: ItemSnapshot) -> RowSnapshot | None:
    if packed[:1] == _GONE:
        return None
    return RowSnapshot(
        uuid=item.uuid,
        name=item.name,
        is_deleted=packed[:1] == _DELETED,
        content=packed[1:],
    )


def _replace_rows(packed: str, items: tuple[ItemSnapshot, ...]) -> Iterator[ItemSnapshot]:
    for number, item in enumerate(items):
        kept = packed[number * _LETTERS : (number + 1) * _LETTERS]
        yield replace(item, row=_unpack(kept, item)) if len(kept) == _LETTERS else item
