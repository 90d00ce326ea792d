"""Read the decisions for single rows of an undo, as imports.planfile.decisions does. Pure.

    {"UUID": "keep", "connection:UUID": "restore"}

A key is the uuid of a row, preceded by its kind where the run wrote that uuid in two kinds.
"""

from collections.abc import Mapping
from typing import Any

from flows.content.field_values import FieldProblem
from imports.planfile.decisions import Problems, read_file_with, read_key
from imports.undo.plans.plan import ConflictResolution, Decisions, GivenKey


def read_decision_file(data: bytes, *, max_bytes: int) -> Decisions:
    """Return the decisions in a file's bytes. Raise what imports.planfile.decisions does."""
    return read_file_with(read_decisions, data, max_bytes=max_bytes)


def read_decisions(values: Mapping[str, Any]) -> tuple[Decisions, Problems]:
    """Return the decisions in an object, and the problems of the others by key.

    The row of a decision without a kind is found later, when the rows are read.
    """
    decisions: dict[GivenKey, ConflictResolution] = {}
    problems: dict[str, FieldProblem] = {}
    for key, value in values.items():
        try:
            row, decision = read_key(key), _read_word(value)
            if row in decisions:
                message = "The same row is decided on twice. Keep one of the two."
                raise FieldProblem("duplicate-decision", message)
            decisions[row] = decision
        except FieldProblem as problem:
            problems[key] = problem
    return decisions, problems


def read_decision(word: str) -> ConflictResolution:
    """Return the decision with this word, in upper or lower case."""
    return ConflictResolution(word.lower())


def _read_word(value: Any) -> ConflictResolution:
    if not isinstance(value, str) or value.lower() not in list(ConflictResolution):
        raise FieldProblem(
            "invalid-decision", f"This must be one of {', '.join(ConflictResolution)}."
        )
    return read_decision(value)
