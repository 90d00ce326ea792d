"""Read a file of decisions on single items, as a person writes it. Pure.

    {"decisions": {
        "UUID": "skip",
        "UUID": "UUID of the row that the item is",
        "UUID": "create",
        "UUID": "leave-out",
        "connection:UUID": {"mode": "overwrite", "target": "UUID of the row"}
    }}

A key is the uuid of an item in the export, preceded by its kind where the export has that uuid in
two kinds. A plan file has decisions in the same form.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flows.content.field_values import FieldProblem, read_uuid
from flows.content.fields import Kind
from flows.counting import format_others
from flows.texts import make_json_path, make_printable
from imports.errors import Issue, PlanRefused
from imports.exportfile.companion import (
    make_invalid_refusal,
    read_object,
    read_part,
    refuse_unreadable,
)
from imports.exportfile.document import ExportDocument
from imports.plans.decisions import Decisions, ItemAction, ItemDecision
from imports.plans.plan import Mode, Plan, Result

T = TypeVar("T")

Problems = Mapping[str, FieldProblem]
"""The problems of decisions, by their keys."""

DecisionValue = str | dict[str, str] | None
"""A decision as in a file: a mode, the uuid of a row, both, an action, or None."""

_KEY = "decisions"
_WHAT = "decisions"
_WORDS = {mode.value: mode for mode in Mode}
_ACTIONS = {action.value: action for action in ItemAction}
_EXPECTED = (
    "This must be skip, duplicate, overwrite, create, leave-out, the uuid of the row that the item "
    "is, or an object with a mode and a target."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDecision:
    """A decision as in a file, not yet matched with an item of an export."""

    key: str
    kind: Kind | None
    """None where the key has no kind."""
    uuid: str
    decision: ItemDecision

    @property
    def path(self) -> str:
        """Return its JSON path in the file."""
        return make_json_path(_KEY, self.key)


def read_decisions(data: bytes, *, max_bytes: int) -> tuple[GivenDecision, ...]:
    """Return the decisions in a file's bytes. Raise what `read_file_with` does."""
    return read_file_with(_read_given, data, max_bytes=max_bytes)


def read_file_with(
    read: Callable[[Mapping[str, Any]], tuple[T, Problems]], data: bytes, *, max_bytes: int
) -> T:
    """Return the result of `read` for the file's decisions by key.

    `read` returns its result and the problems by key. Raises FileTooLarge, FileUnreadable where the
    file is not strict JSON, and FileInvalid with every problem of every decision.
    """
    values = read_object(data, max_bytes=max_bytes, what=_WHAT)
    issues = [
        Issue(
            code="unknown-key",
            message=f"This key is unknown. The file's only key is {_KEY}.",
            path=make_json_path(key),
        )
        for key in values
        if key != _KEY
    ]
    given: Any = None
    if _KEY in values:
        with refuse_unreadable(_WHAT):
            given = read_part(values[_KEY], _KEY)
    if isinstance(given, dict):
        found, problems = read(given)
        issues += (
            Issue(
                code=problem.code,
                message=problem.message,
                path=f"{make_json_path(_KEY, key)}{problem.path}",
            )
            for key, problem in problems.items()
        )
    else:
        message = f"The file must have the key {_KEY}, with an object of decisions by uuid."
        issues.append(Issue(code="wrong-type", message=message, path=_KEY))
    if issues:
        raise make_invalid_refusal(_WHAT, issues)
    return found


def read_key(key: str) -> tuple[Kind | None, str]:
    """Return the kind, None where the key has none, and the uuid. Raise FieldProblem."""
    word, colon, uuid = key.partition(":")
    if colon and word not in list(Kind):
        message = f"Before the colon must stand the item's kind: {', '.join(Kind)}."
        raise FieldProblem("invalid-kind", message)
    return Kind(word) if colon else None, read_uuid(uuid if colon else key)


def _read_given(values: Mapping[str, Any]) -> tuple[tuple[GivenDecision, ...], Problems]:
    given: list[GivenDecision] = []
    problems: dict[str, FieldProblem] = {}
    for key, value in values.items():
        try:
            kind, uuid = read_key(key)
            decision = read_decision(value)
            given.append(GivenDecision(key=key, kind=kind, uuid=uuid, decision=decision))
        except FieldProblem as problem:
            problems[key] = problem
    return tuple(given), problems


def read_decision(value: Any) -> ItemDecision:
    """Return the decision of a file's value. Raise FieldProblem."""
    if isinstance(value, str):
        if value in _WORDS:
            return ItemDecision(mode=_WORDS[value])
        if value in _ACTIONS:
            return ItemDecision(action=_ACTIONS[value])
        return ItemDecision(target_uuid=_read_target(value, _EXPECTED))
    if not isinstance(value, dict) or not value:
        raise FieldProblem("invalid-decision", _EXPECTED)
    for key in value:
        if key not in ("mode", "target"):
            raise FieldProblem("unknown-key", "This key is unknown.", f".{make_printable(key)}")
    mode = value.get("mode", Mode.SKIP.value)
    if not isinstance(mode, str) or mode not in _WORDS:
        raise FieldProblem("invalid-decision", f"This must be one of {', '.join(_WORDS)}.", ".mode")
    return ItemDecision(
        mode=_WORDS[mode] if "mode" in value else None,
        target_uuid=_read_target(value["target"], "This must be the uuid of a row.", ".target")
        if "target" in value
        else None,
    )


def make_decision_value(decision: ItemDecision | None) -> DecisionValue:
    """Return the value for a file of this decision."""
    if not decision:
        return None
    if decision.action:
        return decision.action.value
    mode, target = decision.mode, decision.target_uuid
    if mode and target:
        return {"mode": mode.value, "target": target}
    return mode.value if mode else target


def match_decisions(given: Sequence[GivenDecision], document: ExportDocument) -> Decisions:
    """Return the decisions on the document's items. Raise PlanRefused with all that do not fit."""
    kinds: dict[str, list[Kind]] = {}
    for item in document:
        kinds.setdefault(item.uuid, []).append(item.kind)
    matched: dict[tuple[Kind, str], ItemDecision] = {}
    issues: list[Issue] = []
    for one in given:
        found = [kind for kind in kinds.get(one.uuid, ()) if one.kind in (None, kind)]
        if len(found) == 1 and (found[0], one.uuid) not in matched:
            matched[found[0], one.uuid] = one.decision
        else:
            issues.append(_make_unmatched_issue(one, found))
    if issues:
        first = issues[0]
        message = f"{first.path}: {first.message}{format_others(issues)}"
        raise PlanRefused(first.code, message, issues)
    return matched


def _make_unmatched_issue(given: GivenDecision, found: Sequence[Kind]) -> Issue:
    if not found:
        code = "unknown-item"
        message = f"The export has no {given.kind or 'item'} {given.uuid} to decide on."
    elif len(found) > 1:
        code = "ambiguous-uuid"
        keys = " or ".join(f"{kind}:{given.uuid}" for kind in found)
        message = f"The export has this uuid in several kinds. Say which one: {keys}."
    else:
        code = "duplicate-decision"
        message = f"The {found[0]} {given.uuid} is decided on twice. Keep one of the two."
    return Issue(code=code, message=message, path=given.path, uuid=given.uuid)


def find_skipped_nothing(plan: Plan, decisions: Decisions) -> Iterator[Issue]:
    """Yield an issue for each item that is to be skipped but has no row, and would be created."""
    for change in plan:
        item = change.item
        decision = decisions.get((item.kind, item.uuid))
        if decision and decision.mode is Mode.SKIP and change.result is Result.CREATE:
            yield item.make_issue(
                "nothing-to-skip",
                f"This {item.kind} is not on the server, so that there is nothing to skip: it "
                "would be created. Take the decision back, or export without it.",
            )


def _read_target(value: Any, message: str, path: str = "") -> str:
    try:
        return read_uuid(value)
    except FieldProblem:
        raise FieldProblem("invalid-decision", message, path) from None
