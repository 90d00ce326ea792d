"""The plan or the outcome of an undo to one plain dict: the command's output and the API's body.

In the form of an import's answer: see imports.report.
"""

from typing import Any

from flows.content import Kind
from imports.matching import MatchMethod
from imports.report import details_of, entry
from imports.undo.plan import UndoChange, UndoPlan


def undo_data(plan: UndoPlan, *, done: bool, with_details: bool = False) -> dict[str, Any]:
    """The three lists. `done` says whether the rows reached their results.

    `with_details` adds to an item those of its warnings that programs know by a code.
    """
    return {
        f"{kind.plural}Processed": [
            {**_item(change, done=done), **(details_of(change.notices) if with_details else {})}
            for change in plan.changes[kind]
        ]
        for kind in Kind
    }


def _item(change: UndoChange, *, done: bool) -> dict[str, Any]:
    return entry(
        uuid=change.uuid,
        name=change.name,
        result=change.result.value,
        matchMethod=MatchMethod.UUID.value,
        isProcessed=done,
        targetUuid=change.uuid,
        targetName=change.target_name,
        warnings=list(change.warnings),
    )
