"""The warnings that may have to be acknowledged. Pure."""

MAY_ACKNOWLEDGE = {
    "secret-to-new-destination": "Stored secrets go to other destinations",
    "code-uses-secret": "Code uses stored secrets that it did not use",
    "edited-here": "What was edited on this server is overwritten",
    "older-file": "Newer content is overwritten by older",
    "invisible-characters": "Code or names read as something else than they are",
}
"""The codes of warnings that the setting may name, the gravest first, as people read them."""
