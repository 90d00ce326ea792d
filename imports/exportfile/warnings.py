"""The warnings of a plan: what is told of an item, for people as a text, for programs as a code
with data. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flows.content.fields import Kind

Data = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""What a text says, in plain values: of new destinations of secrets one object each."""


class WarningCode(StrEnum):
    """What is warned of, the gravest first.

    What an import says of secrets that are sent elsewhere, and an undo of its conflicts, has
    codes of its own, which are graver than these.
    """

    SECRET_RENAMED_IN_USE = "secret-renamed-in-use"  # noqa: S105 - a code
    DANGLING_REFERENCE = "dangling-reference"
    EDITED_HERE = "edited-here"
    OLDER_FILE = "older-file"
    RENAMES = "renames"
    SHARED_NAME = "shared-name"
    BROUGHT_BACK = "brought-back"
    VALUE_IGNORED = "value-ignored"
    DELETION_IGNORED = "deletion-ignored"
    NO_VALUE = "no-value"
    NO_NAME = "no-name"


OTHER = "other"
"""The code of a warning of an old record, whose text alone was kept, and says no other code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    """What is to be known of an item before it is imported, or taken back."""

    code: str
    text: str
    text_without_hosts: str = ""
    """The text for what is kept in files, where that is another one."""

    data: Data = field(default_factory=dict)
    """The names, uuids, times and numbers that the text says."""

    is_serious: bool = False
    """Whether it is shown in red, and never left out: a stored value would be sent elsewhere."""

    tells_of: frozenset[Kind] = frozenset()
    """The kinds of other rows that the text names."""

    @property
    def rank(self) -> int:
        """To sort by: the gravest is 0."""
        return 0 if self.is_serious else _RANKS.get(self.code, 1)

    def as_dict(self) -> dict[str, Any]:
        """The warning in plain values, in the words of the API."""
        detail: dict[str, Any] = in_order(
            {
                "code": str(self.code),
                "text": self.text,
                "isSerious": self.is_serious,
                "data": self.data,
            }
        )
        return detail


def in_order(value: Any) -> Any:
    """A warning's dict with its keys in their order: a database may give them back in another."""
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda key: _KEY_RANKS.get(key, len(_KEY_RANKS)))
        return {key: in_order(value[key]) for key in ordered}
    return [*map(in_order, value)] if isinstance(value, list | tuple) else value


_RANKS = {code.value: rank for rank, code in enumerate(WarningCode, start=2)}
_KEYS = (
    *("code", "text", "isSerious", "data"),
    *("secret", "secretNames", "secretUuid", "hasValue", "kind", "uuid", "name"),
    *("environments", "oldDestinations", "newDestination", "changedKeys"),
    *("from", "to", "target", "key", "record", "isUndo", "at", "by", "lastImportAt"),
    *("fileUpdatedAt", "lastUpdatedAt", "others", "users", "more"),
)
_KEY_RANKS = {key: rank for rank, key in enumerate(_KEYS)}
