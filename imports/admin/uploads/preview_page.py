"""What the page of an upload's plan shows: items in groups, and the counts of all."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from flows.conf import ziggy
from flows.content.fields import Kind
from imports.admin.uploads.forms import ChoicesForm, FilterForm
from imports.admin.uploads.solving import describe_problems
from imports.admin.wording import replace_options
from imports.jobs.asking import is_for_worker
from imports.jobs.availability import lacks_worker
from imports.models import PendingImport
from imports.permissions import get_record_message, may_see_records
from imports.planfile.acknowledgement import PageAcknowledgement, group_by_code
from imports.planfile.item_list import (
    Show,
    find_group,
    is_change,
    list_items,
    make_review_mark,
)
from imports.planfile.page import PageItem, PlanPage
from imports.plans.plan import Mode, Result
from imports.runs.progress import Phase
from imports.uploads.keeping import may_delete
from imports.uploads.progress import find_failed_run, read_progress
from imports.uploads.reviewing import count_reviewed
from imports.uploads.showing import (
    explain_lacking_rights,
    find_items_written_since,
    get_token,
    may_decide,
)

ITEMS_ON_A_PAGE = 100
_RESTING = (Result.UNCHANGED, Result.SKIP)
_TITLES = {
    0: "Cannot be imported as it stands",
    1: "With a serious warning",
    3: "To prune: not in the directory any more",
}
"""By the group of an item: see imports.planfile.item_list.find_group."""
_ONLY_WHERE_SOME = (Result.AMBIGUOUS, Result.PRUNE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedItem:
    """An item of the list, and whether somebody reviewed it."""

    item: PageItem
    mark: str
    """Its mark as it is now; "" for an item that does not change."""
    is_reviewed: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGroup:
    """Items that are shown under one title."""

    title: str
    items: Sequence[ListedItem]


def make_preview_context(
    request: HttpRequest, pending: PendingImport, plan: PlanPage
) -> dict[str, Any]:
    """Return the context of the page, for the list that the address asks for."""
    chosen = FilterForm(request.GET)
    marks = set(pending.reviewed)
    items = list_items(plan.items, chosen.chosen, reviewed=marks)
    page = Paginator(items, ITEMS_ON_A_PAGE).get_page(request.GET.get("page"))
    query = _drop_page(request.GET)
    make_line = partial(_list_item, pending, query, marks)
    return {
        "title": f"Import {pending.label}",
        "may_decide": may_decide(pending),
        "may_delete": may_delete(pending),
        "lacking_rights": explain_lacking_rights(pending, plan),
        "pending": pending,
        "plan": plan,
        "written_since": find_items_written_since(pending, plan),
        **_count_results(plan),
        **describe_problems(pending, plan),
        "review": count_reviewed(pending, plan),
        "modes": list(Mode),
        "filter": chosen,
        "shows_changes": chosen.chosen.show is Show.CHANGES,
        "page": page,
        "groups": [
            ItemGroup(title=title, items=[make_line(item) for item in group])
            for title, group in groupby(page.object_list, key=_make_title)
        ],
        "pages": page.paginator.get_elided_page_range(page.number),
        "query": query,
        "here": request.GET.urlencode(),
        "token": get_token(pending, plan),
        "acknowledgements": _list_acknowledgements(plan),
        "choices": ChoicesForm(pending=pending, user=request.user),
        **_describe_runs(request, pending),
        "asks_for_name": ziggy.CONFIRM_SERVER_NAME,
    }


def _list_acknowledgements(plan: PlanPage) -> list[PageAcknowledgement]:
    """Return what is to be ticked before a plan that may be confirmed; nothing for any other."""
    return group_by_code(plan.unacknowledged) if plan.writes and not plan.refusal else []


def _describe_runs(request: HttpRequest, pending: PendingImport) -> dict[str, Any]:
    """Return how far its import is, and why the last one in the background wrote nothing."""
    user: Any = request.user
    progress, failed = read_progress(pending), find_failed_run(pending)
    return {
        "progress": progress,
        "lacks_worker": progress.code is Phase.QUEUED and lacks_worker(),
        "is_for_worker": is_for_worker(pending),
        "failed_run": failed,
        "failed_message": replace_options(get_record_message(user, failed)) if failed else "",
        "may_see_record": may_see_records(user),
    }


def _count_results(plan: PlanPage) -> dict[str, Any]:
    counts = plan.counts
    total = sum(counts.values(), Counter())
    results = [each for each in Result if total[each] or each not in _ONLY_WHERE_SOME]
    return {
        "counts": [
            {"kind": kind, "results": [(result, counts[kind][result]) for result in results]}
            for kind in Kind
        ],
        "total": [(result, total[result]) for result in Result if total[result]],
        "rest": [(result, total[result]) for result in _RESTING if total[result]],
    }


def make_walk_context(
    request: HttpRequest, pending: PendingImport, plan: PlanPage, item: PageItem
) -> dict[str, Any]:
    """Return the context of the steps from an item's page to those beside it in the list."""
    marks = set(pending.reviewed)
    chosen = FilterForm(request.GET).chosen
    items = list_items(plan.items, chosen, reviewed=marks)
    keys = [(one.kind, one.uuid) for one in items]
    place = keys.index((item.kind, item.uuid)) if (item.kind, item.uuid) in keys else None
    query = _drop_page(request.GET)
    mark = make_review_mark(item) if is_change(item) and may_decide(pending) else ""
    walk: dict[str, Any] = {"mark": mark, "is_reviewed": mark in marks, "query": query}
    if place is not None:
        walk |= {"number": place + 1, "count": len(items)}
        walk["previous"] = make_item_url(pending, items[place - 1], query) if place else ""
        is_last = place + 1 == len(items)
        walk["next"] = "" if is_last else make_item_url(pending, items[place + 1], query)
    return {"walk": walk, "review": count_reviewed(pending, plan)}


def make_item_url(pending: PendingImport, item: PageItem, query: str) -> str:
    """Return the address of an item's page, which goes on in the same list."""
    url = reverse("admin:imports_pending_item", args=[pending.pk, item.kind, item.uuid])
    return f"{url}?{query}" if query else url


def _make_title(item: PageItem) -> str:
    return _TITLES.get(find_group(item)) or item.kind.plural.capitalize()


def _list_item(
    pending: PendingImport, query: str, marks: Collection[str], item: PageItem
) -> ListedItem:
    mark = make_review_mark(item) if is_change(item) else ""
    return ListedItem(
        item=item,
        mark=mark,
        is_reviewed=mark in marks,
        url=make_item_url(pending, item, query),
    )


def _drop_page(asked: QueryDict) -> str:
    query = asked.copy()
    query.pop("page", None)
    return query.urlencode()
