"""The warnings on a record's page. No serious one is left out."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from imports.models import ImportItem
from imports.records.warning_texts import make_condition_of_serious

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
    details = Cast("warning_details", TextField())
    is_serious = make_condition_of_serious("details_text")
    texts = items.annotate(details_text=details).filter(is_serious)
    serious = set(texts.order_by().values_list("pk", flat=True))
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
