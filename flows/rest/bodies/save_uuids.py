"""The uuid of a named save in the API. Pure.

A named save is a version of django-reversion, which has a number and no uuid. The uuid has the
number in its last 62 bits, after a fixed prefix: it is stable for as long as the save exists,
and needs no table. It is a uuid of version 8, of which RFC 9562 leaves the bits to its maker, and
it is unique on one server only.
"""

from uuid import UUID

_PREFIX = UUID("666c6f77-7361-8765-8000-000000000000")
_MOST = 2**62 - 1


def make_save_uuid(number: int) -> UUID:
    """Return the uuid of the version with this number."""
    return UUID(int=_PREFIX.int | number)


def get_save_number(uuid: UUID) -> int | None:
    """Return the number of the version with this uuid; None where it is no save's."""
    number = uuid.int ^ _PREFIX.int
    return number if number <= _MOST else None
