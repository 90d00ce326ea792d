"""The request for an undo, the same for every door."""

from dataclasses import dataclass, field

from accounts.models import User
from imports.models import Door
from imports.undo.plans.plan import ConflictResolution, Decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """The request for one undo, with its options."""

    record: int
    """The number of the run's record on that server."""
    server: str
    """The friendly name of the server: this instance or a registered server."""
    door: Door
    user: User | None = None
    user_name: str
    with_backup: bool = True
    conflicts: ConflictResolution | None = None
    """The resolution for conflicts without one in `decisions`; None refuses the undo."""
    decisions: Decisions = field(default_factory=dict)
    """The resolutions for single rows."""
    idempotency_key: str | None = None
    """The key that lets the user repeat the request safely: see imports.runs.idempotency."""
    lock_wait: float | None = None
    """Seconds to wait for another run to release the lock; None for the server's setting."""
