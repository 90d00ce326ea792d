"""A plan as it was shown to somebody who decides on it: kept, filtered, and held against the next.

Pure. It has no content of any item, so that it can be kept beside the file and is quick to read,
however large that is.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from flows.content.fields import Kind
from imports.errors import UnableToImport
from imports.plans.decisions import Decision, Decisions
from imports.plans.matching import MatchMethod
from imports.plans.plan import Change, Mode, Plan, Result

_FASTEST = 1


class ShownField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that an overwrite changes: see imports.plans.plan.FieldChange."""

    key: str
    before: str | None = None
    after: str | None = None


class ShownRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the server, to link to."""

    pk: int
    uuid: str
    name: str


class ShownIssue(msgspec.Struct, frozen=True, kw_only=True):
    """A reason why there can be no import."""

    code: str
    message: str
    path: str = ""


class ShownItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the file with what happens to it."""

    kind: Kind
    uuid: str
    """In lower case, as decisions have it."""
    name: str
    result: Result
    method: MatchMethod
    target_uuid: str
    target_name: str
    row: ShownRow | None = None
    """The row that the item is, or the deleted one that it brings back."""
    fields: tuple[ShownField, ...] = ()
    warnings: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    """The serious ones of the warnings: to be shown in red."""
    retargets: bool = False
    candidates: tuple[ShownRow, ...] = ()
    decided_mode: Mode | None = None
    decided_target: str | None = None
    before: str | None = None
    """The digest of the row's content that the plan was made for."""
    news: str = ""
    """What is different from the plan that was shown before."""

    @property
    def is_matched(self) -> bool:
        """Whether there is something to decide: the server has the item already."""
        return self.method is not MatchMethod.UNMATCHED

    @property
    def other_warnings(self) -> list[str]:
        """The warnings that are no alarms."""
        return [warning for warning in self.warnings if warning not in self.alarms]

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look at it before saying yes."""
        return bool(self.warnings or self.issues or self.news)


class ShownPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A whole plan as it was shown."""

    fingerprint: str
    items: tuple[ShownItem, ...]
    refusal: str = ""
    """Why it cannot be carried out as it stands; "" where it can."""
    refusal_code: str = ""
    issues: tuple[ShownIssue, ...] = ()

    @property
    def counts(self) -> dict[Kind, Counter[Result]]:
        """How many items of each kind have each result."""
        counts: dict[Kind, Counter[Result]] = {kind: Counter() for kind in Kind}
        for item in self.items:
            counts[item.kind][item.result] += 1
        return counts

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return any(item.result.writes for item in self.items)

    @property
    def news(self) -> list[ShownItem]:
        """The items of which something else is planned than was shown before."""
        return [item for item in self.items if item.news]


Attention = Literal["", "attention", "refused", "news"]


def show(
    plan: Plan,
    decisions: Decisions,
    *,
    refusal: UnableToImport | None = None,
    earlier: ShownPlan | None = None,
    is_decided: bool = False,
) -> ShownPlan:
    """The plan as it is shown; where one was shown `earlier`, with what is different now.

    `is_decided` says that somebody decided otherwise since: then only what happened to the rows
    of the server is different, and what was told of that before is told again.
    """
    messages: dict[tuple[str | None, str], list[str]] = {}
    for issue in plan.issues:
        messages.setdefault((issue.uuid, issue.path), []).append(issue.message)
    known = {(item.kind, item.uuid): item for item in earlier.items} if earlier else {}
    items = []
    for change in plan:
        key = change.item.kind, change.item.uuid
        told = messages.get((change.item.file_uuid, change.item.path), [])
        item = _shown(change, decisions.get(key), told)
        before = known.get(key)
        news = _news(before, item, is_decided=is_decided) if before else ""
        items.append(msgspec.structs.replace(item, news=news) if news else item)
    return ShownPlan(
        fingerprint=plan.fingerprint,
        items=tuple(items),
        refusal=refusal.message if refusal else "",
        refusal_code=refusal.code if refusal else "",
        issues=tuple(
            ShownIssue(code=issue.code, message=issue.message, path=issue.path)
            for issue in (refusal.issues if refusal else ())
        ),
    )


def _shown(change: Change, decision: Decision | None, issues: Sequence[str]) -> ShownItem:
    row = change.row
    return ShownItem(
        kind=change.item.kind,
        uuid=change.item.uuid,
        name=change.item.name,
        result=change.result,
        method=change.method,
        target_uuid=change.target_uuid,
        target_name=change.target_name,
        row=ShownRow(pk=row.pk, uuid=row.uuid, name=row.name) if row else None,
        fields=tuple(
            ShownField(key=field.key, before=field.before, after=field.after)
            for field in change.fields
        ),
        warnings=change.warnings,
        issues=tuple(issues),
        alarms=tuple(notice.text for notice in change.notices if notice.is_serious),
        retargets=change.retargets,
        candidates=tuple(
            ShownRow(pk=row.pk, uuid=row.uuid, name=row.name) for row in change.candidates
        ),
        decided_mode=decision.mode if decision else None,
        decided_target=decision.target_uuid if decision else None,
        before=change.before,
    )


def _news(was: ShownItem, now: ShownItem, *, is_decided: bool) -> str:
    if is_decided:
        return next(_edits(was, now), was.news)
    return next(_differences(was, now), "")


def _edits(was: ShownItem, now: ShownItem) -> Iterator[str]:
    """What happened to the row here, whatever was decided."""
    if was.decided_target == now.decided_target and (was.row and was.row.uuid) != (
        now.row and now.row.uuid
    ):
        yield "is another row now"
    if was.before and now.before and was.before != now.before and was.row == now.row:
        yield "the row here was edited meanwhile"


def _differences(was: ShownItem, now: ShownItem) -> Iterator[str]:
    """What is planned otherwise, the weightiest first."""
    if was.result is not now.result:
        yield f"was {was.result}, is {now.result}"
    if (was.row and was.row.uuid) != (now.row and now.row.uuid):
        yield "is another row now"
    if was.issues != now.issues:
        yield "can be done now" if was.issues and not now.issues else "cannot be done any more"
    if was.before != now.before:
        yield "the row here was edited meanwhile"
    if (was.row and was.row.name) != (now.row and now.row.name):
        yield "the row here was renamed meanwhile"
    if was.target_name != now.target_name:
        yield f"is named {now.target_name} now"
    if was.alarms != now.alarms:
        yield "what it sends elsewhere is different"


def chosen_items(
    items: Iterable[ShownItem],
    *,
    result: Result | None = None,
    attention: Attention = "",
    text: str = "",
) -> Iterator[ShownItem]:
    """The items that all the conditions fit; `text` is looked for in names and uuids."""
    part = text.casefold()
    for item in items:
        if result is not None and item.result is not result:
            continue
        if attention == "attention" and not item.needs_attention:
            continue
        if attention == "refused" and not item.issues:
            continue
        if attention == "news" and not item.news:
            continue
        names = (item.name, item.target_name, item.uuid, item.target_uuid)
        if part and not any(part in name.casefold() for name in names):
            continue
        yield item


def pack_plan(plan: ShownPlan) -> bytes:
    """The plan as bytes, to be kept."""
    return zlib.compress(msgspec.json.encode(plan), _FASTEST)


def unpack_plan(packed: bytes) -> ShownPlan:
    """The plan that `pack_plan` made bytes of."""
    return msgspec.json.decode(zlib.decompress(packed), type=ShownPlan)
