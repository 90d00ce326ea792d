"""What somebody asks for, through whatever door."""

from dataclasses import dataclass, field

from accounts.models import User
from imports.decisions import Decisions
from imports.models import Door
from imports.plan import Mode


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
    idempotency_key: str | None = None
    """Under which the user may ask again without a second import: see imports.idempotency."""
