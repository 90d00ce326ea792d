"""How far the import of an upload is: kept in the cache while it runs, for the waiting page."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache

from imports.database.lock import is_lock_held
from imports.models import ImportRecord, PendingImport, Status
from imports.uploads.errors import UploadRefused
from imports.uploads.planning import make_key

_PROGRESS_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the import of an upload is."""

    is_running: bool
    record: int | None = None
    """Of the import, when it is done."""
    phase: str = ""
    done: int = 0
    total: int = 0
    """Number of items to write; 0 if unknown."""


def read_progress(pending: PendingImport) -> Progress:
    """Return how far the import of the upload is."""
    if pending.record_id:
        return Progress(is_running=False, record=pending.record_id)
    runs = ImportRecord.objects.filter(status=Status.RUNNING)
    if pending.is_kept:
        running = runs.filter(origin__plan=pending.pk).first()
    else:
        running = runs.filter(user=pending.user, idempotency_key=make_key(pending)).first()
    if running is None or not is_lock_held():  # without the lock, its process has died
        return Progress(is_running=False)
    return _make_progress(running, *_read_numbers(pending.pk))


def _make_progress(running: ImportRecord, done: int, total: int) -> Progress:
    if running.with_backup and not running.backup_path:
        return Progress(is_running=True, phase="Planning again and backing the database up")
    # After the last item, the record is written and the transaction ends.
    phase = "Writing" if done < total or not total else "Recording what was written"
    return Progress(is_running=True, phase=phase, done=done, total=total)


def read_run_progress(record: ImportRecord) -> Progress:
    """Return how far the run is; of one that is no upload, only its phase is known."""
    if not is_lock_held():
        return Progress(is_running=False)
    if "plan" in record.origin:
        return _make_progress(record, *_read_numbers(record.origin["plan"]))
    own = PendingImport.objects.filter(user=record.user_id, record=None, expires_at=None)
    for pending in own.only("pk", "expires_at"):
        if make_key(pending) == record.idempotency_key:
            return _make_progress(record, *_read_numbers(pending.pk))
    return _make_progress(record, 0, 0)


def make_progress_keeper(pending: PendingImport) -> Callable[[int, int], None]:
    """Return the callback that stores how many items are written, of how many."""
    return lambda done, total: cache.set(
        _make_progress_key(pending.pk), (done, total), _PROGRESS_SECONDS
    )


def check_idle(pending: PendingImport) -> None:
    """Raise UploadRefused while the upload is being imported."""
    if read_progress(pending).is_running:
        raise UploadRefused(
            "import-running",
            f"This {'plan' if pending.is_kept else 'upload'} is being imported. Its record will "
            "say how it ended.",
        )


def _read_numbers(number: int) -> tuple[int, int]:
    found: tuple[int, int] = cache.get(_make_progress_key(number), (0, 0))
    return found


def _make_progress_key(number: int) -> str:
    return f"imports.progress.{number}"
