"""Read a JSON file given beside an export: one object, as strictly as an export, or in gzip.

Pure.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from flows.counting import format_problems
from flows.strict_json.problems import JSONProblem, UnreadDepthProblem
from flows.strict_json.read import read_value, split_top_level
from flows.texts import make_json_path
from imports.errors import FileInvalid, FileUnreadable, Issue
from imports.exportfile.gzipped import unpack
from imports.exportfile.size_limit import check_size

# The messages of strict JSON for these codes are about an export.
_MESSAGES = {
    "empty-file": "It is empty.",
    "wrong-top-level": "It must hold a JSON object.",
}


@contextmanager
def refuse_unreadable(what: str) -> Iterator[None]:
    """Raise FileUnreadable for a JSONProblem raised inside; `what` names the file ("plan")."""
    try:
        yield
    except JSONProblem as problem:
        issue = make_issue(problem)
        raise FileUnreadable(
            issue.code, f"The {what} file cannot be read. {format_problems([issue])}", [issue]
        ) from None


def read_object(data: bytes, *, max_bytes: int, what: str) -> dict[str, msgspec.Raw]:
    """Return the raw values of the object by key. Raise FileTooLarge or FileUnreadable."""
    with refuse_unreadable(what):
        data = unpack(data, max_bytes=max_bytes, what=what)
        check_size(data, max_bytes, what=what)
        values = split_top_level(data)
        if isinstance(values, msgspec.Raw):
            raise JSONProblem("wrong-top-level", "")
        return values


def read_part(raw: msgspec.Raw, *place: str | int) -> Any:
    """Return the value of a part of the file; `place` is its path. Raise JSONProblem."""
    try:
        return read_value(raw, outer_depth=len(place))
    except UnreadDepthProblem:
        raise
    except JSONProblem as problem:
        problem.path = (*place, *problem.path)
        raise


def make_issue(problem: JSONProblem) -> Issue:
    """Return the problem as an issue with its path in the file."""
    message = _MESSAGES.get(problem.code, problem.message)
    return Issue(code=problem.code, message=message, path=make_json_path(*problem.path))


def make_invalid_refusal(what: str, issues: Sequence[Issue]) -> FileInvalid:
    """Return the refusal of a `what` file that is JSON but has wrong content."""
    message = f"The {what} file is refused. {format_problems(issues)}"
    return FileInvalid(issues[0].code, message, issues)
