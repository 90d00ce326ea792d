"""Warnings, on pages, of secrets that a write sends where they were not sent before."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest

from flows.destinations.warnings import DestinationWarning
from flows.sight import find_visible_kinds


def make_warning_lines(request: HttpRequest, warnings: Iterable[DestinationWarning]) -> list[str]:
    """Return the warnings as the user may see them."""
    visible_kinds = find_visible_kinds(request.user)
    return [f"{warning.get_text_for(visible_kinds)}." for warning in warnings]


def show_warnings(
    admin: "ModelAdmin[Any]",
    request: HttpRequest,
    warnings: Iterable[DestinationWarning],
    *,
    name: str = "",
) -> None:
    """Show the warnings of a write on the next page, in red. `name` is the item's."""
    for line in make_warning_lines(request, warnings):
        admin.message_user(request, f"“{name}”: {line}" if name else line, messages.ERROR)
