"""Write and read a plan as a file, to be reviewed, decided on and applied later unchanged. Pure.

It has the rows of the plan with digests of their contents that only their server can compute. It
has no content of items: no values and texts, no hosts, only the keys that change. The `decision` of
an item may be edited, in the form of a decisions file; a checksum over everything else detects
other edits.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from flows.content.field_values import FieldProblem
from flows.content.fields import Kind
from flows.content.representation import format_time
from flows.strict_json.problems import JSONProblem, UnreadDepthProblem
from flows.strict_json.read import split_list
from flows.texts import make_json_path, make_printable, quote
from imports.errors import Issue
from imports.exportfile.companion import (
    make_invalid_refusal,
    make_issue,
    read_object,
    read_part,
    refuse_unreadable,
)
from imports.planfile.decisions import make_decision_value
from imports.planfile.shape import (
    SavedAcknowledgement,
    SavedDrift,
    SavedFile,
    SavedIssue,
    SavedItem,
    SavedPlan,
    SavedPlanRow,
    SavedServer,
)
from imports.plans.decisions import Decisions, ItemDecision
from imports.plans.matching import Row
from imports.plans.plan import Change, Drift, Plan, Result

FORMAT = "flow-import-plan"
VERSION = 1

# Any number of items may have the same name, each with the same candidates.
_CANDIDATES_REPEATED = 10_000

_WHAT = "plan"
_ITEMS = "items"

T = TypeVar("T")

Digests = Mapping[tuple[Kind, int], str]
"""The digests of rows' contents, by kind and primary key."""


def make_saved_plan(
    plan: Plan,
    decisions: Decisions,
    digests: Digests,
    *,
    identity: str,
    file: SavedFile,
    created_at: str,
    created_by: str,
    accepted: Iterable[SavedAcknowledgement] = (),
) -> SavedPlan:
    """Return the plan in the form of its file. `digests` must have every row of the plan."""
    unsigned = SavedPlan(
        format=FORMAT,
        version=VERSION,
        checksum="",
        created_at=created_at,
        created_by=created_by,
        file=file,
        server=SavedServer(name=plan.server, identity=identity),
        mode=plan.mode,
        override_locks=plan.override_locks,
        counts={result.value: count for result, count in plan.counts.items()},
        issues=tuple(SavedIssue(**issue.as_dict()) for issue in plan.issues),
        items=tuple(
            _make_saved_item(
                change, decisions.get((change.item.kind, change.item.uuid)), candidates, digests
            )
            for change, candidates in zip(plan, _list_candidates(plan, digests), strict=True)
        ),
        accepted=tuple(accepted),
        prune=plan.prune,
        prune_limit=plan.prune_limit,
    )
    return msgspec.structs.replace(unsigned, checksum=_compute_checksum(unsigned))


def make_saved_row(kind: Kind, row: Row, digests: Digests) -> SavedPlanRow:
    """Return the row in the form of a plan's file."""
    return SavedPlanRow(
        uuid=row.uuid,
        name=row.name,
        is_deleted=row.is_deleted,
        content_hash=digests.get((kind, row.pk), ""),  # the row was purged just now
    )


def write_plan(plan: SavedPlan) -> bytes:
    """Return the bytes of the plan's file."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def read_plan(data: bytes, *, max_bytes: int) -> SavedPlan:
    """Return the plan in a file's bytes, with the decisions that were edited.

    Raises FileTooLarge, FileUnreadable where it is not strict JSON, and FileInvalid where it is not
    a plan, has another version, or was edited elsewhere than in its decisions.
    """
    values = read_object(data, max_bytes=max_bytes, what=_WHAT)
    with refuse_unreadable(_WHAT):
        header = {key: read_part(raw, key) for key, raw in values.items() if key != _ITEMS}
        if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
            raise make_invalid_refusal(_WHAT, [_make_not_a_plan_issue(header)])
        issues: list[Issue] = []
        items = tuple(_read_items(values.get(_ITEMS, msgspec.Raw(b"[]")), issues))
        plan = _read({**header, _ITEMS: ()}, SavedPlan, issues)
    if issues or plan is None:
        raise make_invalid_refusal(_WHAT, issues)
    plan = msgspec.structs.replace(plan, items=items)
    if plan.checksum != _compute_checksum(plan):
        message = (
            "It was edited elsewhere than in the decisions of its items, or not kept as a whole. "
            "Plan again, and edit nothing else."
        )
        raise make_invalid_refusal(_WHAT, [Issue(code="edited-plan", message=message)])
    if issues := [*_find_unlisted_targets(plan), *_find_unplanned_items(plan)]:
        raise make_invalid_refusal(_WHAT, issues)
    return plan


def _list_candidates(plan: Plan, digests: Digests) -> Iterator[tuple[SavedPlanRow, ...]]:
    """Yield the candidates of each item; none once very many were repeated.

    The first item of a name always has them, so that the size of a plan is limited by the numbers
    of its items and rows.
    """
    listed: dict[tuple[Kind, str], tuple[SavedPlanRow, ...]] = {}
    repeated = 0
    for change in plan:
        kind, name = change.item.kind, change.item.name
        if (kind, name) not in listed:
            rows = tuple(make_saved_row(kind, row, digests) for row in change.candidates)
            if rows:
                listed[kind, name] = rows
            yield rows
        elif repeated < _CANDIDATES_REPEATED:
            repeated += len(listed[kind, name])
            yield listed[kind, name] if change.candidates else ()
        else:
            yield ()


def _make_saved_item(
    change: Change,
    decision: ItemDecision | None,
    candidates: tuple[SavedPlanRow, ...],
    digests: Digests,
) -> SavedItem:
    item = change.item
    decided = make_decision_value(decision)
    return SavedItem(
        path=item.path,
        kind=item.kind,
        uuid=item.uuid,
        name=item.name,
        decision=decided,
        planned_decision=decided,
        result=change.result,
        match_method=change.method,
        target_uuid=None if change.result is Result.DUPLICATE else change.target_uuid,
        target_name=change.target_name,
        row=make_saved_row(item.kind, change.row, digests) if change.row else None,
        candidates=candidates,
        drift=_make_saved_drift(change.drift) if change.drift else None,
        changed_keys=tuple(field.key for field in change.fields),
        retargets=change.retargets,
        warnings=_list_texts_without_hosts(change),
    )


def _list_texts_without_hosts(change: Change) -> tuple[str, ...]:
    return tuple(warning.text_without_hosts or warning.text for warning in change.all_warnings)


def _make_saved_drift(drift: Drift) -> SavedDrift:
    return SavedDrift(
        last_import_at=format_time(drift.last_import_at),
        is_edited=drift.is_edited,
        edited_at=format_time(drift.edited_at) if drift.edited_at else None,
        edited_by=drift.edited_by or None,
        is_older=drift.is_older,
    )


def _make_not_a_plan_issue(header: Mapping[str, Any]) -> Issue:
    if header.get("format") == FORMAT:
        return Issue(
            code="unsupported-version",
            path="version",
            message=f"The plan has version {quote(str(header.get('version')))}, this server reads "
            f"{VERSION}. Plan again with this release.",
        )
    return Issue(code="no-plan", message="It is no plan: flow_import --plan-out writes one.")


def _read_items(raw: msgspec.Raw, issues: list[Issue]) -> Iterator[SavedItem]:
    try:
        elements = split_list(raw)
    except JSONProblem as problem:
        problem.path = (_ITEMS, *problem.path)
        issues.append(make_issue(problem))
        return
    for position, element in enumerate(elements):
        place = _ITEMS, position
        try:
            item = _read(read_part(element, *place), SavedItem, issues, make_json_path(*place))
            if item:
                _ = item.is_edited  # raises FieldProblem for an invalid decision
                yield item
        except UnreadDepthProblem:
            raise
        except JSONProblem as problem:
            issues.append(make_issue(problem))
        except FieldProblem as problem:
            path = f"{make_json_path(*place, 'decision')}{problem.path}"
            issues.append(Issue(code=problem.code, message=problem.message, path=path))


def _read(value: Any, shape: type[T], issues: list[Issue], path: str = "") -> T | None:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        message = f"This is not as it was written: {make_printable(str(error))}."
        issues.append(Issue(code="wrong-shape", message=message, path=path))
        return None


def _compute_checksum(plan: SavedPlan) -> str:
    """Return the digest of everything but the checksum and the decisions."""
    header = msgspec.structs.replace(plan, checksum="", items=())
    digest = sha256(msgspec.json.encode(header))
    for item in plan.items:
        digest.update(msgspec.json.encode(msgspec.structs.replace(item, decision=None)))
    return digest.hexdigest()


def _find_unlisted_targets(plan: SavedPlan) -> Iterator[Issue]:
    """Yield an issue for each edited decision with a row that the plan does not list."""
    listed = {(item.kind, row.uuid) for item in plan.items for row in item.rows}
    for item in plan.items:
        target = item.chosen_row
        if target and item.is_edited and (item.kind, target) not in listed:
            yield Issue(
                code="unlisted-target",
                path=item.path,
                uuid=item.uuid,
                name=item.name,
                message=f"The plan tells nothing of the {item.kind} {target}, so that nobody could "
                "say whether it is still the same. Choose a row that the plan lists, or plan again "
                "with this decision.",
            )


def _find_unplanned_items(plan: SavedPlan) -> Iterator[Issue]:
    """Yield an issue for each item that was left out, and is not by an edited decision."""
    for item in plan.items:
        if item.is_edited and item.is_left_out:
            yield Issue(
                code="not-planned",
                path=item.path,
                uuid=item.uuid,
                name=item.name,
                message=f"The plan was made without this {item.kind}, and tells nothing of it. "
                "Plan again with this decision.",
            )
