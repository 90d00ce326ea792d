"""Recognise placeholders that are shown instead of a secret value. Pure.

A client that reads a secret, changes its description and sends all of it back must not make the
mask the new value.
"""

import re

_PLACEHOLDER = re.compile(
    r"""
    [*•●]+ | x{3,}
    | [\[<({*_]+ \s* (?:WORD) (?:[ _-]?(?:value|secret))? \s* [\]>)}*_]+
    | redacted | encrypted | masked
    """.replace(
        "WORD",
        "redacted|encrypted|masked|hidden|secret|removed|protected|sensitive|obfuscated|filtered|"
        "unchanged|write-?only",
    ),
    re.VERBOSE | re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """Return whether the text is a mask such as `********` or `[REDACTED]`, with any brackets."""
    return _PLACEHOLDER.fullmatch(value.strip()) is not None
