"""Refusals of the API: raised by the functions that do the work, answered by the views.

Pure. The body is that of all errors of the API; an issue has the keys of an import's issues. No
message quotes a secret's value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flows.content.fields import Kind
from flows.counting import format_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem of a request: a stable code, where it is, and what to do."""

    code: str
    message: str
    path: str = ""
    """The path in the body, such as `nodes[3].data`, or the name of a parameter."""

    def as_dict(self) -> dict[str, str | None]:
        """Return it under the keys of an import's issues, in their order."""
        return {
            "code": self.code,
            "path": self.path,
            "uuid": None,
            "name": None,
            "message": self.message,
        }


class Refused(Exception):  # noqa: N818 - the name says what happened
    """The request is not carried out, and nothing was written.

    `message` is for people: the `reason`, and the `remedy` where there is one. `details` are the
    warnings that it would have if it were carried out.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        reason: str,
        problems: Sequence[Problem] = (),
        *,
        remedy: str = "",
        details: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.details = tuple(details)
        self.status = status
        self.code = code
        self.reason = reason
        self.remedy = remedy
        self.message = f"{reason} {remedy}" if remedy else reason
        self.problems = tuple(problems)
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "message": self.message,
            "code": self.code,
            "issues": [problem.as_dict() for problem in self.problems],
            **({"warningDetails": list(self.details)} if self.details else {}),
        }


def make_invalid_refusal(problems: Sequence[Problem]) -> Refused:
    """Return the refusal of a request with these problems, one at least."""
    message = format_problems(problems)
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, problems[0].code, message, problems)


def make_not_found_refusal(kind: Kind | str) -> Refused:
    """Return the refusal for something that does not exist, or no longer."""
    return Refused(HTTPStatus.NOT_FOUND, "not-found", f"There is no such {kind}.")


def make_permission_refusal(
    reason: str,
    permission: str,
    problems: Sequence[Problem] = (),
    details: Sequence[Mapping[str, Any]] = (),
) -> Refused:
    """Return the refusal for a missing permission; the problems are what it is needed for."""
    problem = Problem(code="not-permitted", message=f"Needs the permission {permission}.")
    return Refused(
        HTTPStatus.FORBIDDEN,
        "not-permitted",
        reason,
        [problem, *problems],
        remedy="An administrator can give the right.",
        details=details,
    )
