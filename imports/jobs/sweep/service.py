"""What workers call again and again: see the room."""

from imports.expiry import drop_expired
from imports.jobs.queue import drop_old_from_queue
from imports.jobs.sweep.exports import sweep_exports
from imports.jobs.sweep.plannings import sweep_plannings
from imports.jobs.sweep.runs import sweep_runs


def sweep() -> None:
    """End what died, and give the jobs whose worker died to another one."""
    sweep_runs()
    sweep_exports()
    sweep_plannings()


def clean_up() -> None:
    """Delete what has expired: uploads, exports, jobs that ended more than a day ago."""
    drop_expired()
    drop_old_from_queue()
