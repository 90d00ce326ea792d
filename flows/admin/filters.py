"""The filters of the lists of items."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from flows.content import canonical
from flows.models import Flow


def tags_of(text: str) -> list[str]:
    """The tags of a document of tags; what is no text, which only a person can write, as JSON."""
    return [
        tag if isinstance(tag, str) else canonical.encode(tag)
        for tag in canonical.decode(text) or ()
    ]


class StateFilter(admin.SimpleListFilter):
    """Live items, which is what a list shows of itself, deleted ones, or all."""

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
    """The texts that a column has; an empty one has a name too, by which it can be chosen."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "(empty)"}


class TagFilter(admin.SimpleListFilter):
    """One of the tags that live flows have."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = Flow.objects.filter(is_deleted=False).order_by().values_list("tags", flat=True)
        tags = {tag for text in rows.distinct() for tag in tags_of(text)}
        return [(tag, tag) for tag in sorted(tags)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if (wanted := self.value()) is None:
            return queryset
        # Read, not searched for by the database: to it a document is one text.
        rows = queryset.order_by().values_list("tags", flat=True)
        texts = [text for text in set(rows.distinct()) if wanted in tags_of(text)]
        return queryset.filter(tags__in=texts)
