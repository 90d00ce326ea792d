"""Rows that were edited on this server since an import last wrote them: warned of in the plan.

What an import leaves in a row is known by its digest. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from imports.plan import Change, Result, differ


@dataclass(frozen=True, slots=True, kw_only=True)
class LastImport:
    """The last import that wrote a row, or found it unchanged."""

    at: datetime
    digest: str
    """Of the row's content then: see imports.plan.content_digest."""


def warned_of_edits(
    changes: Sequence[Change], last_imports: Mapping[str, LastImport]
) -> tuple[Change, ...]:
    """The changes, with a warning on each overwrite of a row that was edited here.

    `last_imports` has, by the uuid of a row, what an import left in it.
    """
    return tuple(_warned(change, last_imports) for change in changes)


def _warned(change: Change, last_imports: Mapping[str, LastImport]) -> Change:
    if change.result is not Result.OVERWRITE or change.row is None or change.before is None:
        return change
    last = last_imports.get(change.row.uuid)
    if last is None or not differ(change.before, last.digest):
        return change
    warning = f"edited on this server since its last import on {last.at:%Y-%m-%d %H:%M} UTC"
    return replace(change, warnings=(*change.warnings, warning))
