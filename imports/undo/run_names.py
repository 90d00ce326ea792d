"""Name a run, using the records of the runs that it undoes."""

from imports.models import UNDO, ImportRecord
from imports.undo.plans.names import RunName


def name_run(record: ImportRecord) -> RunName:
    """Return the name of the record's run."""
    first = record.find_first_run()
    root = None if first.mode == UNDO else first.pk  # the records below it are gone
    return RunName(number=record.pk, depth=record.undo_depth, root=root)
