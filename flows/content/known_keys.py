"""Keys of `extra` that have become fields since they were stored there. Pure.

Where the column is NULL, an export contains the stored value of an optional field still. What is
written under such a key takes the place of the stored value, null too.
"""

from collections.abc import Collection, Iterator

from flows.content import canonical
from flows.content.fields import EXTRA, FIELDS, Content, Field, Kind


def remove_known_keys(kind: Kind, extra: str, columns: Collection[str]) -> str:
    """Return the unknown keys without those whose columns are written."""
    if extra == canonical.EMPTY_OBJECT:
        return extra
    written = {field.key for field in FIELDS[kind] if field.column in columns}
    unknown = canonical.decode(extra)
    if not isinstance(unknown, dict) or written.isdisjoint(unknown):
        return extra
    return canonical.encode({key: unknown[key] for key in unknown if key not in written})


def find_cleared_fields(kind: Kind, stored: Content, content: Content) -> Iterator[Field]:
    """Yield the optional fields whose stored value is in `extra` alone, and which become null."""
    if stored[EXTRA] == canonical.EMPTY_OBJECT:
        return
    unknown = dict(canonical.decode(str(stored[EXTRA])))
    for field in FIELDS[kind]:
        is_cleared = field.optional and content.get(field.column, "") is None
        if is_cleared and stored[field.column] is None and unknown.get(field.key) is not None:
            yield field
