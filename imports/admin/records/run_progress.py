"""How far a run is, on the page of its record: seen, and called off before it writes."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from imports.admin.addresses import get_record_url
from imports.errors import NotPermitted, UnableToImport
from imports.jobs.availability import lacks_worker
from imports.jobs.cancelling import cancel_run
from imports.models import ImportRecord, Status
from imports.permissions import UNDO_IMPORT
from imports.records.outcomes import get_shown_status
from imports.runs.progress import Phase
from imports.uploads.progress import ShownProgress, read_run_progress

_GOES_ON = {Status.QUEUED, Status.RUNNING}

FindRecord = Callable[[HttpRequest, str], ImportRecord]


class ProgressViews:
    """The views of a run that goes on."""

    def __init__(self, find_record: FindRecord) -> None:
        self._find_record = find_record

    def state(self, request: HttpRequest, record_id: int) -> HttpResponse:
        """Return the state of the run as JSON, for a page that waits for its end."""
        record = self._find_record(request, str(record_id))
        state = {
            "running": record.status in _GOES_ON,
            "status": get_shown_status(record),
            "seconds": int((timezone.now() - record.started_at).total_seconds()),
        }
        if record.status in _GOES_ON:
            progress = read_run_progress(record)
            state |= {
                "phase": progress.phase,
                "done": progress.done,
                "total": progress.total,
                "mayCancel": _may_cancel(request, record, progress),
            }
        return JsonResponse(state, headers={"Cache-Control": "no-store"})

    def cancel(self, request: HttpRequest, record_id: int) -> HttpResponse:
        """Call the run off."""
        return _cancel(request, self._find_record(request, str(record_id)))


@require_POST
def _cancel(request: HttpRequest, record: ImportRecord) -> HttpResponse:
    user: Any = request.user
    try:
        cancel_run(user, record.pk)
        messages.info(request, "This run is called off. Nothing was written.")
    except NotPermitted as error:
        raise PermissionDenied(error.message) from None
    except UnableToImport as error:
        messages.error(request, error.message)
    return redirect(get_record_url(record))


def make_progress_context(request: HttpRequest, record: ImportRecord) -> dict[str, Any]:
    """Return what the page shows of how far the run is."""
    if record.status not in _GOES_ON:
        return {"is_running": False}
    progress = read_run_progress(record)
    return {
        "is_running": True,
        "is_queued": record.status == Status.QUEUED,
        "progress": progress,
        "may_cancel": _may_cancel(request, record, progress),
        "lacks_worker": progress.code is Phase.QUEUED and lacks_worker(),
    }


def _may_cancel(request: HttpRequest, record: ImportRecord, progress: ShownProgress) -> bool:
    is_own = record.user_id == request.user.pk
    return progress.may_cancel and (is_own or request.user.has_perm(UNDO_IMPORT))
