"""The lock of a job: held by the worker that carries it out, on whatever machine, and by the sweep.

It is the database's own, and ends with its holder, also when that is killed.
"""

from contextlib import AbstractContextManager
from hashlib import blake2b

from flows.database.locks import Lock, LockHandle, LockHeld, hold_lock

__all__ = ["LockHeld", "hold_job_lock"]


def hold_job_lock(number: int) -> AbstractContextManager[LockHandle]:
    """Hold the lock of the job with that number. Raises LockHeld where somebody else holds it."""
    digest = blake2b(f"background job {number}".encode(), digest_size=8).digest()
    lock = Lock(
        number=int.from_bytes(digest, "big", signed=True), file_suffix=f"background-{number}"
    )
    return hold_lock(lock, wait=0)
