"""What somebody decided for single rows of an undo, as a caller sends it or a file says it. Pure.

Callers send a list of objects such as `{"kind": "flow", "uuid": "...", "decision": "keep"}`; a file
is in the form of imports.decision_file, with the words keep and restore.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec

from flows.content import Kind
from flows.field_values import FieldProblem
from imports.decision_file import read_by_item
from imports.errors import FileInvalid, FileUnreadable, Issue, json_path
from imports.json_problems import JSONProblem
from imports.strict_json import read_value
from imports.undo.plan import Decision, Decisions, GivenKey

_KEYS = ("kind", "uuid", "decision")


def read_decision_file(data: bytes, *, max_bytes: int) -> Decisions:
    """The decisions in a file that a person wrote. Raises as imports.decision_file does."""
    found = read_by_item(data, max_bytes=max_bytes, read=_read_word)
    # Which row one without a kind means, or one that is there twice, is known with the rows only.
    return {(kind, uuid): decision for _, kind, uuid, decision in found}


def _read_word(value: Any) -> Decision:
    if not isinstance(value, str) or value.lower() not in list(Decision):
        raise FieldProblem("invalid-decision", f"This must be one of {', '.join(Decision)}.")
    return decision_of(value)


def read_decisions(data: bytes) -> Decisions:
    """The decisions in the JSON text of a list.

    Raises FileUnreadable and FileInvalid, with every problem.
    """
    try:
        values = read_value(msgspec.Raw(data))
    except UnicodeDecodeError:
        raise FileUnreadable("invalid-encoding", "The file is not UTF-8.") from None
    except JSONProblem as problem:
        raise FileUnreadable(problem.code, problem.message) from None
    return decisions_from(values)


def decisions_from(values: Any) -> Decisions:
    """The decisions that JSON values tell. Raises FileInvalid, with every problem."""
    if not isinstance(values, list):
        raise FileInvalid("invalid-decisions", "The decisions must be a list of objects.")
    decisions: dict[GivenKey, Decision] = {}
    issues: list[Issue] = []
    for number, value in enumerate(values):
        problems = list(_problems(number, value))
        issues += problems
        if problems:
            continue
        key = Kind(value["kind"]), str(UUID(value["uuid"]))
        if key in decisions:
            issues.append(_issue("The same row was decided on before.", number))
        decisions[key] = decision_of(value["decision"])
    if issues:
        first, more = issues[0], len(issues) - 1
        also = f" ({more} more problems)" if more else ""
        raise FileInvalid(first.code, f"{first.path}: {first.message}{also}", issues)
    return decisions


def decision_of(word: str) -> Decision:
    """The decision by its word, in upper or lower case."""
    return Decision(word.lower())


def _problems(number: int, value: Any) -> Iterator[Issue]:
    if not isinstance(value, Mapping) or set(value) != set(_KEYS):
        yield _issue(f"This must be an object with the keys {', '.join(_KEYS)} alone.", number)
        return
    if value["kind"] not in list(Kind):
        yield _issue(f"This must be one of {', '.join(Kind)}.", number, "kind")
    if str(value["decision"]).lower() not in list(Decision):
        yield _issue(f"This must be one of {', '.join(Decision)}.", number, "decision")
    try:
        UUID(value["uuid"])
    except (AttributeError, TypeError, ValueError):
        yield _issue("This must be the uuid of a row.", number, "uuid")


def _issue(message: str, *steps: str | int) -> Issue:
    return Issue(code="invalid-decisions", message=message, path=json_path("decisions", *steps))
