"""Where the states of an item before and after an import are kept: in named saves or the row.

An import saves the row's state before, and records the digest of the state after. That state is the
row's present one, or in the next named save of the row, if the digests are equal; else the row was
written in between, and the state is lost. Pure.
"""

from dataclasses import dataclass
from enum import StrEnum

from imports.plans.plan import Result, UndoResult

_WITHOUT_BEFORE = {Result.CREATE, Result.DUPLICATE}
_LEFT_ALONE = {Result.SKIP, Result.UNCHANGED, UndoResult.KEEP}


class Kept(StrEnum):
    """Where a state is kept."""

    NOTHING = "nothing"
    """The item did not exist, or was deleted."""
    SAVE = "save"
    """In a named save."""
    NOW = "now"
    """In the row."""
    UNTOUCHED = "untouched"
    """The import wrote nothing: the states before and after are the same."""
    LOST = "lost"
    """It is not kept any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """Where a state is kept; `save` is the number of its named save."""

    kept: Kept
    save: int | None = None

    @property
    def is_known(self) -> bool:
        """Return whether the state can be read and compared."""
        return self.kept in {Kept.NOTHING, Kept.SAVE, Kept.NOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Where a state of the row is kept: a named save by its number, or the row itself."""

    digest: str
    """Of the content; empty if it cannot be read any more."""
    save: int | None = None


def find_state_before(result: str, save: int | None) -> KeptState:
    """Return where the state before an import is kept; `save` is the named save it took."""
    if result in _LEFT_ALONE:
        return KeptState(kept=Kept.UNTOUCHED)
    if save is not None:
        return KeptState(kept=Kept.SAVE, save=save)
    return KeptState(kept=Kept.NOTHING if result in _WITHOUT_BEFORE else Kept.LOST)


def find_state_after(
    result: str,
    digest: str,
    *,
    leaves_deleted: bool,
    row: Holder,
    next_save: Holder | None,
) -> KeptState:
    """Return where the state after an import is kept; `digest` is of its content.

    `next_save` is the first named save that was taken of the row afterwards.
    """
    if result in _LEFT_ALONE:
        return KeptState(kept=Kept.UNTOUCHED)
    if leaves_deleted:
        return KeptState(kept=Kept.NOTHING)
    if digest and digest == row.digest:
        return KeptState(kept=Kept.NOW)
    if digest and next_save is not None and digest == next_save.digest:
        return KeptState(kept=Kept.SAVE, save=next_save.save)
    return KeptState(kept=Kept.LOST)
