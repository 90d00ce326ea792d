"""The sweep of exports: one whose worker died, or that the queue lost, goes to another worker."""

from imports.jobs.exports.asking import UNFINISHED
from imports.jobs.exports.building import give_up
from imports.jobs.job_lock import hold_export_lock
from imports.jobs.queue import EXPORT_TASK, put_back
from imports.jobs.running import MOST_ATTEMPTS
from imports.jobs.sweep.lost import heal_lost
from imports.models import BackgroundExport


def sweep_exports() -> None:
    """Give the exports whose worker died to another one, or give them up."""
    waiting = BackgroundExport.objects.filter(status__in=UNFINISHED)
    heal_lost(EXPORT_TASK, waiting, hold_export_lock, _heal)


def _heal(number: int, queue_number: int | None) -> bool:
    exports = BackgroundExport.objects.select_for_update().defer("content")
    export = exports.filter(pk=number, status__in=UNFINISHED).first()
    if export is None:
        return False
    if export.attempts >= MOST_ATTEMPTS:
        give_up(export)
        return True
    export.queue_number = put_back(number, queue_number, EXPORT_TASK, order=None)
    export.save(update_fields=["queue_number"])
    return True
