"""The sweep of exports: one whose worker died, or that the queue lost, goes to another worker."""

import logging

from django.db import DEFAULT_DB_ALIAS, transaction

from imports.jobs.exports.asking import UNFINISHED
from imports.jobs.exports.building import give_up
from imports.jobs.job_lock import LockHeld, hold_export_lock
from imports.jobs.queue import EXPORT_TASK, end_in_queue, find_lost, find_queued, put_in_queue
from imports.jobs.running import MOST_ATTEMPTS
from imports.models import BackgroundExport

logger = logging.getLogger(__name__)


def sweep_exports() -> None:
    """Give the exports whose worker died to another one, or give them up."""
    for number, queue_number in find_lost(EXPORT_TASK):
        _heal(number, queue_number)
    for number in _find_forgotten():
        _heal(number, None)


def _find_forgotten() -> list[int]:
    """Return the numbers of exports that are to be built, and that the queue does not have."""
    wanted = BackgroundExport.objects.filter(status__in=UNFINISHED)
    numbers = set(wanted.values_list("pk", flat=True))
    return sorted(numbers - find_queued(EXPORT_TASK)) if numbers else []


def _heal(number: int, queue_number: int | None) -> None:
    """End the job in the queue, and put it there once more if the export is still to be built."""
    try:
        with hold_export_lock(number), transaction.atomic(using=DEFAULT_DB_ALIAS):
            exports = BackgroundExport.objects.select_for_update().defer("content")
            export = exports.filter(pk=number, status__in=UNFINISHED).first()
            if queue_number is not None:
                end_in_queue([queue_number])
            if export is None:
                return
            if export.attempts >= MOST_ATTEMPTS:
                give_up(export)
                return
            export.queue_number = put_in_queue(number, EXPORT_TASK, order=None)
            export.save(update_fields=["queue_number"])
    except LockHeld:
        return
    logger.warning("Export %s was lost by its worker", number)
