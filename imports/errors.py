"""The errors of imports and undos: one family, which each door translates into its own form.

Each has a stable code, the HTTP status of the API and the exit code of the command (section 1 of
the flow import page). The message says what is wrong and what to do.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from flows.content.fields import Kind

RETRY_AFTER = 5
"""Seconds to wait before asking again, while another run has the lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One problem of a file or a plan, with its path in the file."""

    code: str
    message: str
    path: str = ""
    """The JSON path in the file, such as `flows[3].name`."""
    uuid: str | None = None
    """The uuid and name of the item as in the file, where they could be read."""
    name: str | None = None
    described_kinds: frozenset[Kind] = frozenset()
    """The kinds of rows that the message describes, other than the item's own."""

    def as_dict(self) -> dict[str, Any]:
        """Return the issue under the keys of the specification, in their order."""
        values = asdict(self)
        return {key: values[key] for key in ("code", "path", "uuid", "name", "message")}


class UnableToImport(Exception):  # noqa: N818 - the name says what happened
    """An import or undo that was refused or failed; nothing was written but its record.

    `code` is stable; `message` is for people: `reason`, followed by `remedy` where there is one.
    `issues` are all problems that were found.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    exit_code: ClassVar[int] = 1
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same request may succeed; None where waiting does not help."""
    cause: str = ""
    """The database's own error, for administrators only: it may name hosts."""

    def __init__(
        self, code: str, reason: str, issues: Sequence[Issue] = (), *, remedy: str = ""
    ) -> None:
        self.code = code
        self.reason = reason
        """What is wrong; it may end with what to do, where `remedy` is empty."""
        self.remedy = remedy
        """The state of the data after the refusal, and what to do."""
        self.message = f"{reason} {remedy}" if remedy else reason
        self.issues = tuple(issues)
        super().__init__(self.message)


class FileUnreadable(UnableToImport):
    """The file is not strict JSON in UTF-8."""

    status = HTTPStatus.BAD_REQUEST
    exit_code = 3


class FileTooLarge(FileUnreadable):
    """The content of the file is larger than ZIGGY_MAX_IMPORT_BYTES."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class FileInvalid(UnableToImport):
    """The file is JSON, but not an export; `issues` has every problem."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    exit_code = 3


class PlanRefused(UnableToImport):
    """The file is valid, but cannot be imported into this server; `issues` has every reason."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    exit_code = 3


class NeedsAcknowledgement(PlanRefused):
    """Warnings of the plan must be acknowledged first; `issues` has every one that is not."""


class NoSuchRecord(UnableToImport):
    """The server has no record of that number."""

    status = HTTPStatus.NOT_FOUND
    exit_code = 3


class NotUndoable(UnableToImport):
    """The run is not in effect, or has nothing to undo."""

    status = HTTPStatus.CONFLICT
    exit_code = 3


class AlreadyUndone(NotUndoable):
    """The run was undone before."""


class UndoRefused(UnableToImport):
    """The undo would lose later changes; `issues` has every reason."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    exit_code = 3
    rows_to_decide: int = 0
    """How many rows in conflict may be kept or restored."""
    rows_to_keep: int = 0
    """How many can only be kept."""


class ImportLocked(UnableToImport):
    """Another import is running on the database."""

    status = HTTPStatus.CONFLICT
    exit_code = 4
    retry_after = RETRY_AFTER


class RunCancelled(UnableToImport):
    """The run was called off before its write began."""

    status = HTTPStatus.CONFLICT
    exit_code = 3

    def __init__(self) -> None:
        super().__init__("cancelled", "It was cancelled before its write began.")


class TooLate(UnableToImport):
    """The run cannot be called off: it writes, has ended, or was never in the background."""

    status = HTTPStatus.CONFLICT
    exit_code = 3


class StalePlan(UnableToImport):
    """The plan that was made or confirmed is no longer what would happen."""

    status = HTTPStatus.CONFLICT
    exit_code = 5


class BackupFailed(UnableToImport):
    """The database could not be backed up."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    exit_code = 6


class NotPermitted(UnableToImport):
    """The user lacks a permission that this needs."""

    status = HTTPStatus.FORBIDDEN
    exit_code = 7
    permissions: tuple[str, ...] = ()
    """Those that are missing, where the refusal is for that."""
    account: int | None = None
    """The number of the user's account, where it is known."""
    is_logged = False
    """Whether the security event of this refusal was logged: see imports.refusal_events."""


class WrongServer(UnableToImport):
    """The named server is neither this instance nor a registered one."""

    status = HTTPStatus.NOT_FOUND
    exit_code = 8


class WrongEncryptionKey(UnableToImport):
    """The configured keys do not decrypt the stored secrets."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class ImportFailed(UnableToImport):
    """An unexpected error stopped the import; the data is as before."""
