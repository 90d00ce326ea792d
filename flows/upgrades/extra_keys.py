"""The operation of a migration that moves a key of `extra` into a column: see CONTRIBUTING.md.

Rows and named saves are read in windows of primary keys, so that time is in proportion to the
tables and memory is that of one window. Named saves are moved as well: restored, or used by an
undo, an old one would else leave the column empty.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError
from django.db.models import QuerySet

from flows.content.fields import EXTRA, Field, Kind, Value
from flows.counting import format_count, format_list
from flows.upgrades.moved_keys import (
    MisfitError,
    Move,
    Moved,
    UnkeepableError,
    move_back,
    move_out,
)

NAMED_SAVES = ("reversion", "0002_add_index_on_version_for_content_type_and_db")
"""What a migration with the operation depends on, beside the migration of the column."""

_WINDOW = 200
_NAMED = 20  # uuids in a report

Step = Callable[[Move, str, Value], Moved | None]


def move_key_into_column(kind: Kind, moved: Field) -> migrations.RunPython:
    """Return the operation that moves a key of the kind's `extra` into its column, and back.

    The column was added before, in the same migration or an earlier one. Deleted rows and named
    saves are moved too; no time of writing changes. A value that the column does not take stays in
    `extra`, and is reported on stderr.
    """
    return migrations.RunPython(partial(_move_out, kind, moved), partial(_move_back, kind, moved))


@dataclass(slots=True)
class _Report:
    """What was done, for the person who runs the migration."""

    rows: int = 0
    saves: int = 0
    left: list[str] = field(default_factory=list)
    """The first uuids of the rows whose value stays in `extra`."""
    rows_left: int = 0
    saves_left: int = 0

    def leave_row(self, uuid: Any) -> None:
        """Note a row that keeps its value in `extra`."""
        self.rows_left += 1
        if len(self.left) < _NAMED:
            self.left.append(str(uuid))


def _move_out(
    kind: Kind, moved: Field, apps: Apps, schema_editor: BaseDatabaseSchemaEditor
) -> None:
    alias = schema_editor.connection.alias
    report = _Report()
    rows, move = _get_rows(apps, alias, kind), _make_move(apps, kind, moved)
    _write_rows(rows, move, move_out, report, containing=moved.key)
    _write_saves(apps, alias, move, move_out, report, containing=moved.key)
    _print_report(f"{kind} {moved.key}: moved out of extra in", move, report)


def _move_back(
    kind: Kind, moved: Field, apps: Apps, schema_editor: BaseDatabaseSchemaEditor
) -> None:
    alias = schema_editor.connection.alias
    report = _Report()
    rows, move = _get_rows(apps, alias, kind), _make_move(apps, kind, moved)
    _write_rows(rows, move, move_back, report, containing="")
    _write_saves(apps, alias, move, move_back, report, containing=moved.column)
    if report.rows_left or report.saves_left:
        raise IrreversibleError(
            f"{_count(report.rows_left, report.saves_left)} of secrets have a {moved.key} that may "
            "not be kept in clear under an unknown key. Restore a backup from before the upgrade."
        )
    _print_report(f"{kind} {moved.key}: moved back into extra in", move, report)


def _get_rows(apps: Apps, alias: str, kind: Kind) -> "QuerySet[Any]":
    model: Any = apps.get_model("flows", kind.value)
    return model._default_manager.using(alias).order_by("pk")  # type: ignore[no-any-return]


def _make_move(apps: Apps, kind: Kind, moved: Field) -> Move:
    column: Any = apps.get_model("flows", kind.value)._meta.get_field(moved.column)
    return Move(kind=kind, field=moved, default=column.get_default(), fits=partial(_is_fit, column))


def _is_fit(column: "models.Field[Any, Any]", value: Value) -> bool:
    """Return whether the column takes the value: its length, its range, and null."""
    try:
        column.run_validators(value)
    except ValidationError:
        return False
    return value is not None or column.null


def _write_rows(
    rows: "QuerySet[Any]", move: Move, step: Step, report: _Report, *, containing: str
) -> None:
    column = move.field.column
    for window in _split_windows(rows):
        changed = []
        for row in window.filter(extra__contains=containing).only("uuid", EXTRA, column):
            try:
                moved = step(move, row.extra, getattr(row, column))
            except (MisfitError, UnkeepableError):
                report.leave_row(row.uuid)
                continue
            if moved is not None:
                row.extra = moved.extra
                setattr(row, column, moved.value)
                changed.append(row)
        rows.bulk_update(changed, [EXTRA, column])
        report.rows += len(changed)


def _write_saves(
    apps: Apps, alias: str, move: Move, step: Step, report: _Report, *, containing: str
) -> None:
    """Move the key in the named saves of the kind; `containing` is in the text of each of them."""
    types = apps.get_model("contenttypes", "ContentType")._default_manager.using(alias)
    content_type = types.filter(app_label="flows", model=move.kind.value).first()
    if content_type is None:
        return
    versions = apps.get_model("reversion", "Version")._default_manager.using(alias).order_by("pk")
    for window in _split_windows(versions):
        saved = window.filter(
            content_type_id=content_type.pk, format="json", serialized_data__contains=containing
        )
        for pk, text in saved.values_list("pk", "serialized_data"):
            if (new := _move_in_save(text, move, step, report)) is not None:
                versions.filter(pk=pk).update(serialized_data=new)
                report.saves += 1


def _move_in_save(text: str, move: Move, step: Step, report: _Report) -> str | None:
    """Return the serialised state after the move; None where nothing changes."""
    try:
        [state] = json.loads(text)
        fields = state["fields"]
        extra, value = fields[EXTRA], fields.get(move.field.column, move.default)
        moved = step(move, extra, value)
    except (MisfitError, UnkeepableError):
        report.saves_left += 1
        return None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None  # no state of an item: it could not be restored before either
    if moved is None:
        return None
    fields |= {EXTRA: moved.extra, move.field.column: moved.value}
    return json.dumps([state], ensure_ascii=False)


def _split_windows(rows: "QuerySet[Any]") -> Iterator["QuerySet[Any]"]:
    """Yield the rows in windows of primary keys.

    The bounds are read first: with a condition on a text and a limit in one query, PostgreSQL could
    read the whole table for each window.
    """
    last = 0
    while keys := rows.filter(pk__gt=last).values_list("pk", flat=True)[:_WINDOW]:
        bounds = list(keys)
        yield rows.filter(pk__gt=last, pk__lte=bounds[-1])
        last = bounds[-1]


def _print_report(what: str, move: Move, report: _Report) -> None:
    if report.rows or report.saves:
        _print(f"{what} {_count(report.rows, report.saves)}.")
    if report.rows_left or report.saves_left:
        shown = "contain it" if move.field.optional else "contain the default in its place"
        _print(
            f"{move.kind} {move.field.key}: {_count(report.rows_left, report.saves_left)} keep it "
            f"in extra, as the column does not take the value. It should be "
            f"{move.field.shape.value}. Exports {shown}: set the field of these, or take the key "
            f"out of Extra in the admin.{_list_uuids(report)}"
        )


def _list_uuids(report: _Report) -> str:
    if not report.left:
        return ""
    return f" Uuids: {format_list(report.left, more=report.rows_left - len(report.left))}."


def _count(rows: int, saves: int) -> str:
    return f"{format_count(rows, 'row')} and {format_count(saves, 'named save')}"


def _print(text: str) -> None:
    # `migrate` has begun a line on stdout.
    sys.stderr.write(f"\n    {text}\n")
