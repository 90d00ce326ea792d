"""The run that an undo takes back: found, or the reason why it cannot be."""

from imports.errors import AlreadyUndone, NoSuchRecord, NotUndoable
from imports.models import ImportRecord, Status
from imports.records.missing import explain_missing_record
from imports.runs.idempotency import check_key
from imports.runs.recorder import RunRecorder
from imports.undo.read import find_written_items
from imports.undo.record import set_undone
from imports.undo.request import UndoRequest


def find_undone(request: UndoRequest, recorder: RunRecorder) -> ImportRecord:
    """Return the record of the run to undo, after setting it in the recorder's record.

    Raises NoSuchRecord, AlreadyUndone or NotUndoable.
    """
    record = ImportRecord.objects.filter(pk=request.record).first()
    if record is None:
        raise NoSuchRecord(
            "no-such-record",
            f"This server has no import {request.record}.",
            remedy=explain_missing_record(request.record),
        )
    set_undone(recorder.record, record)
    if record.status == Status.UNDONE:
        check_key(recorder.record)  # it may have been undone by this very request
        by = record.find_undo_in_effect()
        how = f" Undo import {by.pk} to bring it back." if by else ""
        raise AlreadyUndone("already-undone", f"Import {record.pk} is undone already.{how}")
    if record.status != Status.SUCCEEDED:
        raise NotUndoable(
            "not-in-effect",
            f"Import {record.pk} is {record.status}: it wrote nothing that could be undone.",
        )
    if record.history_pruned_at:
        raise NotUndoable(
            "history-pruned",
            f"Import {record.pk} is too old to be undone: what was before it was removed on "
            f"{record.history_pruned_at:%Y-%m-%d %H:%M:%S} UTC.",
        )
    if not find_written_items(record).exists():
        raise NotUndoable(
            "nothing-to-undo", f"Import {record.pk} wrote nothing that could be undone."
        )
    return record
