"""Name a run that undoes another: an undo, or the redo that undoes an undo. Pure.

The depth of a run is 0 for an import, 1 for its undo, 2 for the redo, 3 for the undo of that, and
so on.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunName:
    """The name of a run of that depth."""

    number: int
    """The number of its record."""
    depth: int
    root: int | None
    """The number of the import at depth 0; None where its record is gone."""

    @property
    def is_redo(self) -> bool:
        """Return whether the run restores what an undo reverted."""
        return self.depth > 0 and self.depth % 2 == 0

    @property
    def text(self) -> str:
        """Return the run's name: `import 12`, `undo of import 12`, `redo of import 12`."""
        if not self.depth:
            return self._root
        word = "redo" if self.is_redo else "undo"
        return f"{word} of {self._root}{_format_again(self.depth)}"

    @property
    def verb(self) -> str:
        """Return the effect on the import of undoing the run: `Undo` or `Redo`."""
        return "Undo" if self.depth % 2 == 0 else "Redo"

    @property
    def short_undoing(self) -> str:
        """Return the name of undoing the run: `Undo import 12`, `Redo import 12`."""
        return f"{self.verb} {self._root}{_format_again(self.depth + 1)}"

    @property
    def undoing(self) -> str:
        """Return the same, followed by the run that is undone for it."""
        if not self.depth:
            return self.short_undoing
        done = "redid" if self.is_redo else "undid"
        return f"{self.short_undoing}: undo import {self.number}, which {done} it"

    @property
    def done(self) -> str:
        """Return the result of undoing the run: `Import 12 is undone`."""
        return f"{self._root} is {'undone' if self.verb == 'Undo' else 'redone'}".capitalize()

    @property
    def _root(self) -> str:
        return "an import" if self.root is None else f"import {self.root}"


def _format_again(depth: int) -> str:
    return " again" if depth > 2 else ""  # noqa: PLR2004 - after the first undo and redo
