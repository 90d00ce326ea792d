"""The sweep of plannings: what its worker lost goes back into the queue, a few times at most."""

from imports.jobs.job_lock import hold_planning_lock
from imports.jobs.planning.carrying_out import give_up
from imports.jobs.queue import PLANNING_TASK, put_back
from imports.jobs.running import MOST_ATTEMPTS
from imports.jobs.sweep.lost import heal_lost
from imports.models import PlanningJob


def sweep_plannings() -> None:
    """Give the uploads whose worker died, or that the queue does not have, to another worker."""
    waiting = PlanningJob.objects.filter(code="")
    heal_lost(PLANNING_TASK, waiting, hold_planning_lock, _heal)


def _heal(number: int, queue_number: int | None) -> bool:
    job = PlanningJob.objects.select_for_update().filter(pk=number).first()
    if job is None or job.has_ended:
        return False
    if job.attempts >= MOST_ATTEMPTS:
        give_up(job.pk)
        return True
    job.queue_number = put_back(job.pk, queue_number, PLANNING_TASK, order=None)
    job.save(update_fields=["queue_number"])
    return True
