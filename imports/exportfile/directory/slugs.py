"""Names of files and folders, made from the names of items. Pure.

They are ASCII in lower case, so that they are the same on every disk and in every URL.
"""

import re
import unicodedata

LONGEST = 60
_OTHERS = re.compile(r"[^a-z0-9]+")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin", "conout"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)


def make_slug(name: str, *, otherwise: str, longest: int = LONGEST) -> str:
    """Return the slug of a name; `otherwise` where nothing of the name is left."""
    words = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _OTHERS.sub("-", words).strip("-")[:longest].strip("-")
    if slug in _RESERVED:  # Windows has no files of these names
        return f"{slug}-{otherwise}"
    return slug or otherwise


class Slugs:
    """Gives each name a slug of its own: `-2` and so on where it was given before."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def give(self, slug: str) -> str:
        """Return the slug, or where it is taken the next one of it."""
        given, number = slug, self._last.get(slug, 1)
        while given in self._taken:
            number += 1
            given = f"{slug}-{number}"
        self._last[slug] = number
        self._taken.add(given)
        return given
