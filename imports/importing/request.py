"""The request for an import, the same for every door."""

from dataclasses import dataclass, field

from accounts.models import User
from imports.models import Door
from imports.planfile.decisions import GivenDecision
from imports.planfile.shape import SavedPlan
from imports.plans.decisions import Decisions
from imports.plans.plan import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """The request for one import, with its options."""

    payload: bytes = field(repr=False)
    file_name: str
    """For the record and for messages; the file is never opened by it."""
    server: str
    """The friendly name of the target: this instance or a registered server."""
    mode: Mode
    door: Door
    user: User | None = None
    user_name: str
    with_backup: bool = True
    override_locks: bool = False
    decisions: Decisions = field(default_factory=dict)
    """Decisions for single items, which override the mode."""
    given_decisions: tuple[GivenDecision, ...] = ()
    """Decisions as in a decisions file; `decisions` are made from them when the export is read."""
    saved_plan: SavedPlan | None = field(default=None, repr=False)
    """The plan to apply exactly, or not at all. Mode, locks and decisions are taken from it."""
    idempotency_key: str | None = None
    """The key that lets the user repeat the request safely: see imports.runs.idempotency."""
    lock_wait: float | None = None
    """Seconds to wait for another run to release the lock; None for the server's setting."""
