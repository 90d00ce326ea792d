"""The warnings of a plan: what is told of an item, with a code for programs. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from flows.content.fields import Kind


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    """What is to be known of an item before it is imported, or taken back."""

    code: str
    text: str
    is_serious: bool = False
    """Whether it is shown in red, and never left out: a stored value would be sent elsewhere."""

    tells_of: frozenset[Kind] = frozenset()
    """The kinds of other rows that the text names."""

    @property
    def rank(self) -> int:
        """To sort by: the gravest is 0."""
        return 0 if self.is_serious else _RANKS.get(self.code, 1)


_RANKS = {code.value: rank for rank, code in enumerate(WarningCode, start=2)}
