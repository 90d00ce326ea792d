"""What a run that undoes another one is called: an undo, or the redo that undoes an undo. Pure.

How deep a run is says which: 0 an import, 1 its undo, 2 the redo, 3 the undo of that, and so on.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunName:
    """What a run is called that lies that deep above an import."""

    number: int
    """Of its record."""
    depth: int
    root: int | None
    """The number of the import at the beginning; None where its record is gone."""

    @property
    def is_redo(self) -> bool:
        """Whether the run brings back what an undo took away."""
        return self.depth > 0 and self.depth % 2 == 0

    @property
    def text(self) -> str:
        """What the run is: `import 12`, `undo of import 12`, `redo of import 12`."""
        if not self.depth:
            return self._root
        word = "redo" if self.is_redo else "undo"
        return f"{word} of {self._root}{_again(self.depth)}"

    @property
    def verb(self) -> str:
        """What undoing the run does to the import: undo or redo it."""
        return "Undo" if self.depth % 2 == 0 else "Redo"

    @property
    def short_undoing(self) -> str:
        """What undoing the run is called: `Undo import 12`, `Redo import 12`."""
        return f"{self.verb} {self._root}{_again(self.depth + 1)}"

    @property
    def undoing(self) -> str:
        """The same, with what is undone for it."""
        if not self.depth:
            return self.short_undoing
        done = "redid" if self.is_redo else "undid"
        return f"{self.short_undoing}: undo import {self.number}, which {done} it"

    @property
    def done(self) -> str:
        """What is so once the run is undone."""
        return f"{self._root} is {'undone' if self.verb == 'Undo' else 'redone'}".capitalize()

    @property
    def _root(self) -> str:
        return "an import" if self.root is None else f"import {self.root}"


def _again(depth: int) -> str:
    return " again" if depth > 2 else ""  # noqa: PLR2004 - after the first undo and redo
