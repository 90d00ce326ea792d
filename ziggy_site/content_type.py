"""Clean the Content-Type of a request, before Django reads it. Pure."""

import re

_BOUNDARY = re.compile(r'(?:^|;)\s*boundary=("[^"]*"|[^;]*)', re.IGNORECASE)


def clean_content_type(value: str) -> str:
    """Return the media type with at most one parameter, the boundary between parts.

    All bodies are UTF-8, so the charset is dropped. Django decodes the query by whatever charset is
    named: with some of Python's codecs it raises, before an error can be answered.
    """
    media_type, _, parameters = value.partition(";")
    boundary = _BOUNDARY.search(parameters)
    return f"{media_type.strip()}; boundary={boundary[1]}" if boundary else media_type.strip()
