"""The content of an undo's page: its plan, conflicts first, in pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.urls import reverse

from flows.content.fields import Kind
from imports.admin.undo.undo_forms import CHOICE, Choices, UndoFilterForm
from imports.plans.plan import UndoResult
from imports.undo.plans.plan import Conflict, ConflictResolution, UndoChange, UndoPlan
from imports.undo.plans.snapshot import find_row_changes_since, make_undo_token, pack_rows
from imports.undo.service import UndoPreview

ROWS_ON_A_PAGE = 100
ISSUES_SHOWN = 200

_WORDS = {
    ConflictResolution.KEEP: "keep it as it is",
    ConflictResolution.RESTORE: "restore what was before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoLine:
    """A row of the plan as one line of the table."""

    change: UndoChange
    difference: str
    """How the row was changed since the page was opened; "" if it was not."""
    record: int
    """The number of the record of the run that is undone."""
    chosen: ConflictResolution | None
    """The decision on this row alone."""

    @property
    def serious(self) -> list[str]:
        """Return the texts of the row's serious warnings."""
        return [each.text for each in self.change.all_warnings if each.is_serious]

    @property
    def url(self) -> str:
        """Return the URL of the page that shows what the undo would change in the row."""
        arguments = [self.record, self.change.kind, self.change.uuid]
        return reverse("admin:imports_importrecord_undo_row", args=arguments)

    @property
    def row_url(self) -> str | None:
        """Return the URL of the row's own page; None if the row is gone."""
        pk = self.change.pk
        return reverse(f"admin:flows_{self.change.kind}_change", args=[pk]) if pk else None

    @property
    def group(self) -> str:
        """Return the heading of the line."""
        return "conflicts" if self.needs_attention else self.change.kind.plural

    @property
    def needs_attention(self) -> bool:
        """Return whether the row has conflicts or was changed since, and is listed first."""
        return bool(self.difference or self.change.conflicts)

    @property
    def problems(self) -> list[Conflict]:
        """Return the conflicts without a decision, or with one that is not possible."""
        return [one for one in self.change.conflicts if not self._is_resolved(one)]

    @property
    def resolved(self) -> list[Conflict]:
        """Return the conflicts that are resolved."""
        return [one for one in self.change.conflicts if self._is_resolved(one)]

    def _is_resolved(self, conflict: Conflict) -> bool:
        decision = self.change.decision
        return decision is ConflictResolution.KEEP or (
            decision is not None and conflict.may_restore
        )

    @property
    def choices(self) -> list[tuple[ConflictResolution, str]]:
        """Return the possible decisions with their words; none without a conflict."""
        if not self.change.conflicts and self.chosen is None:
            return []
        return [
            (decision, words)
            for decision, words in _WORDS.items()
            if decision is ConflictResolution.KEEP or self.change.may_restore
        ]

    @property
    def choice_name(self) -> str:
        """Return the name of the row's choice in the form."""
        return f"{CHOICE}{self.change.kind}:{self.change.uuid}"


def make_undo_context(
    request: HttpRequest, preview: UndoPreview, choices: Choices, *, packed: str
) -> dict[str, Any]:
    """Return the context of the page; `packed` has the rows of the plan shown first, or is ""."""
    asked = request.POST if request.method == "POST" else request.GET
    plan = preview.plan
    chosen = UndoFilterForm(asked)
    lines = sorted(_make_lines(plan, choices, packed), key=_get_urgency)
    found = [line for line in lines if _fits(line, **chosen.conditions)]
    page = Paginator(found, ROWS_ON_A_PAGE).get_page(asked.get("page"))
    conflicts = sum(1 for line in lines if line.change.conflicts)
    return {
        "plan": plan,
        "name": plan.name,
        "refusal": preview.refusal,
        "issues_shown": preview.refusal.issues[:ISSUES_SHOWN] if preview.refusal else (),
        "issues_hidden": len(preview.refusal.issues[ISSUES_SHOWN:]) if preview.refusal else 0,
        "counts": _count_rows(plan),
        "total": [(result, plan.counts[result]) for result in UndoResult if plan.counts[result]],
        "rows": len(lines),
        "conflicts": conflicts,
        "serious": [line for line in lines if line.serious],
        "has_more_conflicts": conflicts > sum(1 for line in page if line.change.conflicts),
        "filter": chosen,
        "is_filtered": any(chosen.conditions.values()),
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number),
        "decisions": list(_WORDS.items()),
        "chosen": choices,
        "token": make_undo_token(plan),
        "packed": packed or pack_rows(plan),
    }


def _make_lines(plan: UndoPlan, choices: Choices, packed: str) -> Iterator[UndoLine]:
    differences = find_row_changes_since(packed, plan)
    for change in plan:
        yield UndoLine(
            change=change,
            difference=differences.get(change.key, ""),
            record=plan.record,
            chosen=choices.decisions.get(change.key),
        )


def _get_urgency(line: UndoLine) -> tuple[bool, bool, bool]:
    """Return the sort key: rows changed since, rows to decide on, decided ones, others."""
    return not line.difference, not line.problems, not line.needs_attention


def _fits(line: UndoLine, *, result: str, show: str, q: str) -> bool:
    change = line.change
    if result and change.result != result:
        return False
    shown = {"conflict": change.conflicts, "refused": line.problems, "news": line.difference}
    if show and not shown[show]:
        return False
    part = q.casefold()
    return any(part in text.casefold() for text in (change.name, change.target_name, change.uuid))


def _count_rows(plan: UndoPlan) -> list[tuple[Kind, list[tuple[UndoResult, int]]]]:
    """Return, by kind, the number of rows with each result."""
    numbers = {(kind, result): 0 for kind in Kind for result in UndoResult}
    for change in plan:
        numbers[change.kind, change.result] += 1
    return [(kind, [(result, numbers[kind, result]) for result in UndoResult]) for kind in Kind]
