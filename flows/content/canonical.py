"""Canonical JSON: one text for one JSON value, so that equal values are equal texts.

Keys are sorted, there is no white space, and a number without a fraction is written without
one (`936.0` is `936`), as RFC 8785 asks; unlike there, integers keep all their digits. Documents
are kept in this form in text columns rather than in JSON columns: PostgreSQL's `jsonb` would
reorder keys and turn `1e300` into an integer, so that the two databases would not agree.
"""

import re
from typing import Any

import msgspec

# Beyond this, not every integer is a float: such numbers stay as they were written.
_EXACT_INTEGERS = 2**53
_WHOLE_FLOAT = re.compile(rb"\.0(?:[,\]}]|$)")


def encode(value: Any) -> str:
    """The canonical text of a JSON value made of dict, list, str, int, float, bool and None."""
    text = msgspec.json.encode(value, order="sorted")
    if _WHOLE_FLOAT.search(text):
        text = msgspec.json.encode(_WHOLE_NUMBERS.decode(text), order="sorted")
    return text.decode()


def decode(text: str) -> Any:
    """The JSON value of a canonical text. Raises msgspec.DecodeError where it is none."""
    return msgspec.json.decode(text)


def _number(digits: str) -> int | float:
    number = float(digits)
    return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGERS else number


_WHOLE_NUMBERS = msgspec.json.Decoder(float_hook=_number)

EMPTY_LIST = encode([])
EMPTY_OBJECT = encode({})
