"""The Content-Type of a request, before Django reads it. Pure."""

import re

_BOUNDARY = re.compile(r'(?:^|;)\s*boundary=("[^"]*"|[^;]*)', re.IGNORECASE)


def plain_content_type(value: str) -> str:
    """The media type, and of its parameters the boundary between parts alone.

    Everything here is UTF-8, so that a charset says nothing. Django decodes the query by whatever
    charset is named: with some of Python's codecs it raises, before anything can answer.
    """
    media_type, _, parameters = value.partition(";")
    boundary = _BOUNDARY.search(parameters)
    return f"{media_type.strip()}; boundary={boundary[1]}" if boundary else media_type.strip()
