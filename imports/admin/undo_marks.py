"""What a page keeps of an undo that it shows: enough to say what was changed since. Pure.

A few letters for each row, in the order of the plan, which is the record's and never another.
"""

from base64 import b64encode
from hashlib import blake2b

import msgspec

from imports.undo.plans.plan import Key, UndoChange, UndoPlan

_BYTES = 3  # without padding in base64
_LETTERS = 4


def marks_of(plan: UndoPlan) -> str:
    """The marks of all rows as they are now, whatever is decided for them."""
    return "".join(_mark(change) for change in plan)


def changed_since(plan: UndoPlan, marks: str) -> set[Key]:
    """The rows of which the marks say that they were otherwise; without marks none."""
    return {
        change.key
        for number, change in enumerate(plan)
        if marks[number * _LETTERS : (number + 1) * _LETTERS] not in {"", _mark(change)}
    }


def _mark(change: UndoChange) -> str:
    state = msgspec.json.encode((change.pk, change.before, change.was_deleted))
    return b64encode(blake2b(state, digest_size=_BYTES).digest()).decode()
