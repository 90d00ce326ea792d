"""The sweep of plannings: what its worker lost goes back into the queue, a few times at most."""

import logging

from django.db import DEFAULT_DB_ALIAS, transaction

from imports.jobs.job_lock import LockHeld, hold_planning_lock
from imports.jobs.planning.carrying_out import give_up
from imports.jobs.queue import PLANNING_TASK, end_in_queue, find_lost, find_queued, put_in_queue
from imports.jobs.running import MOST_ATTEMPTS
from imports.models import PlanningJob

logger = logging.getLogger(__name__)


def sweep_plannings() -> None:
    """Give the uploads whose worker died, or that the queue does not have, to another worker."""
    for number, queue_number in find_lost(PLANNING_TASK):
        _heal(number, queue_number)
    waiting = set(PlanningJob.objects.filter(code="").values_list("pk", flat=True))
    for number in sorted(waiting - find_queued(PLANNING_TASK)) if waiting else ():
        _heal(number, None)


def _heal(number: int, queue_number: int | None) -> None:
    """End the job in the queue, and put it there once more if the plan is still to be made."""
    try:
        with hold_planning_lock(number), transaction.atomic(using=DEFAULT_DB_ALIAS):
            job = PlanningJob.objects.select_for_update().filter(pk=number).first()
            if queue_number is not None:
                end_in_queue([queue_number])
            if job is not None and not job.has_ended:
                _give_again(job)
    except LockHeld:
        return
    logger.warning("The planning of upload %s was lost by its worker", number)


def _give_again(job: PlanningJob) -> None:
    if job.attempts >= MOST_ATTEMPTS:
        give_up(job.pk)
        return
    job.queue_number = put_in_queue(job.pk, PLANNING_TASK, order=None)
    job.save(update_fields=["queue_number"])
