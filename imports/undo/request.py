"""What somebody asks for who wants a run undone, through whatever door."""

from dataclasses import dataclass, field

from accounts.models import User
from imports.models import Door
from imports.undo.plans.plan import Decision, Decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """One undo that is asked for."""

    record: int
    """The number of the run's record, on that server."""
    server: str
    """The friendly name of the server: this instance's or a registered one's."""
    door: Door
    user: User | None = None
    user_name: str
    with_backup: bool = True
    conflicts: Decision | None = None
    """For every conflict that `decisions` says nothing of; None refuses them."""
    decisions: Decisions = field(default_factory=dict)
    """For single rows."""
    idempotency_key: str | None = None
    """Under which the user may ask again without a second undo: see imports.runs.idempotency."""
    lock_wait: float | None = None
    """Seconds to wait for another run to let go of the lock; None for the server's own."""
