"""What somebody asks for, through whatever door."""

from dataclasses import dataclass, field

from accounts.models import User
from imports.models import Door
from imports.planfile.decisions import GivenDecision
from imports.planfile.shape import SavedPlan
from imports.plans.decisions import Decisions
from imports.plans.plan import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """One import that is asked for."""

    payload: bytes = field(repr=False)
    file_name: str
    """For the record and for messages; never opened."""
    server: str
    """The friendly name of the target: this instance's or a registered server's."""
    mode: Mode
    door: Door
    user: User | None = None
    user_name: str
    with_backup: bool = True
    override_locks: bool = False
    decisions: Decisions = field(default_factory=dict)
    """For single items, where the mode is not what is wanted."""
    given_decisions: tuple[GivenDecision, ...] = ()
    """The same as a file has them: `decisions` are made of them when the export is read."""
    saved_plan: SavedPlan | None = field(default=None, repr=False)
    """The plan that is to be done exactly, or not at all. Mode, locks and decisions are its own."""
    idempotency_key: str | None = None
    """Under which the user may ask again without a second import: see imports.runs.idempotency."""
    lock_wait: float | None = None
    """Seconds to wait for another run to let go of the lock; None for the server's own."""
