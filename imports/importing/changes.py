"""Compare a plan with an earlier snapshot: read its rows, and call imports.planfile.changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from flows.content.fields import Kind
from imports.planfile.changes import PlanChange, find_changes_since, find_edited_rows
from imports.planfile.snapshot import (
    Contents,
    PlanSnapshot,
    get_decided_contents,
    make_row_snapshot,
    make_snapshot,
)
from imports.plans.decisions import Decisions
from imports.plans.drift import LastWrite
from imports.plans.matching import Row
from imports.plans.plan import Plan
from imports.rows.read import read_last_writes, read_rows_by_uuid

Rows = Sequence[tuple[Kind, Row]]


def read_rows_of(snapshot: PlanSnapshot) -> list[tuple[Kind, Row]]:
    """Return the rows that the snapshot refers to as they are now, without those that are gone."""
    uuids: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for item in snapshot.items:
        uuids[item.kind].update(row.uuid for row in item.rows)
    return [(kind, row) for kind in Kind for row in read_rows_by_uuid(kind, uuids[kind])]


def read_changes(
    before: PlanSnapshot,
    plan: Plan,
    decisions: Decisions,
    *,
    made_at: datetime | None,
    rows: Rows | None = None,
    contents: Contents | None = None,
) -> list[PlanChange]:
    """Return the differences between the snapshot `before`, made at `made_at`, and the plan of now.

    `rows` are the rows of `before` as they are now, which are read where they are not given;
    `contents` has the digests of these and of the plan's rows, by default those for which the plan
    was decided.
    """
    rows = read_rows_of(before) if rows is None else rows
    contents = get_decided_contents(plan) if contents is None else contents
    now = {(kind, row.uuid): make_row_snapshot(kind, row, contents) for kind, row in rows}
    edited = find_edited_rows(before, now)
    written = [(kind, row) for kind, row in rows if (kind, row.uuid) in edited]
    for (kind, uuid), write in _read_writes_since(made_at, written).items():
        now[kind, uuid] = replace(now[kind, uuid], last_write=write)
    return find_changes_since(before, replace(make_snapshot(plan, decisions, contents), rows=now))


def _read_writes_since(made_at: datetime | None, rows: Rows) -> dict[tuple[Kind, str], LastWrite]:
    """Return when and by whom these rows were last written, where that was after `made_at`."""
    uuids: dict[Kind, dict[int, str]] = {kind: {} for kind in Kind}
    for kind, row in rows:
        uuids[kind][row.pk] = row.uuid
    return {
        (kind, of_kind[pk]): write
        for kind, of_kind in uuids.items()
        for pk, write in read_last_writes(kind, list(of_kind)).items()
        if made_at and write.at > made_at
    }
