"""The markers that git leaves in a file where two branches changed the same lines. Pure."""

import re

_BEGINNING = re.compile(rb"^<{7} ", re.MULTILINE)
_MIDDLE = re.compile(rb"^={7}\r?$", re.MULTILINE)
_END = re.compile(rb"^>{7} ", re.MULTILINE)


def find_conflict(data: bytes) -> int | None:
    """Return the line, from 1, at which a conflict begins; None where there is none.

    A conflict has all three markers, in their order.
    """
    if b"<<<<<<< " not in data:
        return None
    beginning = _BEGINNING.search(data)
    middle = _MIDDLE.search(data, beginning.end()) if beginning else None
    if beginning is None or middle is None or _END.search(data, middle.end()) is None:
        return None
    return data.count(b"\n", 0, beginning.start()) + 1
