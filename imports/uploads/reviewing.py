"""What a person reviewed of an upload's plan: kept for as long as the plan says the same."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import transaction

from flows.servers import get_current_database
from imports.models import PendingImport
from imports.planfile.item_list import is_change, make_review_mark
from imports.planfile.page import PlanPage
from imports.uploads.showing import may_decide


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCount:
    """How many of the items that change are reviewed."""

    done: int
    total: int


def count_reviewed(pending: PendingImport, page: PlanPage) -> ReviewCount:
    """Return how many items of the page are to be reviewed, and how many of them were."""
    changes = [item for item in page.items if is_change(item)]
    marks = set(pending.reviewed)
    done = sum(make_review_mark(item) in marks for item in changes) if marks else 0
    return ReviewCount(done=done, total=len(changes))


def keep_reviewed(
    pending: PendingImport, page: PlanPage, *, done: Collection[str], undone: Iterable[str]
) -> None:
    """Keep the items with the marks `done` as reviewed, and those with the marks `undone` not.

    Marks of items that the page does not have as they were shown are not kept, and none of a user
    who may only look at a kept plan.
    """
    if not may_decide(pending):
        return
    known = {make_review_mark(item) for item in page.items}
    with transaction.atomic(using=get_current_database()):
        waiting = PendingImport.objects.select_for_update().filter(pk=pending.pk, record=None)
        stored = waiting.values_list("reviewed", flat=True).first()
        if stored is None:
            return
        marks = ({*stored, *done} - {*undone}) & known
        if marks != set(stored):
            waiting.update(reviewed=sorted(marks))
        pending.reviewed = sorted(marks)
