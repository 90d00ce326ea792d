"""Uploads whose plan a worker makes: how far it is, and why there is none."""

from imports.models import PendingImport, PlanningJob
from imports.runs.progress import Phase
from imports.uploads.progress import ShownProgress

_WORDS_OF_PLANNING = {
    Phase.QUEUED: "Waiting for a worker",
    Phase.READING: "Reading the file",
    Phase.PLANNING: "Comparing with this server",
    Phase.RECORDING: "Storing the plan",
}


def find_planning(pending: PendingImport) -> PlanningJob | None:
    """Return what is known of the planning of an upload that has no plan; None where it has one."""
    return getattr(pending, "planning", None)


def waits_for_decision(pending: PendingImport) -> bool:
    """Return whether the upload has a plan, or will have one: its file is stored."""
    planning = find_planning(pending)
    return planning is None or not planning.has_ended


def read_planning_progress(pending: PendingImport) -> ShownProgress | None:
    """Return how far the planning of the upload is; None where it has a plan."""
    planning = find_planning(pending)
    if planning is None:
        return None
    phase = _find_phase(planning)
    return ShownProgress(
        is_running=not planning.has_ended,
        code=phase,
        phase=_WORDS_OF_PLANNING[phase],
        done=planning.done,
        total=planning.total,
        size=pending.file_size,
        may_cancel=True,
    )


def _find_phase(planning: PlanningJob) -> Phase:
    if not planning.attempts:
        return Phase.QUEUED
    if not planning.total:
        return Phase.READING
    return Phase.PLANNING if planning.done < planning.total else Phase.RECORDING
