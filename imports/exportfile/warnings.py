"""The warnings of a plan: a text for people, and a code with data for programs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flows.content.fields import Kind

Data = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""The values in a warning's text; for new destinations of secrets one object each."""


class WarningCode(StrEnum):
    """The codes of warnings about items, the gravest first.

    First is what breaks or what hides in a text, then what overwrites newer work, then names, then
    what is ignored.

    The warnings about destinations of secrets, and those about conflicts in an undo, have codes of
    their own, which are graver than these.
    """

    SECRET_RENAMED_IN_USE = "secret-renamed-in-use"  # noqa: S105 - a code
    DANGLING_REFERENCE = "dangling-reference"
    INVISIBLE_CHARACTERS = "invisible-characters"
    EDITED_HERE = "edited-here"
    OLDER_FILE = "older-file"
    RENAMES = "renames"
    SHARED_NAME = "shared-name"
    BROUGHT_BACK = "brought-back"
    VALUE_IGNORED = "value-ignored"
    DELETION_IGNORED = "deletion-ignored"
    LEFTOVER_FILES = "leftover-files"
    NO_NAME = "no-name"


OTHER = "other"
"""The code of a warning in an old record, which kept only the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    """A warning about an item of an import or an undo."""

    code: str
    text: str
    text_without_hosts: str = ""
    """The text for files that are kept, where it differs; "" where it does not."""

    data: Data = field(default_factory=dict)
    """The names, uuids, times and numbers in the text."""

    is_serious: bool = False
    """Whether it is shown in red and never left out: a stored value would be sent elsewhere, or a
    text is not what it looks like."""

    described_kinds: frozenset[Kind] = frozenset()
    """The kinds of the other rows that the text names."""

    @property
    def rank(self) -> int:
        """Return the sort key: 0 is the gravest."""
        return 0 if self.is_serious else _RANKS.get(self.code, 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the warning as plain values under the API's keys."""
        detail: dict[str, Any] = sort_keys(
            {
                "code": str(self.code),
                "text": self.text,
                "isSerious": self.is_serious,
                "data": self.data,
            }
        )
        return detail


def make_users_data(users: Iterable[tuple[Kind, str, str]], *, more: int) -> dict[str, Any]:
    """Return the data of a warning about what uses a row: kinds, uuids and names of the users."""
    listed = [{"kind": kind.value, "uuid": uuid, "name": name} for kind, uuid, name in users]
    return {"users": listed, "more": more}


def sort_keys(value: Any) -> Any:
    """Return a warning's dict with its keys in order: a database may return them in another."""
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda key: _KEY_RANKS.get(key, len(_KEY_RANKS)))
        return {key: sort_keys(value[key]) for key in ordered}
    return [*map(sort_keys, value)] if isinstance(value, list | tuple) else value


_RANKS = {code.value: rank for rank, code in enumerate(WarningCode, start=2)}
_KEYS = (
    *("code", "text", "isSerious", "data"),
    *("secret", "secretNames", "secretUuid", "kind", "uuid", "name"),
    *("environments", "oldDestinations", "newDestination"),
    *("from", "to", "target", "key", "record", "isUndo", "at", "by", "lastImportAt"),
    *("fileUpdatedAt", "lastUpdatedAt", "others", "users", "places", "path", "characters"),
    *("files", "more"),
)
_KEY_RANKS = {key: rank for rank, key in enumerate(_KEYS)}
