"""Why the API does not do what it was asked for: the rooms raise it, the door tells it.

Pure. The body is the one that every error of the API has; an issue has the keys that an import's
issues have. No message quotes a secret's value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flows.content.fields import Kind
from flows.counting import other_than_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a request: a stable code, where, and what to do."""

    code: str
    message: str
    path: str = ""
    """The place in the body, such as `nodes[3].data`, or the name of a parameter."""

    def as_dict(self) -> dict[str, str | None]:
        """In the order and under the keys of an import's issues."""
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
    warnings that would be told if it were carried out.
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
        """The body of the answer."""
        return {
            "message": self.message,
            "code": self.code,
            "issues": [problem.as_dict() for problem in self.problems],
            **({"warningDetails": list(self.details)} if self.details else {}),
        }


def invalid(problems: Sequence[Problem]) -> Refused:
    """The refusal of a request with these problems, one at least."""
    first = problems[0]
    told = f"{first.path}: {first.message}" if first.path else first.message
    message = told + other_than_first(problems)
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, first.code, message, problems)


def not_found(kind: Kind | str) -> Refused:
    """There is no such thing, or no more."""
    return Refused(HTTPStatus.NOT_FOUND, "not-found", f"There is no such {kind}.")


def not_permitted(
    reason: str,
    permission: str,
    problems: Sequence[Problem] = (),
    details: Sequence[Mapping[str, Any]] = (),
) -> Refused:
    """The caller lacks a permission that this very request needs; the problems say for what."""
    problem = Problem(code="not-permitted", message=f"Needs the permission {permission}.")
    return Refused(
        HTTPStatus.FORBIDDEN,
        "not-permitted",
        reason,
        [problem, *problems],
        remedy="An administrator can give the right.",
        details=details,
    )
