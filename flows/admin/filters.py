"""The filters of the lists of items."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from flows.content import canonical
from flows.models import Flow


def read_tags(text: str) -> list[str]:
    """Return the tags of a document of tags; a tag that is no text is returned as JSON."""
    return [
        tag if isinstance(tag, str) else canonical.encode(tag)
        for tag in canonical.decode(text) or ()
    ]


class StateFilter(admin.SimpleListFilter):
    """Filters by state: live items by default, deleted ones, or all."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("deleted", "Deleted"), ("all", "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        choices = iter(super().choices(changelist))
        yield {**next(choices), "display": "Live"}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(is_deleted=self.value() == "deleted")


class TextFilter(admin.AllValuesFieldListFilter):
    """Filters by the texts of a column; an empty text can be chosen as "(empty)"."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "(empty)"}


class TagFilter(admin.SimpleListFilter):
    """Filters by one of the tags of live flows."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = Flow.objects.filter(is_deleted=False).order_by().values_list("tags", flat=True)
        tags = {tag for text in rows.distinct() for tag in read_tags(text)}
        return [(tag, tag) for tag in sorted(tags)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if (wanted := self.value()) is None:
            return queryset
        # Read here, not searched by the database: it has a document as one text.
        rows = queryset.order_by().values_list("tags", flat=True)
        texts = [text for text in set(rows.distinct()) if wanted in read_tags(text)]
        return queryset.filter(tags__in=texts)
