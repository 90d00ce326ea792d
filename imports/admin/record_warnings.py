"""The warnings on a record's page. No serious one is left out."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from imports.models import ImportItem

_WARNED_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnedLine:
    """An item with its warnings."""

    item: ImportItem
    serious: list[str]
    others: list[str]


def find_warned_items(items: QuerySet[ImportItem]) -> dict[str, Any]:
    """Return the items with a serious warning, the first of the others, and the counts."""
    items = items.exclude(warnings=[])
    details = items.order_by().values_list("pk", "warning_details")
    serious = {pk for pk, each in details.iterator() if any(one["isSerious"] for one in each)}
    shown = [*items.filter(pk__in=serious), *items.exclude(pk__in=serious)[:_WARNED_SHOWN]]
    count = items.count()
    return {
        "count": count,
        "serious": len(serious),
        "lines": [_make_warned_line(item) for item in shown],
        "hidden": count - len(shown),
    }


def _make_warned_line(item: ImportItem) -> WarnedLine:
    serious = [each["text"] for each in item.warning_details if each["isSerious"]]
    others = [text for text in item.warnings if text not in serious]
    return WarnedLine(item=item, serious=serious, others=others)
