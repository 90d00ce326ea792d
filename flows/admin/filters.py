"""The filters of the lists of items."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

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


class BoxedFilter:
    """Part of a filter with many choices: one types into a box that offers them.

    A line for each of a thousand tags made the page 26,000 pixels high. What is typed and is none
    of the choices is looked for in them.
    """

    title: Any
    kept: list[tuple[str, str]]
    """The other parameters of the list, which the box's form sends too."""
    box_name: str
    """The parameter of the box."""
    typed: str

    def fill_box(self, changelist: Any, name: str, value: str | None) -> None:
        """Set what the template of the box shows."""
        query = changelist.get_query_string(remove=[name, f"{name}__isnull", "p"])
        self.kept = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
        self.box_name, self.typed = name, value or ""

    @property
    def box_id(self) -> str:
        """Return the id of the box, of which a page has one for each filter."""
        return f"filter-{self.box_name}"


def _choose_matches(choices: Iterable[Any], typed: str) -> Iterator[Any]:
    """Yield the choices that have in them what was typed, the selected one first."""
    found = [choice for choice in choices if contains(str(choice["display"]), typed)]
    yield from sorted(found, key=lambda choice: not choice["selected"])[:_MATCHES_SHOWN]


def contains(text: str, typed: str) -> bool:
    """Return whether the text has in it what was typed, in whatever case."""
    return typed.casefold() in text.casefold()


_MATCHES_SHOWN = 20
_BOXED_FROM = 30
"""More choices than this are offered in a box."""


class TextFilter(BoxedFilter, admin.AllValuesFieldListFilter):
    """Filters by the texts of a column, of many in a box; an empty text is "(empty)"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.options = [str(text) for text in self.lookup_choices if text]
        if len(self.options) > _BOXED_FROM:
            self.template = "admin/flows/filter_box.html"

    def choices(self, changelist: Any) -> Iterator[Any]:
        named = [
            {**choice, "display": choice["display"] or "(empty)"}
            for choice in super().choices(changelist)
        ]
        if len(self.options) <= _BOXED_FROM:
            yield from named
            return
        value = self.lookup_val[-1] if self.lookup_val else ""
        self.fill_box(changelist, self.field_path, value)
        texts = {*self.options}
        for choice in named:
            if str(choice["display"]) not in texts:  # all, and the empty ones
                yield choice
        if value:
            yield from _choose_matches(
                (choice for choice in named if str(choice["display"]) in texts), value
            )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        typed = self.lookup_val[-1] if self.lookup_val else ""
        if not typed or typed in self.options or len(self.options) <= _BOXED_FROM:
            return super().queryset(request, queryset)
        texts = [text for text in self.options if contains(text, typed)]
        return queryset.filter(**{f"{self.field_path}__in": texts})


class TagFilter(BoxedFilter, admin.SimpleListFilter):
    """Filters by one of the tags of live flows, which is typed into a box that offers them."""

    title = "tag"
    parameter_name = "tag"
    template = "admin/flows/filter_box.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tag, tag) for tag in list_tags()]

    @property
    def options(self) -> list[str]:
        """Return the tags that the box offers."""
        return [str(tag) for tag, _ in self.lookup_choices]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield "All", and of what was typed the tags that have it in them."""
        self.fill_box(changelist, self.parameter_name, self.value())
        everything, *others = super().choices(changelist)
        yield everything
        if typed := self.value():
            yield from _choose_matches(others, typed)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted is None:
            return queryset
        is_known = wanted in self.options
        if not wanted and not is_known:  # the empty box
            return queryset
        # Read here, not searched by the database: it has a document as one text.
        rows = queryset.order_by().values_list("tags", flat=True)
        read = {text: read_tags(text) for text in set(rows.distinct())}
        texts = [text for text, tags in read.items() if wanted in tags]
        if not texts and not is_known:
            texts = [
                text for text, tags in read.items() if any(contains(tag, wanted) for tag in tags)
            ]
        return queryset.filter(tags__in=texts)


def list_tags() -> list[str]:
    """Return the tags of the live flows, sorted."""
    rows = Flow.objects.filter(is_deleted=False).order_by().values_list("tags", flat=True)
    return sorted({tag for text in rows.distinct() for tag in read_tags(text)})
