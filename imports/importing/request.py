"""The request for an import, the same for every door."""

from dataclasses import asdict, dataclass, field
from typing import Any

from imports.exportfile.directory.reading import LooseFiles
from imports.planfile.decisions import GivenDecision
from imports.planfile.shape import SavedPlan
from imports.plans.decisions import Decisions
from imports.plans.plan import PRUNE_LIMIT, Mode
from imports.runs.request import RunRequest

AGAIN = "Run the import again."
"""What to do where the plan of an import is stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOrigin:
    """The kept plan that an import applies, and what it was made for."""

    plan: int
    """Its number."""
    key: str
    link: str
    title: str
    commit: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as the record keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest(RunRequest):
    """The request for one import, with its options."""

    payload: bytes = field(default=b"", repr=False)
    """The bytes of the file, also in gzip or an archive, which the service unpacks first."""
    packed: bytes | LooseFiles | None = field(default=None, repr=False)
    """What the service unpacks `payload` from, and what it did: a door gives a directory so.

    None for a file that is not packed.
    """
    file_name: str
    """For the record and for messages; the file is never opened by it."""
    mode: Mode
    override_locks: bool = False
    prune: bool = False
    """Whether rows that left the directory which the file is are soft-deleted."""
    prune_limit: int = PRUNE_LIMIT
    """How many rows may be; more refuse the import."""
    decisions: Decisions = field(default_factory=dict)
    """Decisions for single items, which override the mode."""
    given_decisions: tuple[GivenDecision, ...] = ()
    """Decisions as in a decisions file; `decisions` are made from them when the export is read."""
    only: tuple[str, ...] = ()
    """Items by name or uuid: all others but what these use are left out. Empty for the whole file.

    `decisions` are completed from it when the export is read.
    """
    accept: tuple[str, ...] = ()
    """The codes of warnings that the user acknowledges: see imports.plans.acknowledgement."""
    accept_shown: frozenset[str] | None = None
    """The keys of the warnings that were shown, and are acknowledged; None for all of the codes."""
    saved_plan: SavedPlan | None = field(default=None, repr=False)
    """The plan to apply exactly, or not at all. Its mode, locks, pruning and decisions count."""
    origin: PlanOrigin | None = None
    """The kept plan that this applies, for the record."""
