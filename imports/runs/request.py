"""What every run is asked for with, whatever it does."""

from dataclasses import dataclass

from flows.users import User
from imports.models import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """Where a run is asked for, by whom, and how it is to be carried out."""

    server: str
    """The friendly name of the target: this instance or a registered server."""
    door: Door
    user: User | None = None
    user_name: str
    with_backup: bool = True
    idempotency_key: str | None = None
    """The key that lets the user repeat the request safely: see imports.runs.idempotency."""
    queued_record: int | None = None
    """The record of a run that was queued, and is carried out now; None for any other run."""
    lock_wait: float | None = None
    """Seconds to wait for another run to release the lock; None for the server's setting."""
