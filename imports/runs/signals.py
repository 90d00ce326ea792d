"""What other apps are told of runs."""

from collections.abc import Mapping

from django.dispatch import Signal

from flows.servers import get_current_database
from imports.models import ImportRecord

import_finished = Signal()
"""Sent after an import or an undo was committed and its lock released.

`record` is its ImportRecord, whose `mode` tells an undo; `using` is the alias of the database that
it was made in, to which the queries of the apps' models go meanwhile. What a receiver raises is
logged, and changes nothing: the run is done. A run that was refused or failed sends nothing.
"""

run_ended = Signal()
"""Sent when a run that leaves a record has ended, however it did: succeeded, refused or failed.

Also where it was cancelled in the queue, or was found interrupted: by the process that did so.
`record` is its ImportRecord, which may not be stored where the database failed; `durations` has the
seconds of its phases, by `imports.runs.current.RunPhase`. The import lock is released, unless the
next run found it interrupted. What a receiver raises is logged, and changes nothing.
"""


def announce(record: ImportRecord) -> None:
    """Send `import_finished` for a run that is committed, to all receivers."""
    import_finished.send_robust(ImportRecord, record=record, using=get_current_database())


def announce_end(record: ImportRecord, durations: Mapping[str, float]) -> None:
    """Send `run_ended` to all receivers."""
    run_ended.send_robust(ImportRecord, record=record, durations=durations)
