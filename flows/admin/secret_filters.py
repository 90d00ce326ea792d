"""The filter of the list of secrets by their values."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from flows.relations.unfilled import find_unfilled_secrets

MISSING = "missing"
_NONE = Q(dev_value=None, prod_value=None)


class SecretValueFilter(admin.SimpleListFilter):
    """Filters by whether there is a value, and whether something lacks it."""

    title = "value"
    parameter_name = "value"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(MISSING, "None, and used"), ("none", "None"), ("stored", "Stored")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == MISSING:
            return queryset.filter(pk__in=find_unfilled_secrets())
        if self.value() == "none":
            return queryset.filter(_NONE)
        return queryset.exclude(_NONE) if self.value() == "stored" else queryset
