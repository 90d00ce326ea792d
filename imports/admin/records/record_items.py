"""The items on a record's page: what changed, in words; one page of them is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse

from flows.content.fields import Kind
from flows.models import MODELS
from flows.users import User
from imports.admin.records.item_page import has_difference
from imports.admin.wording import RESULT_WORDS
from imports.models import ImportItem, ImportRecord
from imports.permissions import may_see
from imports.plans.plan import WRITING_RESULTS
from imports.records.written_states import describe_change, read_written_states

ITEMS_PER_PAGE = 50
EVERY_RESULT = "all"


class ItemFilter(forms.Form):
    """Which of a record's items are shown."""

    result = forms.ChoiceField(
        required=False,
        choices=[
            ("", "what changed"),
            (EVERY_RESULT, "all results"),
            *((str(word), text) for word, text in RESULT_WORDS.items()),
        ],
    )
    text = forms.CharField(required=False, label="Name or uuid")
    warned = forms.BooleanField(required=False, label="Only with warnings")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """An item of the record as one line of the table."""

    item: ImportItem
    result: str
    has_other_uuid: bool
    """Whether the row's uuid differs from the file's."""
    target_url: str | None
    difference_url: str | None
    target_state: str
    """What became of the row; "" if it simply exists."""
    words: tuple[str, ...]
    """What the run changed in the row."""


def make_items_context(request: HttpRequest, record: ImportRecord) -> dict[str, Any]:
    """Return the context of the table of items, for the page and the filter of the address."""
    asked = ItemFilter(request.GET)
    items = sort_items(record.items.all())
    is_filtered = any(request.GET.get(name) for name in asked.fields)
    changed = items.filter(result__in=WRITING_RESULTS)
    if asked.is_valid():
        items = _filter_items(items, asked.cleaned_data) if is_filtered else changed
    page = Paginator(items, ITEMS_PER_PAGE).get_page(request.GET.get("page"))
    return {
        "item_filter": asked,
        "is_filtered": is_filtered,
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number),
        "groups": list(_group_items(page, request.user)),
        "left_alone": _count_left_alone(record),
    }


def _count_left_alone(record: ImportRecord) -> list[tuple[str, str, int]]:
    """Return the results that change no row: each with its word and the number of items."""
    return [
        (result, word, record.counts[result])
        for result, word in RESULT_WORDS.items()
        if result not in WRITING_RESULTS and record.counts.get(result)
    ]


def _filter_items(items: QuerySet[ImportItem], asked: dict[str, Any]) -> QuerySet[ImportItem]:
    if asked["result"] and asked["result"] != EVERY_RESULT:
        items = items.filter(result=asked["result"])
    if asked["warned"]:
        items = items.exclude(warnings=[])
    if text := asked["text"]:
        items = items.filter(make_search_condition(text))
    return items


def make_search_condition(text: str) -> Q:
    """Return the condition that an item's name or uuid, in the file or here, contains the text."""
    names = ("name", "target_name", "uuid", "target_uuid")
    return reduce(or_, (Q((f"{name}__icontains", text)) for name in names))


def sort_items(items: QuerySet[ImportItem]) -> QuerySet[ImportItem]:
    """Sort by kind (flows, connections, secrets), then by the file's order."""
    order = [When(kind=str(kind), then=Value(number)) for number, kind in enumerate(Kind)]
    return items.order_by(Case(*order, output_field=IntegerField()), "position", "pk")


def _group_items(page: Page[ImportItem], user: Any) -> Iterator[tuple[str, list[ItemLine]]]:
    for word, items in groupby(page, key=lambda item: item.kind):
        kind = Kind(word)
        yield kind.plural, list(_make_lines(kind, list(items), user))


def _make_lines(kind: Kind, items: Sequence[ImportItem], user: User) -> Iterator[ItemLine]:
    rows = MODELS[kind]._default_manager.filter(uuid__in={item.target_uuid for item in items})
    found = {
        uuid: (pk, is_deleted)
        for uuid, pk, is_deleted in rows.order_by().values_list("uuid", "pk", "is_deleted")
    }
    sees_kind = may_see(user, kind)
    states = read_written_states(kind, items) if sees_kind else {}
    for item in items:
        pk, is_deleted = found.get(item.target_uuid, (None, False))
        url = reverse(f"admin:flows_{kind}_change", args=[pk]) if pk and sees_kind else None
        yield ItemLine(
            item=item,
            result=RESULT_WORDS[item.result],
            has_other_uuid=str(item.target_uuid) != item.uuid.lower(),
            target_url=url,
            target_state="gone" if pk is None else "deleted" if is_deleted else "",
            difference_url=_get_difference_url(item) if sees_kind else None,
            words=describe_change(item, states.get(item.pk)),
        )


def _get_difference_url(item: ImportItem) -> str | None:
    if not has_difference(item):
        return None
    return reverse("admin:imports_importrecord_item", args=[item.record_id, item.pk])
