"""Canonical JSON: one text for each JSON value, so that equal values have equal texts.

Keys are sorted, there is no white space, and a number without a fraction is written without
one (`936.0` is `936`), as RFC 8785 asks; unlike there, integers keep all their digits. Documents
are stored in this form in text columns, not in JSON columns: PostgreSQL's `jsonb` would reorder
keys and turn `1e300` into an integer, so that the two databases would differ.
"""

import re
from typing import Any

import msgspec

# Beyond this, not every integer is a float: such numbers stay as they were written.
_EXACT_INTEGERS = 2**53
_WHOLE_FLOAT = re.compile(rb"\.0(?:[,\]}]|$)")


def encode(value: Any) -> str:
    """Return the canonical text of a value made of dict, list, str, int, float, bool and None."""
    text = msgspec.json.encode(value, order="sorted")
    if _WHOLE_FLOAT.search(text):
        text = msgspec.json.encode(_WHOLE_NUMBERS.decode(text), order="sorted")
    return text.decode()


def decode(text: str) -> Any:
    """Return the JSON value of a canonical text. Raises msgspec.DecodeError for any other text."""
    return msgspec.json.decode(text)


def _read_number(digits: str) -> int | float:
    number = float(digits)
    return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGERS else number


_WHOLE_NUMBERS = msgspec.json.Decoder(float_hook=_read_number)

EMPTY_LIST = encode([])
EMPTY_OBJECT = encode({})
