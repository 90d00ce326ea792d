"""How far the import of an upload is, for the page that waits for it."""

from dataclasses import dataclass

from django.db.models import QuerySet

from imports.database.lock import is_lock_held
from imports.models import REQUEST_OF_JOB, ImportRecord, PendingImport, Status
from imports.runs.progress import Phase, read_phase
from imports.uploads.errors import UploadRefused
from imports.uploads.planning import make_key

_WORDS_OF_RUN = {
    Phase.QUEUED: "Waiting for a worker",
    Phase.READING: "Reading the file",
    Phase.PLANNING: "Planning again and backing the database up",
    Phase.WRITING: "Writing",
    Phase.RECORDING: "Recording what was written",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProgress:
    """How far a run, or the planning of an upload, is, for the pages that show it."""

    is_running: bool
    """Whether it is queued or under way."""
    record: int | None = None
    """Of the import, when it is done."""
    run: int | None = None
    """The record of the import that is queued or under way."""
    code: Phase | None = None
    """Its phase."""
    phase: str = ""
    """The phase in words."""
    done: int = 0
    total: int = 0
    """Number of items to write; 0 if unknown."""
    size: int = 0
    """Bytes of the file."""
    may_cancel: bool = False
    """Whether a worker has it that has not begun to write."""


def read_progress(pending: PendingImport) -> ShownProgress:
    """Return how far the import of the upload is."""
    if pending.record_id:
        return ShownProgress(is_running=False, record=pending.record_id)
    run = _find_runs(pending).filter(status__in=(Status.QUEUED, Status.RUNNING)).first()
    return read_run_progress(run) if run else ShownProgress(is_running=False)


def read_run_progress(record: ImportRecord) -> ShownProgress:
    """Return how far the run is."""
    if _has_died(record):
        return ShownProgress(is_running=False)
    now = read_phase(record)
    job = getattr(record, "job", None)
    return ShownProgress(
        is_running=True,
        run=record.pk,
        code=now.phase,
        phase=_WORDS_OF_RUN[now.phase],
        done=now.done,
        total=now.total,
        size=record.file_size,
        may_cancel=job is not None and not job.is_writing and not job.is_cancelled,
    )


def find_failed_run(pending: PendingImport) -> ImportRecord | None:
    """Return the record of the import in the background that failed last, where it is the last."""
    last = _find_runs(pending).exclude(queued_at=None).order_by("-pk").first()
    ended = {Status.REFUSED, Status.FAILED, Status.INTERRUPTED, Status.CANCELLED}
    return last if last is not None and last.status in ended else None


def check_idle(pending: PendingImport) -> None:
    """Raise UploadRefused while the upload is being imported."""
    if read_progress(pending).is_running:
        raise UploadRefused(
            "import-running",
            f"This {'plan' if pending.is_kept else 'upload'} is being imported. Its record will "
            "say how it ended.",
        )


def _has_died(record: ImportRecord) -> bool:
    """Return whether the run is under way by its record, and no process is at it."""
    if record.status != Status.RUNNING or is_lock_held():
        return False
    # Unless it ended since the record was read.
    return ImportRecord.objects.filter(pk=record.pk, status=Status.RUNNING).exists()


def _find_runs(pending: PendingImport) -> QuerySet[ImportRecord]:
    runs = ImportRecord.objects.select_related("job").defer("issues", *REQUEST_OF_JOB)
    if pending.is_kept:
        return runs.filter(origin__plan=pending.pk)
    return runs.filter(user=pending.user, idempotency_key=make_key(pending))
