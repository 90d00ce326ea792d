"""Check the addresses of the admin's lists, which can be typed freely, before the database is used.

A parameter of the query is one of the list's own filters or is refused; a value that no filter
can have leads to the list without filters instead of an error.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest

# The suffixes that Django's own filters append to their field.
_ENDINGS = ("", "__exact", "__isnull", "__gte", "__lt", "__id__exact")
_NUL = "\0"  # no text on PostgreSQL can contain it


class CheckedListMixin:
    """Limits a ModelAdmin's list to the lookups of its filters, without counts of their rows."""

    # Django would count the rows of each choice by itself, and there is one for each tag: minutes
    # on a large server, for any user who may see the list. Also refused as a parameter.
    show_facets = admin.ShowFacets.NEVER

    get_list_filter: Any
    date_hierarchy: ClassVar[Any]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        # Django allows every column of the model: a text could be guessed letter by letter.
        return lookup in set(self._list_own_lookups(request))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        for name, values in request.GET.lists():
            # The search text is checked by a form of Django's, which shows the error.
            if name != SEARCH_VAR and any(_NUL in text for text in (name, *values)):
                raise IncorrectLookupParameters
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (ValueError, OverflowError) as error:  # such as the year after 9999
            raise IncorrectLookupParameters from error

    def _list_own_lookups(self, request: HttpRequest) -> Iterator[str]:
        for entry in self.get_list_filter(request):
            if isinstance(entry, type) and issubclass(entry, admin.SimpleListFilter):
                yield str(entry.parameter_name)
            else:
                field = entry[0] if isinstance(entry, tuple | list) else entry
                yield from (f"{field}{ending}" for ending in _ENDINGS)
        if field := self.date_hierarchy:
            yield from (f"{field}__{part}" for part in ("year", "month", "day"))
