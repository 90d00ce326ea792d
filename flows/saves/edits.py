"""What is kept of a row before somebody edits it by hand, for whoever needs its earlier state."""

from collections.abc import Callable

from flows.models import Item
from flows.users import User

PRE_EDIT = "Pre edit"
"""The name of the save of a row before it is edited."""

EditKeeper = Callable[[Item, User], None]
"""Called with the row as it is before, locked, in the transaction of the edit."""

_keepers: list[EditKeeper] = []


def register_keeper(keeper: EditKeeper) -> None:
    """Register what an app keeps of a row before it is edited, when Django starts."""
    _keepers.append(keeper)


def keep_before_edit(before: Item, after: Item, *, user: User) -> None:
    """Let the apps keep what they need of the row, where the edit changes its content."""
    if before.content != after.content:
        for keeper in _keepers:
            keeper(before, user)
