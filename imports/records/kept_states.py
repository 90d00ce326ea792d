"""Where the states of an item before and after an import are kept: in saves, or in the row. Pure.

An import saves what a row held before, and notes the digest of what it left. What it left is
therefore what the next save of the row holds, or the row itself, where that has the same digest:
else somebody wrote the row in between, and the state is nowhere any more.
"""

from dataclasses import dataclass
from enum import StrEnum

from imports.plans.plan import Result, UndoResult

_WITHOUT_BEFORE = {Result.CREATE, Result.DUPLICATE}
_LEFT_ALONE = {Result.SKIP, Result.UNCHANGED, UndoResult.KEEP}


class Kept(StrEnum):
    """Where a state is."""

    NOTHING = "nothing"
    """There was no such item, or no more."""
    SAVE = "save"
    """A named save holds it."""
    NOW = "now"
    """The row holds it."""
    UNTOUCHED = "untouched"
    """The import wrote nothing: it is the same on both sides."""
    LOST = "lost"
    """It is not kept any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptState:
    """Where a state is; `save` is the number of the save that holds it."""

    kept: Kept
    save: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether the state can be shown beside another one."""
        return self.kept in {Kept.NOTHING, Kept.SAVE, Kept.NOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Something that holds a state of the row: a save by its number, or the row itself."""

    digest: str
    """Of the content; empty where it cannot be read any more."""
    save: int | None = None


def state_before(result: str, save: int | None) -> KeptState:
    """The state before an import with that result. `save` is the one that the import took."""
    if result in _LEFT_ALONE:
        return KeptState(kept=Kept.UNTOUCHED)
    if save is not None:
        return KeptState(kept=Kept.SAVE, save=save)
    return KeptState(kept=Kept.NOTHING if result in _WITHOUT_BEFORE else Kept.LOST)


def state_after(
    result: str,
    digest: str,
    *,
    leaves_deleted: bool,
    row: Holder,
    next_save: Holder | None,
) -> KeptState:
    """The state that an import with that result left; `digest` is of its content.

    `next_save` is the first one that was taken of the row afterwards.
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
