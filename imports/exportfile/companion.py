"""A JSON file that is given beside an export: one object, read as strictly as an export. Pure."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from flows.counting import other_than_first
from imports.errors import (
    FileInvalid,
    FileTooLarge,
    FileUnreadable,
    Issue,
    json_path,
)
from imports.exportfile.json_problems import JSONProblem
from imports.exportfile.strict_json import read_value, split_top_level

# What strict JSON says of these is meant for an export.
_MESSAGES = {
    "empty-file": "It is empty.",
    "wrong-top-level": "It must hold a JSON object.",
}


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Tell the problems of the `what` file ("plan") that are found inside as FileUnreadable."""
    try:
        yield
    except JSONProblem as problem:
        issue = issue_of(problem)
        raise FileUnreadable(
            issue.code, f"The {what} file cannot be read. {_told(issue)}", [issue]
        ) from None


def read_object(data: bytes, *, max_bytes: int, what: str) -> dict[str, msgspec.Raw]:
    """The raw values of the object by key. Raises FileTooLarge and FileUnreadable."""
    if len(data) > max_bytes:
        raise FileTooLarge(
            "too-large",
            f"The {what} file is larger than the {max_bytes:,} bytes that this server takes. "
            "Export fewer flows at a time, or raise ZIGGY_MAX_IMPORT_BYTES.",
        )
    with reading(what):
        values = split_top_level(data)
        if isinstance(values, msgspec.Raw):
            raise JSONProblem("wrong-top-level", "")
        return values


def read_part(raw: msgspec.Raw, *place: str | int) -> Any:
    """The value that stands at this place in the file. Raises JSONProblem."""
    try:
        return read_value(raw, outer_depth=len(place))
    except JSONProblem as problem:
        problem.path = (*place, *problem.path)
        raise


def issue_of(problem: JSONProblem) -> Issue:
    """The problem, with its path in the file."""
    message = _MESSAGES.get(problem.code, problem.message)
    return Issue(code=problem.code, message=message, path=json_path(*problem.path))


def invalid(what: str, issues: Sequence[Issue]) -> FileInvalid:
    """The refusal of a `what` file that is JSON, but does not say what it must."""
    told = f"The {what} file is refused. {_told(issues[0])}{other_than_first(issues)}"
    return FileInvalid(issues[0].code, told, issues)


def _told(issue: Issue) -> str:
    return f"{issue.path}: {issue.message}" if issue.path else issue.message
