"""Names of copies: `NAME (copy)`, `NAME (copy 2)` ..., for a secret `NAME_copy`. Pure."""

from collections.abc import Collection
from itertools import count

from flows.content.fields import NAME_MAX_LENGTH, Kind


def make_copy_name(kind: Kind, name: str, number: int) -> str:
    """Return the name of copy `number`, cut to the longest name. A secret's stays an identifier."""
    if kind is Kind.SECRET:
        suffix = "_copy" if number == 1 else f"_copy_{number}"
    else:
        suffix = " (copy)" if number == 1 else f" (copy {number})"
    return name[: NAME_MAX_LENGTH - len(suffix)] + suffix


def find_free_copy_name(kind: Kind, name: str, used: Collection[str]) -> str:
    """Return the name of the first copy that is not in `used`."""
    names = (make_copy_name(kind, name, number) for number in count(1))
    return next(copy for copy in names if copy not in used)
