"""A plan as a page shows it for decisions: stored, filtered, compared with the next. Pure.

It has no content of items, so that it can be stored beside the file and read quickly, however large
the file is.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from flows.change_summary import summarize_fields
from flows.content.fields import Kind
from flows.texts import make_json_path
from imports.errors import Issue, UnableToImport
from imports.planfile.acknowledgement import PageWarning
from imports.planfile.changes import ChangeOf, PlanChange
from imports.planfile.page_parts import (
    CandidatesOfItems,
    PageCandidate,
    PageField,
    PageIssue,
    PageRow,
    make_candidates,
    make_page_fields,
    make_page_row,
)
from imports.planfile.snapshot import (
    ItemKey,
    ItemSnapshot,
    PlanSnapshot,
    RowSnapshot,
    make_confirmation_token,
    make_snapshot,
)
from imports.planfile.wording import format_prunable
from imports.plans.decisions import Decisions, ItemAction, ItemDecision
from imports.plans.matching import MatchMethod
from imports.plans.plan import Change, Mode, Plan, Result, get_destination_keys
from imports.plans.pruning import make_pruned_path

_FASTEST = 1


class PageItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the plan with its result."""

    kind: Kind
    uuid: str
    """In lower case, as in decisions."""
    name: str
    result: Result
    method: MatchMethod
    target_uuid: str
    target_name: str
    row: PageRow | None = None
    """The row that the item matches, or the soft-deleted one that it restores."""
    fields: tuple[PageField, ...] = ()
    inside: tuple[str, ...] = ()
    """What changes inside a flow or a connection, or what is new: see flows.change_summary."""
    warnings: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    """The texts of the serious warnings, shown in red."""
    retargets: bool = False
    candidates: tuple[PageCandidate, ...] = ()
    decided_mode: Mode | None = None
    decided_target: str | None = None
    decided_action: ItemAction | None = None
    issue_codes: tuple[str, ...] = ()
    """The code of each of `issues`; empty in plans of earlier releases."""
    before: str | None = None
    """The digest of the row's content when the plan was made."""
    destinations: tuple[tuple[str, ...], ...] | None = None
    """The new destinations of stored secrets; None where they were not kept."""
    difference: str = msgspec.field(name="news", default="")
    """The difference from the plan that was shown before."""

    @property
    def words(self) -> tuple[str, ...]:
        """Return what changes, in a few words."""
        return summarize_fields(self.fields, self.inside)

    @property
    def decision(self) -> ItemDecision:
        """Return what is decided for the item."""
        return ItemDecision(
            mode=self.decided_mode, target_uuid=self.decided_target, action=self.decided_action
        )

    @property
    def is_left_out(self) -> bool:
        """Return whether the import is planned as if the file did not have the item."""
        return self.result is Result.SKIP and self.method is MatchMethod.UNMATCHED

    @property
    def is_pruned(self) -> bool:
        """Return whether it is a row that is pruned, and no item of the file."""
        return self.result is Result.PRUNE

    @property
    def is_matched(self) -> bool:
        """Return whether the item matches a row, so that there is something to decide."""
        return self.method is not MatchMethod.UNMATCHED and not self.is_pruned

    @property
    def other_warnings(self) -> list[str]:
        """Return the warnings that are not in `alarms`."""
        return [warning for warning in self.warnings if warning not in self.alarms]

    @property
    def needs_attention(self) -> bool:
        """Return whether the item should be reviewed before confirming."""
        return bool(self.warnings or self.issues or self.difference)


class PlanPage(msgspec.Struct, frozen=True, kw_only=True):
    """A whole plan as it was shown."""

    token: str = msgspec.field(name="fingerprint")
    """The confirmation token of the plan."""
    items: tuple[PageItem, ...]
    refusal: str = ""
    """Why the plan cannot be applied; "" where it can."""
    refusal_code: str = ""
    issues: tuple[PageIssue, ...] = ()
    unacknowledged: tuple[PageWarning, ...] = ()
    """The warnings that must be acknowledged before the plan is applied."""
    prune_hint: str = ""
    """What there is to say of rows that the directory lacks and that stay."""

    @property
    def counts(self) -> dict[Kind, Counter[Result]]:
        """Return the number of items of each kind by result."""
        counts: dict[Kind, Counter[Result]] = {kind: Counter() for kind in Kind}
        for item in self.items:
            counts[item.kind][item.result] += 1
        return counts

    @property
    def writes(self) -> bool:
        """Return whether any row is written."""
        return any(item.result.writes for item in self.items)

    @property
    def serious_items(self) -> list[PageItem]:
        """Return the items with a serious warning, shown before the list with its pages."""
        return [item for item in self.items if item.alarms]

    @property
    def different_items(self) -> list[PageItem]:
        """Return the items that differ from the plan that was shown before."""
        return [item for item in self.items if item.difference]


def make_page(
    plan: Plan,
    decisions: Decisions,
    *,
    refusal: UnableToImport | None = None,
    differences: Mapping[ItemKey, str] | None = None,
    summaries: Mapping[ItemKey, tuple[str, ...]] | None = None,
    candidates: CandidatesOfItems | None = None,
) -> PlanPage:
    """Return the page of the plan.

    By item are the `differences` from the plan shown before, `summaries` of what changes inside it,
    and what is known of its `candidates`.
    """
    issues: dict[tuple[str | None, str], list[Issue]] = {}
    for issue in plan.issues:
        issues.setdefault((issue.uuid, issue.path), []).append(issue)
    items = []
    for change in plan:
        key = change.item.kind, change.item.uuid
        of_item = issues.get((change.item.file_uuid, change.item.path), [])
        item = _make_page_item(change, decisions.get(key), of_item, (candidates or {}).get(key))
        difference, inside = (differences or {}).get(key, ""), (summaries or {}).get(key, ())
        if difference or inside:
            item = msgspec.structs.replace(item, difference=difference, inside=inside)
        items.append(item)
    return PlanPage(
        token=make_confirmation_token(make_snapshot(plan)),
        items=tuple(items),
        refusal=refusal.message if refusal else "",
        refusal_code=refusal.code if refusal else "",
        issues=tuple(
            PageIssue(code=issue.code, message=issue.message, path=issue.path)
            for issue in (refusal.issues if refusal else ())
        ),
        prune_hint=format_prunable(plan, how="only an import that prunes deletes what left it"),
    )


def make_page_snapshot(page: PlanPage) -> PlanSnapshot:
    """Return the snapshot of the plan that the page shows."""
    numbers: Counter[Kind] = Counter()
    items: list[ItemSnapshot] = []
    issues: list[Issue] = []
    for item in page.items:
        path = make_json_path(item.kind.plural, numbers[item.kind])
        if item.is_pruned:
            path = make_pruned_path(item.kind, item.uuid)
        numbers[item.kind] += 1
        items.append(_make_item_snapshot(item, path))
        if item.issues:
            message, uuid, name = item.issues[0], item.uuid, item.name
            issues.append(Issue(code="refused", message=message, path=path, uuid=uuid, name=name))
    return PlanSnapshot(items=tuple(items), issues=tuple(issues))


def find_differences(
    changes: Iterable[PlanChange], earlier: PlanPage, *, is_decided: bool
) -> dict[ItemKey, str]:
    """Return the most important change of each item since the page that was shown earlier.

    With `is_decided`, decisions were changed since: then only changes of rows count, and those of
    the earlier page are repeated.
    """
    differences: dict[ItemKey, str] = {}
    for change in changes:
        if change.key and (not is_decided or change.of in _OF_ROWS):
            differences.setdefault(change.key, change.issue.message)
    if is_decided:
        earlier_differences = {(item.kind, item.uuid): item.difference for item in earlier.items}
        return {**earlier_differences, **differences}
    return differences


_OF_ROWS = {ChangeOf.ROW, ChangeOf.MATCH}


def _make_item_snapshot(item: PageItem, path: str) -> ItemSnapshot:
    return ItemSnapshot(
        kind=item.kind,
        uuid=item.uuid,
        path=path,
        name=item.name,
        result=item.result,
        row=_make_row_snapshot(
            item.row, is_deleted=item.result is Result.CREATE, content=item.before
        )
        if item.row
        else None,
        candidates=tuple(_make_row_snapshot(row) for row in item.candidates),
        target_name=item.target_name,
        decision=item.decision or None,
        changed_keys=tuple(field.key for field in item.fields),
        retargets=item.retargets,
        destinations=item.destinations,
    )


def _make_row_snapshot(
    row: PageRow, *, is_deleted: bool = False, content: str | None = None
) -> RowSnapshot:
    return RowSnapshot(uuid=row.uuid, name=row.name, is_deleted=is_deleted, content=content)


def _make_page_item(
    change: Change,
    decision: ItemDecision | None,
    issues: Sequence[Issue],
    candidates: tuple[PageCandidate, ...] | None,
) -> PageItem:
    return PageItem(
        kind=change.item.kind,
        uuid=change.item.uuid,
        name=change.item.name,
        result=change.result,
        method=change.method,
        target_uuid=change.target_uuid,
        target_name=change.target_name,
        row=make_page_row(change.row) if change.row else None,
        fields=make_page_fields(change.fields),
        warnings=change.warnings,
        issues=tuple(issue.message for issue in issues),
        issue_codes=tuple(issue.code for issue in issues),
        alarms=tuple(each.text for each in change.all_warnings if each.is_serious),
        retargets=change.retargets,
        candidates=make_candidates(change.candidates) if candidates is None else candidates,
        decided_mode=decision.mode if decision else None,
        decided_target=decision.target_uuid if decision else None,
        decided_action=decision.action if decision else None,
        before=change.before,
        destinations=tuple(sorted(get_destination_keys(change.destination_warnings))),
    )


def pack_page(page: PlanPage) -> bytes:
    """Return the page as bytes for storage."""
    return zlib.compress(msgspec.json.encode(page), _FASTEST)


def unpack_page(packed: bytes) -> PlanPage:
    """Return the page from the bytes of `pack_page`."""
    return msgspec.json.decode(zlib.decompress(packed), type=PlanPage)
