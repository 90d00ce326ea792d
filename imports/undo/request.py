"""The request for an undo, the same for every door."""

from dataclasses import dataclass, field

from imports.runs.request import RunRequest
from imports.undo.plans.plan import ConflictResolution, Decisions

AGAIN = "Run the undo again."
"""What to do where the plan of an undo is stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest(RunRequest):
    """The request for one undo, with its options."""

    record: int
    """The number of the run's record on that server."""
    conflicts: ConflictResolution | None = None
    """The resolution for conflicts without one in `decisions`; None refuses the undo."""
    decisions: Decisions = field(default_factory=dict)
    """The resolutions for single rows."""
