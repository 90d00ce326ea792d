"""Undos for tests, in as few words as a test needs."""

from typing import Any

from imports.models import Door, ImportRecord
from imports.undo.request import UndoRequest
from tests.support.importing import SERVER


def undo_request(record: ImportRecord | int, **changes: Any) -> UndoRequest:
    """A request without a backup, as somebody named bob makes it by the command."""
    defaults: dict[str, Any] = {
        "server": SERVER,
        "door": Door.COMMAND,
        "user_name": "bob",
        "with_backup": False,
    }
    number = record if isinstance(record, int) else record.pk
    return UndoRequest(record=number, **{**defaults, **changes})
