"""The locks of jobs: held by the worker that has one, on whatever machine, and by the sweep.

They are the database's own, and end with their holder, also when that is killed.
"""

from contextlib import AbstractContextManager
from hashlib import blake2b

from flows.database.locks import Lock, LockHandle, LockHeld, hold_lock

__all__ = ["LockHandle", "LockHeld", "hold_export_lock", "hold_job_lock", "hold_planning_lock"]


def hold_job_lock(number: int) -> AbstractContextManager[LockHandle]:
    """Hold the lock of the job with that number. Raises LockHeld where somebody else holds it."""
    return _hold(f"background job {number}", f"background-{number}")


def hold_export_lock(number: int) -> AbstractContextManager[LockHandle]:
    """Hold the lock of the BackgroundExport with that number: see `hold_job_lock`."""
    return _hold(f"background export {number}", f"export-{number}")


def hold_planning_lock(number: int) -> AbstractContextManager[LockHandle]:
    """Hold the lock of the planning of that upload: see `hold_job_lock`."""
    return _hold(f"planning of upload {number}", f"planning-{number}")


def _hold(name: str, file_suffix: str) -> AbstractContextManager[LockHandle]:
    digest = blake2b(name.encode(), digest_size=8).digest()
    lock = Lock(number=int.from_bytes(digest, "big", signed=True), file_suffix=file_suffix)
    return hold_lock(lock, wait=0)
