"""The addresses of the admin's lists, of which anybody can type any: checked before the database.

What a list is asked in its address is one of its own filters or refused, and what no filter can
mean leads to the bare list instead of an error.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest

# What Django's own filters append to the field that they are of.
_ENDINGS = ("", "__exact", "__isnull", "__gte", "__lt", "__id__exact")
_NUL = "\0"  # no text on PostgreSQL holds it


class CheckedListMixin:
    """For a ModelAdmin: its list looks up nothing but what its filters offer, and counts none."""

    # Django would count the rows of each choice by itself, and there is one for each tag: minutes
    # on a large server, for whoever may see the list. Refused in the address, too.
    show_facets = admin.ShowFacets.NEVER

    get_list_filter: Any
    date_hierarchy: ClassVar[Any]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        # Django allows every column of the model: a text could be guessed letter by letter.
        return lookup in set(self._own_lookups(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        for name, values in request.GET.lists():
            # What is searched for goes through a form of Django's, which says that it is wrong.
            if name != SEARCH_VAR and any(_NUL in text for text in (name, *values)):
                raise IncorrectLookupParameters
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (ValueError, OverflowError) as error:  # such as the year after 9999
            raise IncorrectLookupParameters from error

    def _own_lookups(self, request: HttpRequest) -> Iterator[str]:
        for entry in self.get_list_filter(request):
            if isinstance(entry, type) and issubclass(entry, admin.SimpleListFilter):
                yield str(entry.parameter_name)
            else:
                field = entry[0] if isinstance(entry, tuple | list) else entry
                yield from (f"{field}{ending}" for ending in _ENDINGS)
        if field := self.date_hierarchy:
            yield from (f"{field}__{part}" for part in ("year", "month", "day"))
