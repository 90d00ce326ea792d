"""What the page of an upload shows that a worker plans, or could not plan."""

from typing import Any

from django.http import HttpRequest

from imports.jobs.availability import lacks_worker
from imports.models import PendingImport
from imports.permissions import may_see_records
from imports.runs.progress import Phase
from imports.uploads.unplanned import find_planning, read_planning_progress


def make_planning_context(request: HttpRequest, pending: PendingImport) -> dict[str, Any]:
    """Return the context of the page: how far the planning is, or why there is no plan."""
    user: Any = request.user
    planning, progress = find_planning(pending), read_planning_progress(pending)
    is_queued = progress is not None and progress.code is Phase.QUEUED
    return {
        "title": f"Import {pending.label}",
        "pending": pending,
        "planning": planning,
        "progress": progress,
        "issues": planning.record.issues if planning and planning.record else (),
        "lacks_worker": is_queued and lacks_worker(),
        "may_see_record": may_see_records(user),
    }
