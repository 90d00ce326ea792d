"""The words of a form as values; a word that is none becomes an issue."""

import re
from collections.abc import Mapping, Sequence

from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.texts import quote
from imports.errors import Issue

Words = Mapping[str, Sequence[str]]
"""The words of each part, by its name."""

_BOOLEANS = {"true": True, "false": False}
_NUMBER = re.compile("[0-9]{1,9}")


def read_boolean(words: Words, part: str, issues: list[Issue]) -> bool:
    """Return whether the part says true; False where it is not sent."""
    sent = words.get(part, ["false"])
    value = _BOOLEANS.get(sent[0]) if len(sent) == 1 else None
    if value is None:
        message = "This must be true or false, once."
        issues.append(Issue(code="invalid-choice", path=part, message=message))
    return bool(value)


def read_number(words: Words, part: str, issues: list[Issue], *, default: int) -> int:
    """Return the number that the part says, from 0 on; the default where it is not sent."""
    sent = words.get(part)
    if sent is None:
        return default
    if len(sent) == 1 and _NUMBER.fullmatch(sent[0]):
        return int(sent[0])
    message = "This must be a number, 0 or more, once."
    issues.append(Issue(code="invalid-choice", path=part, message=message))
    return default


def read_codes(words: Words, part: str, issues: list[Issue]) -> tuple[str, ...]:
    """Return the codes of all parts, each of which may have several, separated by commas."""
    found = [code.strip() for word in words.get(part, ()) for code in word.split(",")]
    codes = tuple(dict.fromkeys(code for code in found if code))
    for code in codes:
        if code not in MAY_ACKNOWLEDGE:
            message = f"{quote(code)} is none of {', '.join(MAY_ACKNOWLEDGE)}."
            issues.append(Issue(code="invalid-choice", path=part, message=message))
    return codes
