"""What the run of a record is called: read from the records of the runs below it."""

from imports.models import UNDO, ImportRecord
from imports.undo.plans.names import RunName


def name_run(record: ImportRecord) -> RunName:
    """What the run of the record is called."""
    first = record.first_run()
    root = None if first.mode == UNDO else first.pk  # the records below it are gone
    return RunName(number=record.pk, depth=record.undo_depth, root=root)
