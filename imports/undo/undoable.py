"""Which of several runs a user may undo, for the links to their pages."""

from collections.abc import Collection, Sequence

from flows.content.fields import Kind
from flows.users import User
from imports.models import ImportItem, ImportRecord, Status
from imports.permissions import UNDO_IMPORT
from imports.plans.plan import WRITING_RESULTS


def find_undoable(
    user: User, records: Sequence[ImportRecord], *, visible_kinds: Collection[Kind]
) -> set[int]:
    """Return the numbers of those of the runs whose undo the user may look at.

    These are runs in effect that wrote something, all of kinds that the user may see.
    """
    if not user.has_perm(UNDO_IMPORT):
        return set()
    found = {record.pk for record in records if _can_be_undone(record)}
    hidden = set(Kind) - set(visible_kinds)
    if found and hidden:
        items = ImportItem.objects.filter(record__in=found, kind__in=hidden)
        written = items.filter(result__in=WRITING_RESULTS).order_by()
        found -= set(written.values_list("record", flat=True).distinct())
    return found


def _can_be_undone(record: ImportRecord) -> bool:
    return (
        record.status == Status.SUCCEEDED
        and record.history_pruned_at is None
        and any(record.counts.get(result) for result in WRITING_RESULTS)
    )
